import { type Holdings, openHoldings } from "./holdings.ts";
import { Journal } from "./journal.ts";
import type { Meta } from "./meta.ts";
import { OpenCalls } from "./open-calls.ts";
import { Shelf } from "./shelf.ts";

/** What a ledger that has begun holds in memory of its storage. */
export class State {
  readonly #storage: DurableObjectStorage;
  #holdings: Holdings;
  /** When the ledger began, seconds; in the place of one that was lost, somewhat later. */
  readonly since: number;
  readonly meta: Meta;
  readonly journal: Journal;
  readonly open: OpenCalls;
  readonly shelf: Shelf;

  constructor(storage: DurableObjectStorage, meta: Meta) {
    const { sql } = storage;
    this.#storage = storage;
    this.since = meta.number("enrolled");
    this.meta = meta;
    this.journal = new Journal(sql, meta, meta.text("incarnation") ?? "");
    this.open = new OpenCalls(sql, this.journal);
    this.shelf = new Shelf(sql, meta);
    this.#holdings = this.#open();
  }

  get holdings(): Holdings {
    return this.#holdings;
  }

  /**
   * All or nothing. What the holdings remember of one that was rolled back is read anew; all else is to change its memory when nothing
   * can fail any more.
   */
  transaction(work: () => void): void {
    try {
      this.#storage.transactionSync(work);
    } catch (error) {
      this.#holdings = this.#open();
      throw error;
    }
  }

  #open(): Holdings {
    return openHoldings(this.#storage.sql, this.journal, this.meta.number("countsSince"));
  }
}
