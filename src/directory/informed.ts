import { type Enrolled, type KnownNotices, revokedNamed } from "../ledger/revoked.ts";
import { REVOCATIONS_HOLD_MS } from "../limits.ts";
import type { Revoking } from "./revocation.ts";
import type { Revocations } from "./revocations.ts";

/** How far each ledger has followed what was revoked and lifted: the number of the last change that it has confirmed. */
export class Informed {
  readonly #sql: SqlStorage;
  readonly #revocations: Revocations;

  constructor(sql: SqlStorage, revocations: Revocations) {
    this.#sql = sql;
    this.#revocations = revocations;
    sql.exec(
      "CREATE TABLE IF NOT EXISTS informed (ledger TEXT PRIMARY KEY, version INTEGER NOT NULL) STRICT, WITHOUT ROWID",
    );
  }

  /**
   * How the revocations stand, the last one first.
   *
   * @param ledgers names of all
   * @param isAll whether these are all that there are
   * @param now milliseconds
   */
  list(ledgers: readonly string[], isAll: boolean, now: number): Revoking[] {
    const informed = this.#versions();
    const versions = ledgers.map((ledger) => informed.get(ledger) ?? 0);
    return this.#revocations.all().map((row) => {
      const waiting = versions.filter((version) => version < row.change).length;
      // By then each ledger has asked, or admits nothing.
      const isOld = now - row.changed_at > REVOCATIONS_HOLD_MS;
      const { number, name, reason, until, by, at, lifted_by, changed_at } = row;
      const hasEnded = lifted_by === null && until !== null && until * 1000 < now;
      return {
        number,
        revoked: revokedNamed(name),
        reason,
        until,
        by,
        at,
        lifted: lifted_by === null ? null : { by: lifted_by, at: changed_at },
        effective: !hasEnded && (isOld || (isAll && waiting === 0)),
        waiting,
      };
    });
  }

  /** Those of the ledgers that have not confirmed all, and how far they have come; null where nothing is known of that. */
  behind(ledgers: readonly string[]): { ledger: string; version: number | null }[] {
    const [informed, { version }] = [this.#versions(), this.#revocations.known];
    return ledgers
      .map((ledger) => ({ ledger, version: informed.get(ledger) ?? null }))
      .filter((one) => (one.version ?? 0) < version);
  }

  /** Tells a ledger that enrols what it does not know; see `Enrolled`. */
  enrol(ledger: string, told: KnownNotices | null): Omit<Enrolled, "wasLost"> {
    const { epoch, version } = this.#revocations.known;
    // One that begins admits nothing before it has this answer.
    if (told === null) this.confirm(ledger, version);
    if (told === null || told.epoch === "")
      return { teaches: false, bulletin: this.#revocations.bulletin(null) };
    const teaches = told.epoch !== epoch || told.version > version;
    if (!teaches) this.confirm(ledger, told.version);
    return { teaches, bulletin: this.#revocations.bulletin(teaches ? null : told.version) };
  }

  /** Notes how far a ledger has come. Never takes back what was confirmed. */
  confirm(ledger: string, version: number): void {
    this.#sql.exec(
      `INSERT INTO informed VALUES (?, ?) ON CONFLICT (ledger)
        DO UPDATE SET version = excluded.version WHERE version < excluded.version`,
      ledger,
      version,
    );
  }

  /** Forgets what was confirmed. */
  clear(): void {
    this.#sql.exec("DELETE FROM informed");
  }

  /** By the name of the ledger. */
  #versions(): Map<string, number> {
    const rows = this.#sql.exec<{ ledger: string; version: number }>("SELECT * FROM informed");
    return new Map([...rows].map(({ ledger, version }) => [ledger, version]));
  }
}
