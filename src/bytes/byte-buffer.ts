import { KEPT_BUFFER_BYTES } from "../limits.ts";

/**
 * Bytes as they come, in room that grows by doubling: copying stays linear. No chunk is held on to: one of a single byte
 * may hold on to a whole read buffer of the runtime.
 */
export class ByteBuffer {
  #room = new Uint8Array();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** What is held. Good until the next change. */
  get bytes(): Uint8Array<ArrayBuffer> {
    return this.#room.subarray(0, this.#size);
  }

  /** What is held, in a buffer of exactly its size. Good until the next change. */
  whole(): Uint8Array<ArrayBuffer> {
    return this.#size === this.#room.length ? this.#room : this.bytes.slice();
  }

  push(bytes: Uint8Array): void {
    this.#makeRoom(bytes.length);
    this.#room.set(bytes, this.#size);
    this.#size += bytes.length;
  }

  pushByte(byte: number): void {
    this.#makeRoom(1);
    this.#room[this.#size] = byte;
    this.#size += 1;
  }

  clear(): void {
    this.#size = 0;
    if (this.#room.length > KEPT_BUFFER_BYTES) this.#room = new Uint8Array();
  }

  #makeRoom(more: number): void {
    const needed = this.#size + more;
    if (needed <= this.#room.length) return;
    const larger = new Uint8Array(Math.max(2 * this.#room.length, needed));
    larger.set(this.bytes);
    this.#room = larger;
  }
}
