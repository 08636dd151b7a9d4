import type { Reason } from "../reasons.ts";
import { fail, ok, type Result } from "../result.ts";

/** First size of the buffer; most bodies fit. */
const INITIAL_BYTES = 4096;

/**
 * Reads a request body whole, because it must be hashed before anything is forwarded.
 *
 * @param maxBytes the cap, enforced on what arrives and, early, on what Content-Length announces
 * @param deadlineMs how long the sender may take, milliseconds
 */
export async function readBody(
  body: ReadableStream<Uint8Array> | null,
  headers: ReadonlyMap<string, string>,
  maxBytes: number,
  deadlineMs: number,
): Promise<Result<Uint8Array<ArrayBuffer>, Reason>> {
  if (Number(headers.get("content-length") ?? 0) > maxBytes) return fail("message.too_large");
  if (body === null) return ok(new Uint8Array());
  const reader = body.getReader();
  let expired = false;
  const timer = setTimeout(() => {
    expired = true;
    cancel(reader);
  }, deadlineMs);
  // Each chunk is copied and let go: a chunk of one byte may hold on to a whole read buffer of the runtime.
  let held = new Uint8Array(INITIAL_BYTES);
  let size = 0;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (expired) return fail("message.body_timeout");
      if (done) return ok(held.slice(0, size));
      if (size + value.length > maxBytes) return fail("message.too_large");
      if (size + value.length > held.length) held = grown(held, size + value.length);
      held.set(value, size);
      size += value.length;
    }
  } catch {
    // The only thing that can throw here is the stream: the client broke off.
    return fail(expired ? "message.body_timeout" : "message.body_broken");
  } finally {
    clearTimeout(timer);
    cancel(reader);
  }
}

/** A copy with room for `needed` bytes at least, and twice as much as before: copying stays linear. */
function grown(held: Uint8Array<ArrayBuffer>, needed: number): Uint8Array<ArrayBuffer> {
  const larger = new Uint8Array(Math.max(2 * held.length, needed));
  larger.set(held);
  return larger;
}

/** Tells the sender that nobody reads on. Cancelling a stream that has ended or broken is nothing. */
const cancel = (reader: ReadableStreamDefaultReader<Uint8Array>): void => {
  reader.cancel().catch(() => {});
};
