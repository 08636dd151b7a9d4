import { withDeadline } from "../deadline.ts";
import type { PieceReader } from "./piece-reader.ts";

/**
 * Reads a short body that comes together with its head, as most do.
 *
 * @param length octets there will be
 * @param waitMs how long it is waited for, milliseconds
 * @returns all of it; or, where that is not there in time, not in one piece, or broken off, a reader that begins where the body does
 */
export async function readAtOnce(
  reader: PieceReader,
  length: number,
  waitMs: number,
): Promise<Uint8Array<ArrayBuffer> | PieceReader> {
  const first = reader.read({ size: length, atLeast: length });
  const piece = await withDeadline(first, waitMs).catch(() => undefined);
  if (piece?.length === length) return piece as Uint8Array<ArrayBuffer>;
  const unread = [first];
  return {
    read: (wanted) => unread.pop() ?? reader.read(wanted),
    cancel: (reason) => reader.cancel(reason),
  };
}
