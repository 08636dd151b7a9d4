import { ByteBuffer } from "../byte-buffer.ts";
import { fromUtf8, utf8 } from "../encoding.ts";
import { fail, ok, type Result } from "../result.ts";
import { filterList, type IsAllowed } from "./list-filter.ts";

/** Why a list cannot be shown: it is beyond the cap, its stream broke off, or it is not JSON in UTF-8. */
export type ListFault = "too_large" | "broken" | "garbage";

/**
 * Reads a JSON answer whole and filters it (`filterList`). The origin is told where nobody reads on.
 *
 * @param maxBytes the cap on what is held
 */
export async function filterListBody(
  body: ReadableStream<Uint8Array>,
  isAllowed: IsAllowed,
  maxBytes: number,
): Promise<Result<Uint8Array<ArrayBuffer>, ListFault>> {
  const read = await readAll(body, maxBytes);
  if (!read.ok) return read;
  const text = fromUtf8(read.value);
  const filtered = text === null ? null : filterList(text, isAllowed);
  if (filtered === null) return fail("garbage");
  return ok(filtered === text ? read.value : utf8(filtered));
}

async function readAll(
  body: ReadableStream<Uint8Array>,
  maxBytes: number,
): Promise<Result<Uint8Array<ArrayBuffer>, ListFault>> {
  const reader = body.getReader();
  const held = new ByteBuffer();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return ok(held.bytes);
      if (held.size + value.length > maxBytes) {
        // It rejects where the stream has broken meanwhile, which is nothing to us any more.
        reader.cancel("too_large").catch(() => {});
        return fail("too_large");
      }
      held.push(value);
    }
  } catch {
    // The only thing that can throw here is the stream: the origin broke off.
    return fail("broken");
  }
}
