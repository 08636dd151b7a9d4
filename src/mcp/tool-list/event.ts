import { ByteBuffer } from "../../bytes/byte-buffer.ts";
import { utf8 } from "../../encoding.ts";
import { fail, ok, type Result } from "../../result.ts";
import { dataOf, decode, fieldValue, LF, type Line, linesOf } from "../event.ts";
import { filterList, type IsAllowed } from "./filter.ts";

const NEW_LINE = Uint8Array.of(LF);

/**
 * Filters the tool list in one event (WHATWG HTML, "Server-sent events"), if there is one. In an event that changes all
 * lines but those of its data stay as they are, and what is not UTF-8 in the data becomes U+FFFD, as its reader would
 * have decoded it.
 *
 * @param event its lines, without a byte order mark
 * @returns the very same bytes where nothing changes; "garbage" where the data is not JSON to us but a client with a
 *   laxer parser might find a list
 */
export function filterEvent(
  event: Uint8Array<ArrayBuffer>,
  isAllowed: IsAllowed,
): Result<Uint8Array<ArrayBuffer>, "garbage"> {
  const data = decode(dataOf(event));
  const filtered = filterList(data, isAllowed);
  if (filtered === null) return mayBeRead(decode(event)) ? fail("garbage") : ok(event);
  return ok(filtered === data ? event : withData(event, filtered));
}

/**
 * Whether a parser that takes more than we do (NaN, comments, another idea of where a line ends) could find a tool list.
 * None does without a brace, or without the word `tools`, which escapes can hide.
 */
const mayBeRead = (text: string): boolean => text.includes("{") && /tools|\\/iu.test(text);

/**
 * The event with other data, in the place and with the line ending of its last data line: were it in the place of an
 * earlier one, a CR could come to stand before an LF, and two lines would become one.
 */
function withData(event: Uint8Array<ArrayBuffer>, data: string): Uint8Array<ArrayBuffer> {
  let last: Line | null = null;
  for (const line of linesOf(event)) if (fieldValue(event, line, "data") !== null) last = line;
  const written = new ByteBuffer();
  for (const line of linesOf(event)) {
    if (fieldValue(event, line, "data") === null) {
      written.push(event.subarray(line.start, line.next));
    } else if (line.start === last?.start) {
      const ending = event.subarray(line.end, line.next);
      for (const [i, value] of data.split("\n").entries()) {
        // The last line of a stream may have no ending; those before it need one.
        if (i > 0) written.push(ending.length > 0 ? ending : NEW_LINE);
        written.push(utf8(`data: ${value}`));
      }
      written.push(ending);
    }
  }
  return written.bytes;
}
