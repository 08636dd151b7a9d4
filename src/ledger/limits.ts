import type { Reason } from "../reasons.ts";
import type { LimitUse } from "./protocol.ts";

/** How much of its limits a principal has used. */
export class Limits {
  /**
   * Why a call would use more than there is; null where it does not.
   *
   * @param now seconds
   */
  fault(_uses: readonly LimitUse[], _now: number): { reason: Reason; retryAfter: number | null } | null {
    return null;
  }

  /** Counts a call that goes on. Belongs into a transaction. `now` in seconds. */
  write(_uses: readonly LimitUse[], _now: number): void {}

  /** Whether nothing is left that could expire. */
  get isEmpty(): boolean {
    return true;
  }

  /** `now` in seconds. */
  purge(_now: number): void {}
}
