import { toBase64url } from "../encoding.ts";

/** How a response body ended, and the digest of what the client was sent. */
export interface BodyEnd {
  readonly complete: boolean;
  /** base64url SHA-256; null where the body was cut off. */
  readonly sha256: string | null;
}

/**
 * Passes a response body on, chunk by chunk as it comes, and tells at its end what went through. Never `tee()`:
 * that would not tell the origin when the client goes away.
 *
 * @param signal aborted when the client goes away, which a stream that is waiting for the origin does not notice
 */
export function watchBody(
  body: ReadableStream<Uint8Array> | null,
  signal: AbortSignal,
): { body: ReadableStream<Uint8Array> | null; end: Promise<BodyEnd> } {
  const digest = new crypto.DigestStream("SHA-256");
  const writer = digest.getWriter();
  const finish = async (): Promise<BodyEnd> => {
    await writer.close();
    return { complete: true, sha256: toBase64url(new Uint8Array(await digest.digest)) };
  };
  if (body === null) return { body: null, end: finish() };

  const { promise: end, resolve } = Promise.withResolvers<BodyEnd>();
  const cut = () => resolve({ complete: false, sha256: null });
  if (signal.aborted) cut();
  signal.addEventListener("abort", cut);
  const watched = new TransformStream<Uint8Array, Uint8Array>({
    async transform(chunk, controller) {
      controller.enqueue(chunk);
      await writer.write(chunk);
    },
    async flush() {
      resolve(await finish());
    },
    cancel: cut,
  });
  // An origin that breaks off breaks the client's stream too, as it would without us between.
  body.pipeTo(watched.writable).catch(cut);
  return { body: watched.readable, end };
}
