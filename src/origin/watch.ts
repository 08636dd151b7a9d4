import { BrokenStream } from "../bytes/broken-stream.ts";
import { Digest } from "../bytes/digest.ts";
import { discard } from "../bytes/discard.ts";
import type { PieceReader } from "../bytes/piece-reader.ts";
import { READ_PIECE_BYTES } from "../limits.ts";
import type { Reason } from "../reasons.ts";

/**
 * How a response body ended: whole, with the base64url SHA-256 of what the client was sent, or cut off, and why. The
 * digest is of the content without its content coding, should an origin have coded it against our wish.
 */
export type BodyEnd =
  | { readonly sha256: string; readonly reason: null }
  | { readonly sha256: null; readonly reason: Reason };

/** What can end a body before its time. */
export interface Cuts {
  /** Aborted when the client goes away, which a stream that is waiting for the origin does not notice. */
  readonly clientGone: AbortSignal;
  /** Aborted when the client must not be sent any more; its reason is the reason code. */
  readonly stop: AbortSignal;
  /** Whether a stop may look like an end: an event stream can end at any time, anything else would seem whole. */
  readonly endsCleanly: boolean;
}

/**
 * Passes a response body on, chunk by chunk as it comes, and tells at its end what went through. Never `tee()`:
 * that would not tell the origin when the client goes away.
 *
 * @param length octets of the body; null where that is not known before it ends
 * @param see is shown each chunk, once it has been passed on
 */
export function watchBody(
  reader: PieceReader,
  length: number | null,
  { clientGone, stop, endsCleanly }: Cuts,
  see: (chunk: Uint8Array) => void = () => {},
): { body: ReadableStream<Uint8Array>; end: Promise<BodyEnd> } {
  const digest = new Digest();
  const { promise: end, resolve } = Promise.withResolvers<BodyEnd>();
  void end.then(({ sha256 }) => (sha256 === null ? digest.abandon() : undefined));
  /** Octets that were passed on. */
  let passed = 0;
  /** Nothing more is passed on. */
  let over = false;
  /** Lets go of the origin, whose stream the client's going may have broken already. */
  const release = (reason: unknown): Promise<void> => {
    over = true;
    return discard(reader, reason);
  };
  // Who has it all may go at once, before its digest is there.
  const onGone = () => {
    if (!over) resolve({ sha256: null, reason: "origin.client_gone" });
  };
  if (clientGone.aborted) onGone();
  clientGone.addEventListener("abort", onGone);
  const watched = new ReadableStream<Uint8Array>(
    {
      start(controller) {
        const onStop = () => {
          if (over) return;
          resolve({ sha256: null, reason: stop.reason });
          if (endsCleanly) controller.close();
          else controller.error(new BrokenStream(stop.reason));
          release(stop.reason);
        };
        if (stop.aborted) onStop();
        stop.addEventListener("abort", onStop);
      },
      async pull(controller) {
        try {
          const left = Math.max((length ?? READ_PIECE_BYTES) - passed, 1);
          const piece = await reader.read({ size: Math.min(left, READ_PIECE_BYTES), atLeast: 1 });
          if (over) return;
          if (piece !== undefined) {
            controller.enqueue(piece);
            passed += piece.length;
            await digest.push(piece);
            see(piece);
            // The end of what came whole need not be waited for.
            if (passed !== length || over) return;
          }
          over = true;
          controller.close();
          resolve({ sha256: await digest.end(), reason: null });
        } catch (error) {
          over = true;
          // An origin that breaks off breaks the client's stream too, as it would without us between.
          const reason = error instanceof BrokenStream ? error.reason : "origin.broken";
          resolve({ sha256: null, reason });
          controller.error(error);
        }
      },
      async cancel(reason) {
        onGone();
        await release(reason);
      },
    },
    { highWaterMark: 0 },
  );
  return { body: watched, end };
}
