import { readAtOnce } from "../bytes/at-once.ts";
import { bodyReader } from "../bytes/piece-reader.ts";
import { sha256, toBase64url } from "../encoding.ts";
import { AT_ONCE_MS, CHUNK_BYTES } from "../limits.ts";
import type { Answer } from "./forward.ts";
import { isEventStream } from "./headers.ts";
import { type BodyEnd, watchBody } from "./watch.ts";

/**
 * Passes the body of an answer on: a short one that is there with its head as it is, so that nothing stays open; any other as a stream
 * that is watched.
 *
 * @param clientGone aborted when the client goes away
 * @param stop gives what is aborted, with the reason, when the client must not be sent any more; asked for a stream alone
 * @param see is shown all that is passed on
 */
export async function passOn(
  { headers, body, length }: Answer,
  clientGone: AbortSignal,
  stop: () => AbortSignal,
  see: (chunk: Uint8Array) => void = () => {},
): Promise<{ body: Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array> | null; end: Promise<BodyEnd> }> {
  const reader = body && bodyReader(body, length);
  const isShort = length !== null && length > 0 && length <= CHUNK_BYTES;
  const taken = reader && isShort ? await readAtOnce(reader, length, AT_ONCE_MS) : reader;
  if (!(taken instanceof Uint8Array)) {
    const cuts = { clientGone, stop: stop(), endsCleanly: isEventStream(headers) };
    return watchBody({ reader: taken, length }, cuts, see);
  }
  see(taken);
  const end = sha256(taken).then((digest): BodyEnd => ({ sha256: toBase64url(digest), reason: null }));
  return { body: taken, end };
}
