import { type Refused, setAside } from "../audit/d1.ts";
import { DRAIN_BATCH, SHELF_RETRY_MS } from "../limits.ts";
import type { Meta } from "./meta.ts";

/**
 * Records that D1's log has refused. They go into a table of D1 that takes any record; here they stay until they are in it, so
 * that each is kept, shown, and blocks no other.
 */
export class Shelf {
  readonly #sql: SqlStorage;
  readonly #meta: Meta;
  /** When what D1 has refused altogether is sent once more, milliseconds. */
  #retryAt = 0;

  constructor(sql: SqlStorage, meta: Meta) {
    this.#sql = sql;
    this.#meta = meta;
    sql.exec(
      "CREATE TABLE IF NOT EXISTS refused (id INTEGER PRIMARY KEY, record TEXT NOT NULL, error TEXT NOT NULL) STRICT",
    );
  }

  /** How many records were ever refused. */
  get count(): number {
    return this.#meta.number("refused");
  }

  /** Belongs with the note that the journal is done with these, with nothing awaited in between. */
  put(refused: readonly Refused[]): void {
    if (refused.length === 0) return;
    for (const { record, error } of refused)
      this.#sql.exec("INSERT INTO refused (record, error) VALUES (?, ?)", record, error);
    this.#meta.set("refused", this.count + refused.length);
    this.#retryAt = 0;
  }

  /** Moves what lies here into D1. `now` in milliseconds. Throws where D1 cannot be reached. */
  async clear(audit: D1Database, now: number): Promise<void> {
    if (now < this.#retryAt) return;
    for (let batch = this.#after(0); batch.length > 0; batch = this.#after(batch.at(-1)?.id ?? 0)) {
      const left = new Set((await setAside(audit, batch)).map(({ record }) => record));
      for (const { id, record } of batch)
        if (!left.has(record)) this.#sql.exec("DELETE FROM refused WHERE id = ?", id);
    }
    this.#retryAt = now + SHELF_RETRY_MS;
  }

  #after(id: number): ({ id: number } & Refused)[] {
    const query = "SELECT id, record, error FROM refused WHERE id > ? ORDER BY id LIMIT ?";
    return this.#sql.exec<{ id: number; record: string; error: string }>(query, id, DRAIN_BATCH).toArray();
  }
}
