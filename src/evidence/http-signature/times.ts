/** The times of a signature, whoever made it. */

import { CLOCK_SKEW, MAX_ECT_AGE, MAX_SIGNATURE_WINDOW } from "../../limits.ts";

/** The last second at which a signature can be accepted, from signed values and constants alone. */
export const lastAcceptable = (created: number, expires: number | null): number =>
  (expires ?? created + MAX_ECT_AGE) + CLOCK_SKEW;

/**
 * The times of a signature against the clock.
 *
 * @param longest from `created` to `expires`, seconds
 */
export function checkTime(
  created: number,
  expires: number | null,
  now: number,
  longest = MAX_SIGNATURE_WINDOW,
): "signature.in_future" | "signature.window" | "signature.expired" | null {
  if (created > now + CLOCK_SKEW) return "signature.in_future";
  if (expires !== null && (expires < created || expires - created > longest)) {
    return "signature.window";
  }
  return now > lastAcceptable(created, expires) ? "signature.expired" : null;
}
