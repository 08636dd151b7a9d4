import { incarnationIn } from "./meta.ts";
import type { State } from "./state.ts";

/** What a ledger has not been able to hand on. */
export interface LedgerStatus {
  /** Empty where the ledger has no storage. */
  readonly chain: string;
  /** Number of the last record; 0 where there is none. */
  readonly seq: number;
  /** Records that are not in D1, but for those set aside. */
  readonly backlog: number;
  /** Time of the oldest of them, milliseconds. */
  readonly oldest: number | null;
  /** Records that `audit_records` did not take. */
  readonly setAside: number;
  /** Admitted calls whose outcome is not written. */
  readonly open: number;
}

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
