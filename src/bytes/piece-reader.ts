import { CHUNK_BYTES } from "../limits.ts";
import type { ByteBuffer } from "./byte-buffer.ts";

/** How large a piece is wanted. */
export interface Wanted {
  /** At most, in octets. */
  readonly size: number;
  /** A piece with fewer octets is waited for, unless the stream ends; 1 takes what there is. */
  readonly atLeast: number;
}

/** Reads a stream in pieces; of whoever reads. */
export interface PieceReader {
  /** The next piece, which is nobody else's; undefined at the end. Rejects where the sender breaks off. */
  read(wanted: Wanted): Promise<Uint8Array | undefined>;
  cancel(reason?: unknown): Promise<void>;
}

/** The same, of a reader that can keep what it reads. */
export interface BodyReader extends PieceReader {
  /** @param into holds the piece then: a byte stream fills its room, and nothing is copied. The piece is good until the next one. */
  read(wanted: Wanted, into?: ByteBuffer): Promise<Uint8Array | undefined>;
}

/**
 * Byte streams, as bodies of requests and responses are, give pieces as large as they are wanted; of themselves they give 4 KiB, and each
 * piece takes a turn of the event loop. Other streams give what they have.
 */
export function pieceReader(stream: ReadableStream<Uint8Array>): BodyReader {
  const bytes = byteReader(stream);
  if (bytes === null) return chunkReader(stream);
  return {
    async read({ size, atLeast }, into) {
      const room = into?.lend(size) ?? new Uint8Array(size);
      const { value }: { value?: Uint8Array<ArrayBuffer> | undefined } = await bytes.readAtLeast(
        atLeast,
        room,
      );
      if (value !== undefined) into?.giveBack(value);
      // At the end there may be less than was wanted, and then nothing; a piece of nothing else there is not.
      return value === undefined || value.length === 0 ? undefined : value;
    },
    cancel: (reason) => bytes.cancel(reason),
  };
}

/**
 * The reader that costs least: for what comes in one of its own pieces the stream's; and where the length is not known, since that may
 * stay open for long, and would have room for a large piece that waits to be filled.
 *
 * @param length octets there will be; null where that is not known
 */
export const bodyReader = (stream: ReadableStream<Uint8Array>, length: number | null): BodyReader =>
  length === null || length <= CHUNK_BYTES ? chunkReader(stream) : pieceReader(stream);

/** In the pieces that the stream has, whatever is wanted. */
function chunkReader(stream: ReadableStream<Uint8Array>): BodyReader {
  const reader = stream.getReader();
  return {
    async read(_, into) {
      const { value } = await reader.read();
      if (value !== undefined) into?.push(value);
      return value;
    },
    cancel: (reason) => reader.cancel(reason),
  };
}

/** Null for a stream that is none of bytes, and outside workerd: Node's fail where they are read at their end. */
function byteReader(stream: ReadableStream<Uint8Array>): ReadableStreamBYOBReader | null {
  if (!("readAtLeast" in ReadableStreamBYOBReader.prototype)) return null;
  try {
    return stream.getReader({ mode: "byob" });
  } catch {
    return null;
  }
}
