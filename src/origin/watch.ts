import { toBase64url } from "../encoding.ts";

/** How a response body ended: whole, with the base64url SHA-256 of what the client was sent, or cut off by either side. */
export type BodyEnd =
  | { readonly sha256: string; readonly reason: null }
  | { readonly sha256: null; readonly reason: "origin.broken" | "origin.client_gone" };

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
    return { sha256: toBase64url(new Uint8Array(await digest.digest)), reason: null };
  };
  if (body === null) return { body: null, end: finish() };

  const { promise: end, resolve } = Promise.withResolvers<BodyEnd>();
  void end.then(async ({ sha256 }) => {
    // Of a body that was cut off there is no digest: each of these three rejects, and nobody needs to know.
    if (sha256 === null) await Promise.allSettled([writer.abort(), writer.closed, digest.digest]);
  });
  const clientGone = () => resolve({ sha256: null, reason: "origin.client_gone" });
  if (signal.aborted) clientGone();
  signal.addEventListener("abort", clientGone);
  const reader = body.getReader();
  let cancelled = false;
  const watched = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const { done, value } = await reader.read();
          if (cancelled) return;
          if (!done) {
            controller.enqueue(value);
            return await writer.write(value);
          }
          controller.close();
          resolve(await finish());
        } catch (error) {
          // An origin that breaks off breaks the client's stream too, as it would without us between.
          resolve({ sha256: null, reason: "origin.broken" });
          controller.error(error);
        }
      },
      async cancel(reason) {
        cancelled = true;
        clientGone();
        // It rejects where the origin's stream is broken already, which the client's going may have done.
        await reader.cancel(reason).catch(() => {});
      },
    },
    { highWaterMark: 0 },
  );
  return { body: watched, end };
}
