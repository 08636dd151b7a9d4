import { MAX_RECENT } from "../limits.ts";

/** Rows of storage that were used a short while ago, by key: what belongs to a call is mostly of the call before. */
export class Recent<Row> {
  readonly #rows = new Map<string, Row>();

  get(key: string): Row | undefined {
    return this.#rows.get(key);
  }

  /** The oldest makes room. */
  set(key: string, row: Row): void {
    this.#rows.set(key, row);
    const [oldest] = this.#rows.size > MAX_RECENT ? this.#rows.keys() : [];
    if (oldest !== undefined) this.#rows.delete(oldest);
  }

  delete(key: string): void {
    this.#rows.delete(key);
  }

  clear(): void {
    this.#rows.clear();
  }
}
