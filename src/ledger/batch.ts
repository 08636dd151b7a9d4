import { DRAIN_BATCH, MAX_BATCH_BYTES } from "../limits.ts";

/**
 * The first rows of a table that go to D1 together, behind row `after` up to row `end`: so many that none of the limits of D1 is
 * near, and one at least. A caller decides how long its records are, so they are counted before they are read.
 *
 * @param columns among them `record`, the text; `key` is the integer that the rows are ordered by
 */
export function batchOf<T extends Record<string, SqlStorageValue>>(
  sql: SqlStorage,
  { table, key, columns }: { readonly table: string; readonly key: string; readonly columns: string },
  after: number,
  end = Number.MAX_SAFE_INTEGER,
): T[] {
  const behind = `FROM ${table} WHERE ${key} > ? AND ${key} <= ? ORDER BY ${key}`;
  const sizes = sql.exec<{ at: number; bytes: number }>(
    `SELECT ${key} AS at, OCTET_LENGTH(record) AS bytes ${behind} LIMIT ?`,
    after,
    end,
    DRAIN_BATCH,
  );
  let [last, total] = [after, 0];
  for (const { at, bytes } of sizes.toArray()) {
    total += bytes;
    if (total > MAX_BATCH_BYTES && last > after) break;
    last = at;
  }
  return sql.exec<T>(`SELECT ${columns} ${behind}`, after, last).toArray();
}
