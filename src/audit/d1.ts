import { withDeadline } from "../deadline.ts";
import { D1_DEADLINE_MS } from "../limits.ts";

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
  "delivered_hash",
  "status",
  "latency_ms",
  "count",
  "checks",
  "kept",
  "evidence",
  "execution",
  "digest",
  "prev_hash",
  "hash",
  "v",
];

// One bound parameter for the whole batch; WHERE 1 lets SQLite tell the upsert clause from a join's ON. json_each makes the text of a
// record anew for each column that asks for it, and so they are materialized first: that is two thirds of the time.
// Only a repeated record is skipped. Another one with the same id or at the same place of a chain is refused,
// never ignored; for the id that takes a value which the column cannot have.
const INSERT = `WITH records AS MATERIALIZED (SELECT value AS record FROM json_each(?))
  INSERT INTO audit_records (${COLUMNS.join(", ")})
  SELECT ${COLUMNS.map((column) => `record ->> '$.${column}'`).join(", ")} FROM records WHERE 1
  ON CONFLICT (id) DO UPDATE SET hash = NULL WHERE audit_records.hash <> excluded.hash`;

/**
 * Writes records (JSON texts) to D1. Throws when D1 cannot be reached or is too slow: then nothing is known, and the records come
 * again.
 *
 * @returns the records that were refused
 */
export const insertRecords = async (
  db: D1Database,
  records: readonly string[],
): Promise<readonly Refused[]> =>
  (await insertEach(db, INSERT, records)).map(({ row, error }) => ({ record: row, error }));

const SET_ASIDE = `INSERT INTO audit_set_aside (hash, tenant, chain, seq, record, error)
  SELECT r ->> '$.hash', r ->> '$.tenant', r ->> '$.chain', r ->> '$.seq', r, error
    FROM (SELECT value ->> '$.record' AS r, value ->> '$.error' AS error FROM json_each(?)) WHERE 1
  ON CONFLICT (hash) DO NOTHING`;

/** Keeps refused records in a table of their own, each once. Throws as `insertRecords` does. */
export async function setAside(db: D1Database, refused: readonly Refused[]): Promise<readonly Refused[]> {
  if (refused.length === 0) return [];
  const rows = refused.map(({ record, error }) => JSON.stringify({ record, error }));
  return (await insertEach(db, SET_ASIDE, rows)).map(({ row }) => JSON.parse(row));
}

/**
 * Inserts rows, JSON texts. A batch that D1 refuses is halved until the refused rows stand alone, so that one bad row never
 * blocks the rest.
 *
 * @returns the rows that were refused
 */
async function insertEach(
  db: D1Database,
  statement: string,
  rows: readonly string[],
): Promise<readonly { row: string; error: string }[]> {
  const inserted = db
    .prepare(statement)
    .bind(`[${rows.join(",")}]`)
    .run();
  try {
    await withDeadline(inserted, D1_DEADLINE_MS);
    return [];
  } catch (error) {
    if (!isRefusal(error)) throw error;
    if (rows.length === 1) return [{ row: rows[0] ?? "", error: String(error) }];
    const middle = Math.ceil(rows.length / 2);
    const first = await insertEach(db, statement, rows.slice(0, middle));
    return [...first, ...(await insertEach(db, statement, rows.slice(middle)))];
  }
}

/** A row that breaks a rule of the table, as opposed to a database that is down. */
const isRefusal = (error: unknown): boolean =>
  /SQLITE_(CONSTRAINT|MISMATCH|TOOBIG)|constraint failed/i.test(String(error));
