import type { Reason } from "../reasons.ts";
import { fail, ok, type Result } from "../result.ts";

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
  let expire: ReturnType<typeof setTimeout> | undefined;
  const expired = new Promise<"expired">((resolve) => {
    expire = setTimeout(resolve, deadlineMs, "expired");
  });
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    for (;;) {
      const step = await Promise.race([reader.read(), expired]);
      if (step === "expired") return fail("message.body_timeout");
      if (step.done) return ok(concatenate(chunks, size));
      size += step.value.length;
      if (size > maxBytes) return fail("message.too_large");
      chunks.push(step.value);
    }
  } catch {
    // The only thing that can throw here is the stream: the client broke off.
    return fail("message.body_broken");
  } finally {
    clearTimeout(expire);
    reader.cancel().catch(() => {});
  }
}

function concatenate(chunks: readonly Uint8Array[], size: number): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(size);
  let offset = 0;
  for (const chunk of chunks) {
    whole.set(chunk, offset);
    offset += chunk.length;
  }
  return whole;
}
