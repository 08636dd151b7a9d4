/** A record that D1 will not take, whatever else happens. */
export interface Refused {
  readonly record: string;
  readonly error: string;
}

/** Columns in the order of the insert; each is a member of the record of the same name. */
const COLUMNS = [
  "id",
  "kind",
  "decision",
  "tenant",
  "revision",
  "chain",
  "seq",
  "time",
  "verdict",
  "reason",
  "principal",
  "mandate",
  "run",
  "method",
  "tool",
  "action",
  "input_hash",
  "output_hash",
  "status",
  "latency_ms",
  "count",
  "checks",
  "prev_hash",
  "hash",
  "v",
];

// One bound parameter for the whole batch; WHERE 1 lets SQLite tell the upsert clause from a join's ON.
// Only a repeated record is skipped. Another one with the same id or at the same place of a chain is refused,
// never ignored; for the id that takes a value which the column cannot have.
const INSERT = `INSERT INTO audit_records (${COLUMNS.join(", ")})
  SELECT ${COLUMNS.map((column) => `value ->> '$.${column}'`).join(", ")} FROM json_each(?) WHERE 1
  ON CONFLICT (id) DO UPDATE SET hash = NULL WHERE audit_records.hash <> excluded.hash`;

/**
 * Writes records (JSON texts) to D1. A batch that D1 refuses is halved until the refused records stand alone,
 * so that one bad row never blocks the rest. Throws when D1 cannot be reached: then nothing is known, and the
 * batch comes again.
 *
 * @returns the records that were refused
 */
export async function insertRecords(db: D1Database, records: readonly string[]): Promise<readonly Refused[]> {
  try {
    await db
      .prepare(INSERT)
      .bind(`[${records.join(",")}]`)
      .run();
    return [];
  } catch (error) {
    if (!isRefusal(error)) throw error;
    if (records.length === 1) return [{ record: records[0] ?? "", error: String(error) }];
    const middle = Math.ceil(records.length / 2);
    const first = await insertRecords(db, records.slice(0, middle));
    return [...first, ...(await insertRecords(db, records.slice(middle)))];
  }
}

/** A row that breaks a rule of the table, as opposed to a database that is down. */
const isRefusal = (error: unknown): boolean =>
  /SQLITE_(CONSTRAINT|MISMATCH|TOOBIG)|constraint failed/i.test(String(error));
