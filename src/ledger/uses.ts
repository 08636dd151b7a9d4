import { CLOCK_SKEW, MAX_LIVE_COUNTS } from "../limits.ts";
import type { Reason } from "../reasons.ts";
import { LiveCounts } from "./live-counts.ts";
import type { Use } from "./protocol.ts";

/** How often capabilities with a maximum were used. One row for each that was used at all, kept as long as its mandate. */
export class Uses {
  readonly #sql: SqlStorage;
  readonly #live: LiveCounts;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
    sql.exec(`CREATE TABLE IF NOT EXISTS uses (key TEXT PRIMARY KEY, issuer TEXT NOT NULL, expires INTEGER NOT NULL,
      count INTEGER NOT NULL) STRICT, WITHOUT ROWID`);
    this.#live = new LiveCounts(sql, "uses");
  }

  /** Whether nothing is left that could expire. */
  get isEmpty(): boolean {
    return this.#live.isEmpty;
  }

  /** Why the capability cannot be used once more; null where it can. */
  fault({ key, max }: Use, issuer: string): Reason | null {
    const count = this.#count(key);
    if (count >= max) return "capability.calls_exhausted";
    const isFull = count === 0 && this.#live.of(issuer) >= MAX_LIVE_COUNTS;
    return isFull ? "capability.too_many_counted" : null;
  }

  /** Counts one use. Belongs into a transaction. */
  write({ key, until }: Use, issuer: string): void {
    if (this.#count(key) === 0) this.#live.added(issuer);
    this.#sql.exec(
      `INSERT INTO uses VALUES (?, ?, ?, 1)
        ON CONFLICT (key) DO UPDATE SET count = count + 1, expires = MAX(expires, excluded.expires)`,
      key,
      issuer,
      until,
    );
  }

  /** Drops the counts of mandates that have ended. `now` in seconds. */
  purge(now: number): void {
    const ended = this.#sql.exec<{ issuer: string }>(
      "DELETE FROM uses WHERE expires < ? RETURNING issuer",
      now - 2 * CLOCK_SKEW,
    );
    for (const { issuer } of ended.toArray()) this.#live.removed(issuer);
  }

  #count(key: string): number {
    return (
      this.#sql.exec<{ count: number }>("SELECT count FROM uses WHERE key = ?", key).toArray()[0]?.count ?? 0
    );
  }
}
