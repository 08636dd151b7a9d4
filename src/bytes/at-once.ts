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
  const piece = await inTime(first, waitMs);
  if (piece?.length === length) return piece as Uint8Array<ArrayBuffer>;
  let begins: Promise<Uint8Array | undefined> | null = first;
  return {
    read(wanted) {
      const next = begins ?? reader.read(wanted);
      begins = null;
      return next;
    },
    cancel: (reason) => reader.cancel(reason),
  };
}

/** Undefined also where it fails. */
async function inTime<T>(answer: Promise<T>, ms: number): Promise<T | undefined> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(resolve, ms, undefined);
  });
  try {
    return await Promise.race([answer, late]);
  } catch {
    return undefined;
  } finally {
    clearTimeout(timer);
  }
}
