import { placeOf } from "./drafts.ts";
import type { Item } from "./journal.ts";
import type { Place } from "./protocol.ts";
import type { State } from "./state.ts";
import type { Waiting } from "./waiting.ts";

/**
 * Appends records, behind those that wait, and runs `write` in the same transaction. Where it fails nothing was written, and what
 * waited still does. Nobody else may write meanwhile.
 *
 * @param now milliseconds, of the journal's own clock
 * @returns where the last record is; null where there was none
 */
export async function commit(
  state: State,
  waiting: Waiting,
  now: number,
  items: readonly Item[],
  write: () => void,
): Promise<Place | null> {
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
    const last = entries.at(-1);
    return last === undefined ? null : placeOf(last);
  } catch (error) {
    taken.giveBack();
    throw error;
  }
}
