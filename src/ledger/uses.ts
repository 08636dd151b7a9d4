import { CLOCK_SKEW, MAX_LIVE_COUNTS } from "../limits.ts";
import type { Reason } from "../reasons.ts";
import type { Use } from "./protocol.ts";

/** How often capabilities with a maximum were used. One row for each that was used at all, kept as long as its mandate. */
export class Uses {
  readonly #sql: SqlStorage;
  /** Rows by issuer. */
  readonly #live: Map<string, number>;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
    sql.exec(`CREATE TABLE IF NOT EXISTS uses (key TEXT PRIMARY KEY, issuer TEXT NOT NULL, expires INTEGER NOT NULL,
      count INTEGER NOT NULL) STRICT, WITHOUT ROWID`);
    const rows = sql.exec<{ issuer: string; live: number }>(
      "SELECT issuer, COUNT(*) AS live FROM uses GROUP BY issuer",
    );
    this.#live = new Map([...rows].map(({ issuer, live }) => [issuer, live]));
  }

  /** Whether nothing is left that could expire. */
  get isEmpty(): boolean {
    return this.#live.size === 0;
  }

  /** Why the capability cannot be used once more; null where it can. */
  fault({ key, max }: Use, issuer: string): Reason | null {
    const count = this.#count(key);
    if (count >= max) return "capability.calls_exhausted";
    const isFull = count === 0 && (this.#live.get(issuer) ?? 0) >= MAX_LIVE_COUNTS;
    return isFull ? "capability.too_many_counted" : null;
  }

  /** Counts one use. Belongs into a transaction. */
  write({ key, until }: Use, issuer: string): void {
    if (this.#count(key) === 0) this.#live.set(issuer, (this.#live.get(issuer) ?? 0) + 1);
    this.#sql.exec(
      "INSERT INTO uses VALUES (?, ?, ?, 1) ON CONFLICT (key) DO UPDATE SET count = count + 1",
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
    for (const { issuer } of ended.toArray()) {
      const left = (this.#live.get(issuer) ?? 0) - 1;
      if (left > 0) this.#live.set(issuer, left);
      else this.#live.delete(issuer);
    }
  }

  #count(key: string): number {
    return (
      this.#sql.exec<{ count: number }>("SELECT count FROM uses WHERE key = ?", key).toArray()[0]?.count ?? 0
    );
  }
}
