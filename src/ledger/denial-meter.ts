import { DENIAL_WINDOW_MS, MAX_DENIALS_PER_WINDOW } from "../limits.ts";

/** Keeps a flood of denials from becoming a flood of rows: beyond a rate they are counted, not written. */
export class DenialMeter {
  #windowStart = 0;
  #written = 0;
  #suppressed = 0;

  /** Whether a denial at `now` (milliseconds) is to be written. */
  admits(now: number): boolean {
    if (now - this.#windowStart >= DENIAL_WINDOW_MS) {
      this.#windowStart = now;
      this.#written = 0;
    }
    this.#written += 1;
    if (this.#written <= MAX_DENIALS_PER_WINDOW) return true;
    this.#suppressed += 1;
    return false;
  }

  /** Whether the window is over and left something to sum up. */
  hasSummary(now: number): boolean {
    return this.#suppressed > 0 && now - this.#windowStart >= DENIAL_WINDOW_MS;
  }

  /** The number to sum up, once per window; 0 where there is nothing. */
  takeSummary(now: number): number {
    if (!this.hasSummary(now)) return 0;
    const count = this.#suppressed;
    this.#suppressed = 0;
    return count;
  }
}
