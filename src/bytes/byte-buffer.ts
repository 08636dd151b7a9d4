import { KEPT_BUFFER_BYTES } from "../limits.ts";

/**
 * Bytes as they come, in room that grows by doubling: copying stays linear. No chunk is held on to: one of a single byte
 * may hold on to a whole read buffer of the runtime.
 */
export class ByteBuffer {
  readonly #expected: number;
  #room = new Uint8Array();
  #size = 0;

  /**
   * @param expected octets that the sender says will come. To say so costs it nothing, so no room is made for them yet; but doubling stops
   *   there, unless more come
   */
  constructor(expected = Number.POSITIVE_INFINITY) {
    this.#expected = expected;
  }

  get size(): number {
    return this.#size;
  }

  /** What is held. Good until the next change. */
  get bytes(): Uint8Array<ArrayBuffer> {
    return this.#room.subarray(0, this.#size);
  }

  /** What is held, in a buffer that has little more room. Good until the next change. */
  whole(): Uint8Array<ArrayBuffer> {
    return this.#room.length - this.#size <= KEPT_BUFFER_BYTES ? this.bytes : this.bytes.slice();
  }

  push(bytes: Uint8Array): void {
    this.#makeRoom(bytes.length);
    this.#room.set(bytes, this.#size);
    this.#size += bytes.length;
  }

  /** Lends room to a reader that takes its buffer over to fill it. Nothing else can be done until that is given back. */
  lend(size: number): Uint8Array<ArrayBuffer> {
    this.#makeRoom(size);
    return this.#room.subarray(this.#size, this.#size + size);
  }

  /** @param bytes what was filled, from the front, in the buffer in which the room came back */
  giveBack(bytes: Uint8Array<ArrayBuffer>): void {
    this.#room = new Uint8Array(bytes.buffer);
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
    const doubled = 2 * this.#room.length;
    // Of what goes beyond what was said, nobody knows how much there will be.
    const enough = needed > this.#expected ? doubled : Math.min(doubled, this.#expected);
    const larger = new Uint8Array(Math.max(enough, needed));
    larger.set(this.bytes);
    this.#room = larger;
  }
}
