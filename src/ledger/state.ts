import { type Holdings, openHoldings } from "./holdings.ts";
import { Journal } from "./journal.ts";
import type { Meta } from "./meta.ts";
import { OpenCalls } from "./open-calls.ts";
import { Shelf } from "./shelf.ts";

/** What a ledger holds in memory of its storage. */
export interface State extends Holdings {
  /** When the ledger began, seconds; in the place of one that was lost, somewhat later. */
  readonly since: number;
  readonly meta: Meta;
  readonly journal: Journal;
  readonly open: OpenCalls;
  readonly shelf: Shelf;
}

/** Reads the storage of a ledger that has begun. */
export function openState(sql: SqlStorage, meta: Meta): State {
  const journal = new Journal(sql, meta, meta.text("incarnation") ?? "");
  return {
    since: meta.number("enrolled"),
    meta,
    journal,
    open: new OpenCalls(sql, journal),
    shelf: new Shelf(sql, meta),
    ...openHoldings(sql, journal),
  };
}
