import { type Refused, setAside } from "../audit/d1.ts";
import { SHELF_RETRY_MS } from "../limits.ts";
import { batchOf } from "./batch.ts";
import type { Meta } from "./meta.ts";

/**
 * Records that D1's log has refused. They go into a table of D1 that takes any record; here they stay until they are in it, so
 * that each is kept, shown, and blocks no other.
 */
export class Shelf {
  readonly #sql: SqlStorage;
  readonly #meta: Meta;
  /** Behind which row to go on with what D1 has refused altogether, and when it was sent last, milliseconds. */
  #next = 0;
  #triedAt = Number.NEGATIVE_INFINITY;

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

  get isEmpty(): boolean {
    return this.#sql.exec("SELECT 1 FROM refused LIMIT 1").toArray().length === 0;
  }

  /** When what lies here is to be sent, `now` at the earliest, milliseconds; Infinity where nothing does. The clock may be set back. */
  dueAt(now: number): number {
    if (this.isEmpty) return Number.POSITIVE_INFINITY;
    return now + Math.max(SHELF_RETRY_MS - Math.abs(now - this.#triedAt), 0);
  }

  /** Belongs into a transaction, with the note that the journal is done with these. */
  put(refused: readonly Refused[]): void {
    if (refused.length === 0) return;
    for (const { record, error } of refused)
      this.#sql.exec("INSERT INTO refused (record, error) VALUES (?, ?)", record, error);
    this.#meta.set("refused", this.count + refused.length);
    this.#triedAt = Number.NEGATIVE_INFINITY;
  }

  /**
   * Moves what lies here into D1, until that refuses some: to find out which costs two queries for each, so the rest has to wait
   * for the next time. Throws where D1 cannot be reached.
   *
   * @param now milliseconds
   */
  async clear(audit: D1Database, now: number): Promise<void> {
    if (this.dueAt(now) > now) return;
    for (let isTaken = true; isTaken && !this.isEmpty; ) {
      const batch = this.#batch();
      const left = new Set((await setAside(audit, batch)).map(({ record }) => record));
      for (const { id, record } of batch)
        if (!left.has(record)) this.#sql.exec("DELETE FROM refused WHERE id = ?", id);
      // Behind the last one it begins anew.
      this.#next = batch.at(-1)?.id ?? 0;
      isTaken = left.size === 0;
    }
    this.#triedAt = now;
  }

  #batch(): ({ id: number } & Refused)[] {
    return batchOf<{ id: number; record: string; error: string }>(
      this.#sql,
      { table: "refused", key: "id", columns: "id, record, error" },
      this.#next,
    );
  }
}
