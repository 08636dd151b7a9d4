import { ByteBuffer } from "../../bytes/byte-buffer.ts";
import { utf8 } from "../../encoding.ts";
import { fail, ok, type Result } from "../../result.ts";
import { filterList, type IsAllowed } from "./filter.ts";

export const LF = 0x0a;
export const CR = 0x0d;
export const COLON = 0x3a;
const SPACE = 0x20;
const DATA = utf8("data");
const NEW_LINE = Uint8Array.of(LF);

/** A line of an event, as places in its bytes. */
interface Line {
  readonly start: number;
  /** Behind the last byte before the line ending. */
  readonly end: number;
  /** Behind the line ending: CR, LF or CRLF. */
  readonly next: number;
}

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

/** As clients decode: what is not UTF-8 becomes U+FFFD. */
const decoder = new TextDecoder("utf-8", { fatal: false, ignoreBOM: true });
const decode = (bytes: Uint8Array): string => decoder.decode(bytes);

/**
 * Whether a parser that takes more than we do (NaN, comments, another idea of where a line ends) could find a tool list.
 * None does without a brace, or without the word `tools`, which escapes can hide.
 */
const mayBeRead = (text: string): boolean => text.includes("{") && /tools|\\/iu.test(text);

/** The values of the data lines, joined by LF; nothing where there are none. */
function dataOf(event: Uint8Array): Uint8Array {
  const data = new ByteBuffer();
  let isFirst = true;
  for (const line of linesOf(event)) {
    if (!isData(event, line)) continue;
    if (!isFirst) data.pushByte(LF);
    isFirst = false;
    const colon = line.start + DATA.length;
    const value = event[colon + 1] === SPACE ? colon + 2 : colon + 1;
    if (value < line.end) data.push(event.subarray(value, line.end));
  }
  return data.bytes;
}

/**
 * The event with other data, in the place and with the line ending of its last data line: were it in the place of an
 * earlier one, a CR could come to stand before an LF, and two lines would become one.
 */
function withData(event: Uint8Array<ArrayBuffer>, data: string): Uint8Array<ArrayBuffer> {
  let last: Line | null = null;
  for (const line of linesOf(event)) if (isData(event, line)) last = line;
  const written = new ByteBuffer();
  for (const line of linesOf(event)) {
    if (!isData(event, line)) {
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

function* linesOf(event: Uint8Array): Generator<Line> {
  let start = 0;
  for (let at = 0; at < event.length; at++) {
    if (event[at] !== LF && event[at] !== CR) continue;
    const next = event[at] === CR && event[at + 1] === LF ? at + 2 : at + 1;
    yield { start, end: at, next };
    start = next;
    at = next - 1;
  }
  if (start < event.length) yield { start, end: event.length, next: event.length };
}

/** Whether a line is of the field `data`: the whole name, with or without a colon behind. */
function isData(event: Uint8Array, { start, end }: Line): boolean {
  const nameEnd = start + DATA.length;
  if (nameEnd > end || (nameEnd < end && event[nameEnd] !== COLON)) return false;
  return DATA.every((byte, i) => event[start + i] === byte);
}
