import { CHUNK_BYTES, READ_PIECE_BYTES } from "../limits.ts";
import { fail, ok, type Result } from "../result.ts";
import { ByteBuffer } from "./byte-buffer.ts";
import { discard } from "./discard.ts";
import { bodyReader, type Wanted } from "./piece-reader.ts";

/** Why a stream was not read to its end: more came than may be held, it took too long, we stopped, or its sender broke off. */
export type ReadFault = "too_large" | "timeout" | "stopped" | "broken";

/**
 * Reads a stream to its end, of which `maxBytes` may be held. The sender is told where nobody reads on.
 *
 * @param deadlineMs how long the sender may take for all of it, milliseconds
 * @param stop ends the reading when it is aborted
 * @param inspect is shown each chunk as it comes; the fault it finds ends the reading
 * @param length the octets there will be; the end is not waited for once they are here. Null where that is not known
 */
export async function readWhole<Fault = never>(
  stream: ReadableStream<Uint8Array>,
  maxBytes: number,
  deadlineMs: number,
  stop?: AbortSignal,
  inspect?: (chunk: Uint8Array) => Fault | null,
  length: number | null = null,
): Promise<Result<Uint8Array<ArrayBuffer>, ReadFault | Fault>> {
  const reader = bodyReader(stream, length);
  let cut: "timeout" | "stopped" | null = null;
  const cutOff = (why: "timeout" | "stopped") => {
    cut ??= why;
    void discard(reader);
  };
  const timer = setTimeout(() => cutOff("timeout"), deadlineMs);
  if (stop?.aborted) cutOff("stopped");
  stop?.addEventListener("abort", () => cutOff("stopped"));
  // With that octet more that `nextPiece` wants.
  const held = new ByteBuffer(length === null ? undefined : length + 1);
  let isOver = false;
  try {
    for (;;) {
      // It fails where the sender breaks off.
      const next = await reader.read(nextPiece(length, held.size), held).catch(() => null);
      if (cut !== null) return fail(cut);
      if (next === null) return fail("broken");
      if (held.size > maxBytes) return fail("too_large");
      if (next !== undefined) {
        const fault = inspect?.(next) ?? null;
        if (fault !== null) return fail(fault);
      }
      isOver = next === undefined || held.size === length;
      if (isOver) return ok(held.whole());
    }
  } finally {
    clearTimeout(timer);
    if (!isOver) void discard(reader);
  }
}

/**
 * One octet more than there will be: so it shows where there are more after all. No connection gives them; another Worker, through a
 * service binding, is not held to the length that it says. Then all is read as where none is known.
 */
function nextPiece(length: number | null, held: number): Wanted {
  if (length === null || held > length) return { size: CHUNK_BYTES, atLeast: 1 };
  const left = Math.min(length - held, READ_PIECE_BYTES);
  return { size: left + 1, atLeast: Math.max(left, 1) };
}
