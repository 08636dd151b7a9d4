import { DenialMeter } from "../audit/denial-meter.ts";
import { MAX_DENIALS_PER_WINDOW, MAX_REPEATABLE_DENIALS_PER_WINDOW } from "../limits.ts";

export interface Denial {
  readonly spendsStep: boolean;
  /** Itself, and those that it counts. */
  readonly standsFor: number;
  readonly now: number;
  /** False where the journal takes no more. */
  readonly hasRoom: boolean;
}

/** Which denials are written one by one, and how many are owed a summary. Times are milliseconds of the ledger's own clock. */
export class Denials {
  /** Those that use up a step: each can come only once. */
  readonly #spending = new DenialMeter(MAX_DENIALS_PER_WINDOW);
  /** All others. Anybody who has captured a request can cause these, so they may not push the agent's own ones out. */
  readonly #repeatable = new DenialMeter(MAX_REPEATABLE_DENIALS_PER_WINDOW);

  /** Whether a denial is to be written. Where it is not, it is counted. */
  admits({ spendsStep, standsFor, now, hasRoom }: Denial): boolean {
    return (spendsStep ? this.#spending : this.#repeatable).admits(now, standsFor, hasRoom);
  }

  /** Whether anything is left to sum up. */
  get isOwing(): boolean {
    return this.#spending.isOwing || this.#repeatable.isOwing;
  }

  /** How many to sum up at `now`. They are then no longer owed. */
  takeDue(now: number): number {
    return this.#spending.takeDue(now) + this.#repeatable.takeDue(now);
  }

  /** Takes back what could not be written. */
  giveBack(due: number): void {
    this.#spending.giveBack(due);
  }
}
