import type { VerifiedRecord } from "../evidence/act/record.ts";
import { CLOCK_SKEW } from "../limits.ts";
import type { MandateFacts } from "./protocol.ts";
import { Recent } from "./recent.ts";

/** A mandate that was used here. */
export interface KnownMandate {
  /** Id of its run. */
  readonly run: number;
  readonly digest: string;
  readonly iat: number;
  readonly expires: number;
  /** Digest of its record (phase 2); null until there is one. */
  readonly record: string | null;
}

/** The mandates under which a step or a record was taken: from then on their claims are fixed. */
export class Mandates {
  readonly #sql: SqlStorage;
  readonly #recent = new Recent<KnownMandate>();

  constructor(sql: SqlStorage) {
    this.#sql = sql;
    sql.exec(`CREATE TABLE IF NOT EXISTS mandates (key TEXT PRIMARY KEY, run INTEGER NOT NULL, digest TEXT NOT NULL,
      iat INTEGER NOT NULL, expires INTEGER NOT NULL, record TEXT) STRICT, WITHOUT ROWID`);
  }

  find(iss: string, jti: string): KnownMandate | null {
    const key = keyOf(iss, jti);
    const recent = this.#recent.get(key);
    if (recent !== undefined) return recent;
    const row = this.#sql
      .exec<KnownMandate & Record<string, SqlStorageValue>>(
        "SELECT run, digest, iat, expires, record FROM mandates WHERE key = ?",
        key,
      )
      .toArray()[0];
    if (row === undefined) return null;
    this.#recent.set(key, row);
    return row;
  }

  /** Writes a mandate that is not there. Belongs into a transaction. */
  write({ iss, jti, digest, iat, exp }: MandateFacts, run: number): void {
    this.#sql.exec(
      "INSERT INTO mandates VALUES (?, ?, ?, ?, ?, NULL)",
      keyOf(iss, jti),
      run,
      digest,
      iat,
      exp,
    );
  }

  /** Takes the record of a mandate that is there. Belongs into a transaction. */
  writeRecord({ iss, jti, digest }: VerifiedRecord): void {
    const key = keyOf(iss, jti);
    this.#sql.exec("UPDATE mandates SET record = ? WHERE key = ?", digest, key);
    this.#recent.delete(key);
  }

  /** Drops mandates that have ended. `now` in seconds. */
  purge(now: number): void {
    this.#sql.exec("DELETE FROM mandates WHERE expires < ?", now - 2 * CLOCK_SKEW);
    this.#recent.clear();
  }
}

const keyOf = (iss: string, jti: string): string => JSON.stringify([iss, jti]);
