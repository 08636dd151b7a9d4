import { insertRecords } from "../audit/d1.ts";
import { MAX_DRAIN_MS } from "../limits.ts";
import type { State } from "./state.ts";

/**
 * Moves the journal into D1, as far as it is written when this begins: what comes meanwhile waits for the next drain, since one
 * that chases a busy journal would never end. What is sent again, because it is not known whether it arrived, changes nothing.
 *
 * @param onRefused told what D1 says of a record that its log does not take
 * @throws where D1 cannot be reached or is too slow; what it is known to have by then is not sent again
 */
export async function drain(
  { journal, open, shelf }: State,
  storage: DurableObjectStorage,
  audit: D1Database,
  onRefused: (error: string) => void,
): Promise<void> {
  const end = journal.seq;
  const startedAt = Date.now();
  for (let batch = journal.next(end); batch.length > 0; batch = journal.next(end)) {
    if (Date.now() - startedAt > MAX_DRAIN_MS) throw new Error("D1 is too slow");
    const refused = await insertRecords(
      audit,
      batch.map(({ record }) => record),
    );
    const last = batch.at(-1)?.seq ?? end;
    storage.transactionSync(() => {
      shelf.put(refused);
      journal.drained(last, (seq) => open.keep(seq));
    });
    for (const { error } of refused) onRefused(error);
  }
  await shelf.clear(audit, Date.now());
}
