import { randomId } from "../encoding.ts";
import { type Bulletin, type KnownNotices, type Notice, revokedName } from "../ledger/revoked.ts";
import { CLOCK_SKEW, LIFTED_SHOWN_MS, MAX_LIFTED_SHOWN, MAX_REVOCATIONS } from "../limits.ts";
import type { Revocation } from "./revocation.ts";

/** What was revoked and lifted. Each change has a number, greater than all before; a ledger that has followed to one has all up to there. */
export class Revocations {
  readonly #storage: DurableObjectStorage;

  constructor(storage: DurableObjectStorage) {
    this.#storage = storage;
    storage.sql.exec(
      `CREATE TABLE IF NOT EXISTS revocations (number INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, reason TEXT,
        until INTEGER, by TEXT, at INTEGER NOT NULL, lifted_by TEXT, change INTEGER NOT NULL, changed_at INTEGER NOT NULL) STRICT`,
    );
    // Every ledger asks once a minute for what has changed.
    storage.sql.exec("CREATE INDEX IF NOT EXISTS revocations_by_change ON revocations (change)");
  }

  /**
   * Writes a revocation, or makes one of the same that is in force last as long as both.
   *
   * @param now milliseconds
   * @returns its number; null where there are too many
   */
  revoke({ revoked, reason, until }: Revocation, by: string, now: number): number | null {
    this.#tidy(now);
    const name = revokedName(revoked);
    const known = this.#rows("WHERE name = ?", name)[0];
    if (known === undefined || known.lifted_by !== null) {
      if (this.#count() >= MAX_REVOCATIONS) return null;
      return this.#storage.transactionSync(() => {
        // Its lifting is told with the same name, and so need not be any more.
        this.#storage.sql.exec("DELETE FROM revocations WHERE name = ?", name);
        return this.#insert({ name, until }, reason, by, now);
      });
    }
    this.#extend(known, until, now);
    return known.number;
  }

  /**
   * Lifts a revocation; one that is lifted stays so.
   *
   * @param now milliseconds
   * @returns false where there is none
   */
  lift(number: number, by: string, now: number): boolean {
    this.#tidy(now);
    const known = this.#rows("WHERE number = ?", number)[0];
    if (known === undefined) return false;
    if (known.lifted_by === null)
      this.#storage.sql.exec(
        "UPDATE revocations SET lifted_by = ?, change = ?, changed_at = ? WHERE number = ?",
        by,
        this.#next(),
        now,
        number,
      );
    return true;
  }

  /** What to tell a ledger that has followed up to a change; null for one that has followed none. */
  bulletin(since: number | null): Bulletin {
    const known = this.known;
    const isWhole = since === null || since < this.#floor;
    const rows = isWhole
      ? this.#rows("WHERE lifted_by IS NULL ORDER BY change")
      : this.#rows("WHERE change > ? ORDER BY change", since);
    return {
      ...known,
      since: isWhole ? null : since,
      notices: rows.flatMap(({ name, until, lifted_by }) => (lifted_by === null ? [{ name, until }] : [])),
      lifted: rows.flatMap(({ name, lifted_by }) => (lifted_by === null ? [] : [name])),
    };
  }

  /**
   * Takes over what a ledger knows and this directory has lost. What was lifted meanwhile comes back: better that than the other way
   * round.
   *
   * @param now milliseconds
   * @returns all that is known by then
   */
  teach(told: KnownNotices, notices: readonly Notice[], now: number): Bulletin {
    this.#storage.transactionSync(() => {
      const { epoch, version } = this.known;
      const isAhead = told.epoch === epoch && told.version > version;
      if (isAhead) this.#storage.kv.put("version", told.version);
      const lostAt = isAhead ? now : (this.#storage.kv.get<number>("resumed") ?? 0);
      for (const notice of notices) this.#learn(notice, lostAt, now);
    });
    return this.bulletin(null);
  }

  /** Makes all ledgers learn of the changes anew: after a loss, those to come may have numbers that were given before. */
  renew(): void {
    this.#storage.kv.put("epoch", randomId());
  }

  /** The last one first. */
  all(): Row[] {
    return this.#rows("ORDER BY number DESC");
  }

  get known(): KnownNotices {
    return { epoch: this.#epoch, version: this.#storage.kv.get<number>("version") ?? 0 };
  }

  get #epoch(): string {
    const known = this.#storage.kv.get<string>("epoch");
    if (known !== undefined) return known;
    const epoch = randomId();
    this.#storage.kv.put("epoch", epoch);
    return epoch;
  }

  /** Number of the last change that may be forgotten. */
  get #floor(): number {
    return this.#storage.kv.get<number>("floor") ?? 0;
  }

  #next(): number {
    const next = this.known.version + 1;
    this.#storage.kv.put("version", next);
    return next;
  }

  /** @param lostAt milliseconds: what was lifted before may have been revoked again */
  #learn(notice: Notice, lostAt: number, now: number): void {
    const { sql } = this.#storage;
    const known = this.#rows("WHERE name = ?", notice.name)[0];
    if (known === undefined) this.#insert(notice, null, null, now);
    else if (known.lifted_by === null) this.#extend(known, notice.until, now);
    else if (known.changed_at <= lostAt) {
      sql.exec("DELETE FROM revocations WHERE name = ?", notice.name);
      this.#insert(notice, null, null, now);
    }
  }

  /** Has a revocation that is in force last as long as another one of the same. */
  #extend(known: Row, until: number | null, now: number): void {
    const later = known.until === null || until === null ? null : Math.max(known.until, until);
    if (later === known.until) return;
    this.#storage.sql.exec(
      "UPDATE revocations SET until = ?, change = ?, changed_at = ? WHERE number = ?",
      later,
      this.#next(),
      now,
      known.number,
    );
  }

  #insert({ name, until }: Notice, reason: string | null, by: string | null, now: number): number {
    const number = this.#next();
    this.#storage.sql.exec(
      "INSERT INTO revocations VALUES (?, ?, ?, ?, ?, ?, NULL, ?, ?)",
      number,
      name,
      reason,
      until,
      by,
      now,
      number,
      now,
    );
    return number;
  }

  /** Forgets what has ended, which ledgers see by themselves, and what was lifted long ago. */
  #tidy(now: number): void {
    const { sql, kv } = this.#storage;
    sql.exec("DELETE FROM revocations WHERE until < ?", Math.floor(now / 1000) - 2 * CLOCK_SKEW);
    const forgotten = sql
      .exec<{ change: number }>(
        `DELETE FROM revocations WHERE lifted_by IS NOT NULL AND (changed_at < ? OR change <= IFNULL((SELECT change
          FROM revocations WHERE lifted_by IS NOT NULL ORDER BY change DESC LIMIT 1 OFFSET ?), 0)) RETURNING change`,
        now - LIFTED_SHOWN_MS,
        MAX_LIFTED_SHOWN,
      )
      .toArray();
    if (forgotten.length > 0)
      kv.put("floor", Math.max(this.#floor, ...forgotten.map(({ change }) => change)));
  }

  #count(): number {
    return this.#storage.sql
      .exec<{ n: number }>("SELECT COUNT(*) AS n FROM revocations WHERE lifted_by IS NULL")
      .one().n;
  }

  #rows(rest: string, ...bindings: (string | number)[]): Row[] {
    return this.#storage.sql.exec<Row>(`SELECT * FROM revocations ${rest}`, ...bindings).toArray();
  }
}

/** Times are milliseconds but for `until`. */
export type Row = {
  number: number;
  name: string;
  reason: string | null;
  until: number | null;
  by: string | null;
  at: number;
  lifted_by: string | null;
  change: number;
  changed_at: number;
};
