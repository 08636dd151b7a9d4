import type { AuditRecord } from "../audit/record.ts";
import type { Item } from "./journal.ts";
import type { State } from "./state.ts";
import type { Waiting } from "./waiting.ts";

/**
 * Appends records, behind those that wait, and runs `write` in the same transaction. Where it fails nothing was written, and what
 * waited still does. Nobody else may write meanwhile.
 *
 * @param now milliseconds, of the journal's own clock
 * @returns the last record; null where there was none
 */
export async function commit(
  state: State,
  waiting: Waiting,
  now: number,
  items: readonly Item[],
  write: () => void,
): Promise<AuditRecord | null> {
  const { journal, open } = state;
  const taken = waiting.take(open, now);
  try {
    const entries = await journal.place([...taken.items, ...items], now);
    state.transaction(() => {
      write();
      journal.append(entries);
      open.write(entries);
    });
    journal.committed(entries);
    open.committed(entries);
    return entries.at(-1)?.record ?? null;
  } catch (error) {
    taken.giveBack();
    throw error;
  }
}
