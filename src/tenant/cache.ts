/** A map that forgets what was written longest ago, once its texts are longer than `maxLength` together. */
export class TextCache<T extends { readonly text: string }> {
  readonly #entries = new Map<string, T>();
  readonly #maxLength: number;
  #length = 0;

  constructor(maxLength: number) {
    this.#maxLength = maxLength;
  }

  get(key: string): T | undefined {
    return this.#entries.get(key);
  }

  set(key: string, entry: T): void {
    this.delete(key);
    this.#entries.set(key, entry);
    this.#length += entry.text.length;
    for (const oldest of this.#entries.keys()) {
      if (this.#length <= this.#maxLength || oldest === key) break;
      this.delete(oldest);
    }
  }

  delete(key: string): void {
    this.#length -= this.#entries.get(key)?.text.length ?? 0;
    this.#entries.delete(key);
  }
}
