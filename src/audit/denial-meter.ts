import { DENIAL_WINDOW_MS } from "../limits.ts";

/**
 * Keeps a flood of denials from becoming a flood of rows: beyond a rate they are counted, not written. Times are
 * milliseconds; a window ends, too, where the clock is set back by more than it has.
 */
export class DenialMeter {
  readonly #maxPerWindow: number;
  readonly #windowMs: number;
  #windowStart = 0;
  /** In this window: how many came, and how many were left out. */
  #seen = 0;
  #leftOut = 0;
  /** Left out in the windows before it. */
  #due = 0;

  constructor(maxPerWindow: number, windowMs = DENIAL_WINDOW_MS) {
    this.#maxPerWindow = maxPerWindow;
    this.#windowMs = windowMs;
  }

  /**
   * Whether a denial at `now` is to be written. Where it is not, it is left out.
   *
   * @param standsFor itself, and those that it counts
   * @param hasRoom false where nothing can be written
   */
  admits(now: number, standsFor = 1, hasRoom = true): boolean {
    this.#turn(now);
    this.#seen += 1;
    if (hasRoom && this.#seen <= this.#maxPerWindow) return true;
    this.#leftOut += standsFor;
    return false;
  }

  /** Whether anything is left to sum up, now or when the window is over. */
  get isOwing(): boolean {
    return this.#due + this.#leftOut > 0;
  }

  /** How many were left out in this window so far, and when it is over. */
  get window(): { readonly leftOut: number; readonly end: number } {
    return { leftOut: this.#leftOut, end: this.#windowStart + this.#windowMs };
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

  #turn(now: number): void {
    if (Math.abs(now - this.#windowStart) < this.#windowMs) return;
    this.#due += this.#leftOut;
    this.#seen = 0;
    this.#leftOut = 0;
    this.#windowStart = now;
  }
}
