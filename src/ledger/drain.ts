import { insertRecords } from "../audit/d1.ts";
import { DRAIN_BATCH } from "../limits.ts";
import type { Journal } from "./journal.ts";

/** Records that D1 will not take are set aside, so that each is kept, shown, and blocks no other. */
export const openShelf = (sql: SqlStorage): void =>
  void sql.exec("CREATE TABLE IF NOT EXISTS refused (record TEXT NOT NULL, error TEXT NOT NULL) STRICT");

/**
 * Moves the journal into D1, as far as it is written when this begins: what comes meanwhile waits for the next alarm, since one
 * that chases a busy journal would never end.
 *
 * @param onRefused told what D1 says of a record that it refuses for good
 * @throws where D1 cannot be reached; what it has by then is not sent again
 */
export async function drain(
  journal: Journal,
  sql: SqlStorage,
  audit: D1Database,
  onRefused: (error: string) => void,
): Promise<void> {
  const end = journal.seq;
  for (let batch = journal.next(DRAIN_BATCH, end); batch.length > 0; batch = journal.next(DRAIN_BATCH, end)) {
    const refused = await insertRecords(
      audit,
      batch.map(({ record }) => record),
    );
    for (const { record, error } of refused) {
      sql.exec("INSERT INTO refused VALUES (?, ?)", record, error);
      onRefused(error);
    }
    journal.drained(batch.at(-1)?.seq ?? end);
  }
}
