/** A map that forgets what was written longest ago, once its entries are larger than `maxSize` together. */
export class BoundedCache<T> {
  readonly #entries = new Map<string, T>();
  readonly #maxSize: number;
  readonly #sizeOf: (entry: T) => number;
  #size = 0;

  constructor(maxSize: number, sizeOf: (entry: T) => number) {
    this.#maxSize = maxSize;
    this.#sizeOf = sizeOf;
  }

  get(key: string): T | undefined {
    return this.#entries.get(key);
  }

  /** An entry must not change its size afterwards: write a new one. */
  set(key: string, entry: T): void {
    this.delete(key);
    this.#entries.set(key, entry);
    this.#size += this.#sizeOf(entry);
    for (const oldest of this.#entries.keys()) {
      if (this.#size <= this.#maxSize || oldest === key) break;
      this.delete(oldest);
    }
  }

  delete(key: string): void {
    const entry = this.#entries.get(key);
    if (entry !== undefined) this.#size -= this.#sizeOf(entry);
    this.#entries.delete(key);
  }
}
