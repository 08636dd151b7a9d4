import { DENIAL_WINDOW_MS } from "../limits.ts";

/**
 * Keeps a flood of denials from becoming a flood of rows: beyond a rate they are counted, not written. Times are
 * milliseconds of a clock that never falls.
 */
export class DenialMeter {
  readonly #maxPerWindow: number;
  readonly #windowMs: number;
  #windowStart = 0;
  /** In this window. */
  #seen = 0;
  /** Not written, in the windows before it. */
  #due = 0;

  constructor(maxPerWindow: number, windowMs = DENIAL_WINDOW_MS) {
    this.#maxPerWindow = maxPerWindow;
    this.#windowMs = windowMs;
  }

  /** Whether a denial at `now` is to be written. */
  admits(now: number): boolean {
    this.#turn(now);
    this.#seen += 1;
    return this.#seen <= this.#maxPerWindow;
  }

  /** Whether anything is left to sum up, now or when the window is over. */
  get isOwing(): boolean {
    return this.#due + this.#suppressed > 0;
  }

  /** The denials to sum up at `now`: those of windows that are over. They are then no longer owed. */
  takeDue(now: number): number {
    this.#turn(now);
    const due = this.#due;
    this.#due = 0;
    return due;
  }

  /** Takes back what could not be written. */
  giveBack(due: number): void {
    this.#due += due;
  }

  get #suppressed(): number {
    return Math.max(0, this.#seen - this.#maxPerWindow);
  }

  #turn(now: number): void {
    if (now - this.#windowStart < this.#windowMs) return;
    this.#due += this.#suppressed;
    this.#seen = 0;
    this.#windowStart = now;
  }
}
