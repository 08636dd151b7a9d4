import { MAX_CLOSED_AT_ONCE } from "../limits.ts";
import { Denials } from "./denials.ts";
import { summaryDraft } from "./drafts.ts";
import { ALONE, type Draft, type Item } from "./journal.ts";
import type { OpenCalls } from "./open-calls.ts";

/** What is to be written with the next commit, whatever that is for. It is in memory alone. */
export class Waiting {
  readonly #ledger: string;
  /** By decision: of two reports of one call the first counts. */
  #outcomes = new Map<string, Draft>();
  readonly denials = new Denials();

  /** @param ledger its name */
  constructor(ledger: string) {
    this.#ledger = ledger;
  }

  get hasOutcomes(): boolean {
    return this.#outcomes.size > 0;
  }

  /** @param outcome its record */
  add(outcome: Draft): void {
    if (!this.#outcomes.has(outcome.decision)) this.#outcomes.set(outcome.decision, outcome);
  }

  /** The records that close calls whose outcome neither waits nor came in time, as many as one commit may have. */
  overdue(open: OpenCalls, now: number): Item[] {
    return open.overdue(now, this.#outcomes, MAX_CLOSED_AT_ONCE);
  }

  /**
   * Takes all that is due at `now`, milliseconds.
   *
   * @returns the records, and what to call where they could not be written
   */
  take(open: OpenCalls, now: number): { items: readonly Item[]; giveBack: () => void } {
    const outcomes = this.#outcomes;
    this.#outcomes = new Map();
    const due = this.denials.takeDue(now);
    const summaries = due > 0 ? [{ ...ALONE, draft: summaryDraft(this.#ledger, due) }] : [];
    const giveBack = () => {
      this.#outcomes = new Map([...this.#outcomes, ...outcomes]);
      this.denials.giveBack(due);
    };
    return { items: [...open.closing(outcomes.values()), ...summaries], giveBack };
  }
}
