import { CLOCK_SKEW } from "../limits.ts";
import type { Reason } from "../reasons.ts";
import { Meta } from "./meta.ts";
import type { Attempt } from "./protocol.ts";
import {
  type Bulletin,
  type KnownNotices,
  type Notice,
  REVOKED,
  revokedName,
  revokedNamed,
} from "./revoked.ts";

/** What a request may rest on that has been revoked. */
export type Resting = Pick<Attempt, "revocable" | "documentVersion">;

/** What was revoked of all that requests of this principal may rest on. */
export class Revocations {
  readonly #sql: SqlStorage;
  readonly #meta: Meta;
  /** Ends in seconds, Infinity where there is none, by name. */
  readonly #ends = new Map<string, number>();
  /** The same of the lowest versions of the tenant document. */
  readonly #minima = new Map<number, number>();
  #askedAt: number;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
    this.#meta = new Meta(sql);
    sql.exec(
      "CREATE TABLE IF NOT EXISTS revocations (name TEXT PRIMARY KEY, until INTEGER) STRICT, WITHOUT ROWID",
    );
    for (const notice of this.all()) this.#remember(notice);
    this.#askedAt = this.#meta.number("asked");
  }

  get known(): KnownNotices {
    return JSON.parse(this.#meta.text("notices") ?? "null") ?? { epoch: "", version: 0 };
  }

  /** When the directory was asked last, milliseconds; 0 for never. */
  get askedAt(): number {
    return this.#askedAt;
  }

  set askedAt(time: number) {
    this.#meta.set("asked", time);
    this.#askedAt = time;
  }

  /** All that there are, to teach them to a directory that has lost them. */
  all(): Notice[] {
    return this.#sql.exec<{ name: string; until: number | null }>("SELECT * FROM revocations").toArray();
  }

  /**
   * Why the request rests on something that is not valid any more; null where it does not.
   *
   * @param now seconds
   */
  fault({ revocable, documentVersion }: Resting, now: number): Reason | null {
    if (this.#isRevoked(TENANT, now) && revocable.includes(TENANT)) return REVOKED.tenant;
    for (const [version, end] of this.#minima)
      if (documentVersion < version && now <= end) return REVOKED.document;
    const found = revocable.find((name) => this.#isRevoked(name, now));
    return found === undefined ? null : REVOKED[revokedNamed(found).kind];
  }

  /**
   * Takes in what the directory says. What was overtaken on its way changes nothing; where something before it is missing, or the
   * directory is another one, what is revoked is, but nothing is lifted and the rest is still to be asked for. Belongs into a transaction.
   *
   * @param isTaught whether the directory was taught all that is known here
   */
  take({ epoch, version, since, notices, lifted }: Bulletin, isTaught: boolean): void {
    const known = this.known;
    const isSame = epoch === known.epoch;
    if (isSame && version <= known.version) return;
    const isWhole = since === null && (isSame || isTaught || known.epoch === "");
    if (isWhole) this.#clear();
    // Another directory may not know that one was to last longer.
    for (const notice of notices) this.#write(isSame ? notice : this.#asLong(notice));
    if (!isWhole && !(isSame && since !== null && since <= known.version)) return;
    for (const name of lifted) this.#drop(name);
    this.#meta.set("notices", JSON.stringify({ epoch, version }));
  }

  /** Drops those that have ended. `now` in seconds. */
  purge(now: number): void {
    for (const { name, until } of this.all())
      if (until !== null && until + CLOCK_SKEW < now) this.#drop(name);
  }

  #isRevoked(name: string, now: number): boolean {
    const end = this.#ends.get(name);
    return end !== undefined && now <= end;
  }

  /** Or as long as the same that is known here. */
  #asLong({ name, until }: Notice): Notice {
    const known = this.#sql
      .exec<{ until: number | null }>("SELECT until FROM revocations WHERE name = ?", name)
      .toArray()[0];
    if (known === undefined) return { name, until };
    return { name, until: known.until === null || until === null ? null : Math.max(known.until, until) };
  }

  #write(notice: Notice): void {
    this.#sql.exec(
      "INSERT INTO revocations VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET until = excluded.until",
      notice.name,
      notice.until,
    );
    this.#remember(notice);
  }

  #remember({ name, until }: Notice): void {
    const end = until ?? Number.POSITIVE_INFINITY;
    const revoked = revokedNamed(name);
    if (revoked.kind === "document") this.#minima.set(revoked.version, end);
    else this.#ends.set(name, end);
  }

  #drop(name: string): void {
    this.#sql.exec("DELETE FROM revocations WHERE name = ?", name);
    const revoked = revokedNamed(name);
    if (revoked.kind === "document") this.#minima.delete(revoked.version);
    else this.#ends.delete(name);
  }

  #clear(): void {
    this.#sql.exec("DELETE FROM revocations");
    this.#ends.clear();
    this.#minima.clear();
  }
}

const TENANT = revokedName({ kind: "tenant" });
