import { incarnationIn } from "./meta.ts";
import type { LedgerStatus } from "./protocol.ts";
import type { State } from "./state.ts";

/** What a ledger has not been able to hand on. */
export function statusOf({ journal, shelf, open }: State): LedgerStatus {
  const { chain, seq, backlog } = journal;
  return { chain, seq, backlog, oldest: journal.oldest(), setAside: shelf.count, open: open.size };
}

/** That of a ledger that has not begun. */
export const emptyStatus = (sql: SqlStorage): LedgerStatus => ({
  chain: incarnationIn(sql),
  seq: 0,
  backlog: 0,
  oldest: null,
  setAside: 0,
  open: 0,
});
