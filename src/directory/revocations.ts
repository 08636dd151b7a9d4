import { randomId } from "../encoding.ts";
import {
  type Bulletin,
  type Enrolled,
  type KnownNotices,
  type Notice,
  revokedName,
  revokedNamed,
} from "../ledger/revoked.ts";
import { CLOCK_SKEW, LIFTED_SHOWN_MS, MAX_REVOCATIONS, REVOCATIONS_HOLD_MS } from "../limits.ts";
import { Informed } from "./informed.ts";
import type { Revocation, Revoking } from "./revocation.ts";

/**
 * What was revoked, and which ledger has followed how far. Each change has a number, greater than all before; a ledger that has
 * confirmed one has all up to there.
 */
export class Revocations {
  readonly #storage: DurableObjectStorage;
  readonly #informed: Informed;

  constructor(storage: DurableObjectStorage) {
    this.#storage = storage;
    storage.sql.exec(
      `CREATE TABLE IF NOT EXISTS revocations (number INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, reason TEXT,
        until INTEGER, by TEXT, at INTEGER NOT NULL, lifted_by TEXT, change INTEGER NOT NULL, changed_at INTEGER NOT NULL) STRICT`,
    );
    this.#informed = new Informed(storage.sql);
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
    const later = known.until === null || until === null ? null : Math.max(known.until, until);
    if (later !== known.until)
      this.#storage.sql.exec(
        "UPDATE revocations SET until = ?, change = ?, changed_at = ? WHERE number = ?",
        later,
        this.#next(),
        now,
        known.number,
      );
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

  /**
   * How the revocations stand, the last one first.
   *
   * @param ledgers names of all
   * @param isAll whether these are all that there are
   * @param now milliseconds
   */
  list(ledgers: readonly string[], isAll: boolean, now: number): Revoking[] {
    const informed = this.#informed.versions();
    const versions = ledgers.map((ledger) => informed.get(ledger) ?? 0);
    return this.#rows("ORDER BY number DESC").map((row) => {
      const waiting = versions.filter((version) => version < row.change).length;
      // By then each ledger has asked, or admits nothing.
      const isOld = now - row.changed_at > REVOCATIONS_HOLD_MS;
      const { number, name, reason, until, by, at, lifted_by, changed_at } = row;
      return {
        number,
        revoked: revokedNamed(name),
        reason,
        until,
        by,
        at,
        lifted: lifted_by === null ? null : { by: lifted_by, at: changed_at },
        effective: isOld || (isAll && waiting === 0),
        waiting,
      };
    });
  }

  /** Those of the ledgers that have not confirmed all, and how far they have come; null where nothing is known of that. */
  behind(ledgers: readonly string[]): { ledger: string; version: number | null }[] {
    const [informed, { version }] = [this.#informed.versions(), this.known];
    return ledgers
      .map((ledger) => ({ ledger, version: informed.get(ledger) ?? null }))
      .filter((one) => (one.version ?? 0) < version);
  }

  /** What to tell a ledger that has followed up to a change; null for one that has followed none. */
  bulletin(since: number | null): Bulletin {
    const known = this.known;
    const isWhole = since === null || since < this.#floor;
    const rows = this.#rows("WHERE change > ? ORDER BY change", isWhole ? 0 : since);
    return {
      ...known,
      since: isWhole ? null : since,
      notices: rows.flatMap(({ name, until, lifted_by }) => (lifted_by === null ? [{ name, until }] : [])),
      lifted: rows.flatMap(({ name, lifted_by }) => (lifted_by === null ? [] : [name])),
    };
  }

  /** Tells a ledger that enrols what it does not know; see `Enrolled`. */
  enrol(ledger: string, told: KnownNotices | null): Omit<Enrolled, "wasLost"> {
    const { epoch, version } = this.known;
    // One that begins admits nothing before it has this answer.
    if (told === null) this.#informed.confirm(ledger, version);
    if (told === null || told.epoch === "") return { teaches: false, bulletin: this.bulletin(null) };
    const teaches = told.epoch !== epoch || told.version > version;
    if (!teaches) this.#informed.confirm(ledger, told.version);
    return { teaches, bulletin: this.bulletin(teaches ? null : told.version) };
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
      if (told.epoch === epoch && told.version > version) this.#storage.kv.put("version", told.version);
      for (const notice of notices)
        if (this.#rows("WHERE name = ?", notice.name).length === 0) this.#insert(notice, null, null, now);
    });
    return this.bulletin(null);
  }

  /** Notes how far a ledger has come. */
  confirm(ledger: string, version: number): void {
    this.#informed.confirm(ledger, version);
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
        "DELETE FROM revocations WHERE lifted_by IS NOT NULL AND changed_at < ? RETURNING change",
        now - LIFTED_SHOWN_MS,
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

type Row = {
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
