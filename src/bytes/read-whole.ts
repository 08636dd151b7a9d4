import { READ_PIECE_BYTES } from "../limits.ts";
import { fail, ok, type Result } from "../result.ts";
import { ByteBuffer } from "./byte-buffer.ts";
import { discard } from "./discard.ts";
import { pieceReader } from "./piece-reader.ts";

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
  const reader = pieceReader(stream);
  let cut: "timeout" | "stopped" | null = null;
  const cutOff = (why: "timeout" | "stopped") => {
    cut ??= why;
    void discard(reader);
  };
  const timer = setTimeout(() => cutOff("timeout"), deadlineMs);
  if (stop?.aborted) cutOff("stopped");
  stop?.addEventListener("abort", () => cutOff("stopped"));
  const held = new ByteBuffer();
  let isOver = false;
  try {
    for (;;) {
      const left = length === null ? READ_PIECE_BYTES : length - held.size;
      const size = Math.max(Math.min(left, READ_PIECE_BYTES), 1);
      // It fails where the sender breaks off.
      const next = await reader.read({ size, atLeast: length === null ? 1 : size }).catch(() => null);
      if (cut !== null) return fail(cut);
      if (next === null) return fail("broken");
      isOver = next === undefined;
      if (next === undefined) return ok(held.whole());
      if (held.size + next.length > maxBytes) return fail("too_large");
      held.push(next);
      const fault = inspect?.(next) ?? null;
      if (fault !== null) return fail(fault);
      isOver = held.size === length;
      if (isOver) return ok(held.whole());
    }
  } finally {
    clearTimeout(timer);
    if (!isOver) void discard(reader);
  }
}
