import { MAX_CLOSED_AT_ONCE } from "../limits.ts";
import { Denials } from "./denials.ts";
import { summaryDraft } from "./drafts.ts";
import { ALONE, type Item } from "./journal.ts";
import type { OpenCalls } from "./open-calls.ts";
import type { Outcome } from "./protocol.ts";

/** What is to be written with the next commit, whatever that is for. It is in memory alone. */
export class Waiting {
  readonly #ledger: string;
  #outcomes: Outcome[] = [];
  readonly denials = new Denials();

  /** @param ledger its name */
  constructor(ledger: string) {
    this.#ledger = ledger;
  }

  get hasOutcomes(): boolean {
    return this.#outcomes.length > 0;
  }

  /** @returns whether no other outcome waits already */
  add(outcome: Outcome): boolean {
    return this.#outcomes.push(outcome) === 1;
  }

  /** The records that close calls whose outcome neither waits nor came in time, as many as one commit may have. */
  overdue(open: OpenCalls, now: number): Item[] {
    return open.overdue(now, new Set(this.#outcomes.map(({ decision }) => decision)), MAX_CLOSED_AT_ONCE);
  }

  /**
   * Takes all that is due at `now`, milliseconds.
   *
   * @returns the records, and what to call where they could not be written
   */
  take(open: OpenCalls, now: number): { items: readonly Item[]; giveBack: () => void } {
    const outcomes = this.#outcomes;
    this.#outcomes = [];
    const due = this.denials.takeDue(now);
    const summaries = due > 0 ? [{ ...ALONE, draft: summaryDraft(this.#ledger, due) }] : [];
    const giveBack = () => {
      this.#outcomes.unshift(...outcomes);
      this.denials.giveBack(due);
    };
    return { items: [...open.closing(outcomes), ...summaries], giveBack };
  }
}
