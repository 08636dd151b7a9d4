import { ByteBuffer } from "../../bytes/byte-buffer.ts";
import { fromUtf8 } from "../../encoding.ts";
import { MAX_EXPORT_LINE_BYTES } from "../../limits.ts";
import { fail, ok, type Result } from "../../result.ts";

const LINE_FEED = 0x0a;

/**
 * Cuts bytes at line feeds, and nowhere else. Ends with the first line that is wrong: no UTF-8, too long, or without a line feed.
 *
 * @returns lines without their line feeds; else what is wrong, in words that follow "line 5: "
 */
export async function* splitLines(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Result<string, string>> {
  const held = new ByteBuffer();
  for await (const chunk of chunks) {
    for (let start = 0; start < chunk.length; ) {
      const found = chunk.indexOf(LINE_FEED, start);
      const end = found === -1 ? chunk.length : found;
      if (held.size + end - start > MAX_EXPORT_LINE_BYTES)
        return yield fail("it is longer than any line of an export");
      held.push(chunk.subarray(start, end));
      start = end + 1;
      if (found === -1) break;
      const text = fromUtf8(held.bytes);
      if (text === null) return yield fail("it is not UTF-8");
      yield ok(text);
      held.clear();
    }
  }
  if (held.size > 0) yield fail("it breaks off");
}
