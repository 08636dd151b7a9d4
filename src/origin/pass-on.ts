import { readAtOnce } from "../bytes/at-once.ts";
import { bodyReader } from "../bytes/piece-reader.ts";
import { sha256, toBase64url } from "../encoding.ts";
import { MAX_SHORT_ANSWER_BYTES, SHORT_ANSWER_WAIT_MS } from "../limits.ts";
import type { Answer } from "./forward.ts";
import { isEventStream } from "./headers.ts";
import { type BodyEnd, watchBody } from "./watch.ts";

/**
 * Passes the body of an answer on: a short one that is there with its head as it is, so that nothing stays open; any other as a stream
 * that is watched.
 *
 * @param clientGone aborted when the client goes away
 * @param stopSignal gives what is aborted, with the reason, when the client must not be sent any more; called for a stream alone
 * @param see is shown all that is passed on
 */
export async function passOn(
  { headers, body, length }: Omit<Answer, "status">,
  clientGone: AbortSignal,
  stopSignal: () => AbortSignal,
  see: (chunk: Uint8Array) => void = () => {},
): Promise<{ body: Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array> | null; end: Promise<BodyEnd> }> {
  if (body === null) return { body, end: endOf(new Uint8Array()) };
  const reader = bodyReader(body, length);
  const isShort = length !== null && length > 0 && length <= MAX_SHORT_ANSWER_BYTES;
  const taken = isShort ? await readAtOnce(reader, length, SHORT_ANSWER_WAIT_MS) : reader;
  if (taken instanceof Uint8Array) {
    see(taken);
    return { body: taken, end: endOf(taken) };
  }
  const cuts = { clientGone, stop: stopSignal(), endsCleanly: isEventStream(headers) };
  return watchBody(taken, length, cuts, see);
}

const endOf = async (whole: Uint8Array<ArrayBuffer>): Promise<BodyEnd> => ({
  sha256: toBase64url(await sha256(whole)),
  reason: null,
});
