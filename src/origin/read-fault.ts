import type { ReadFault } from "../bytes/read-whole.ts";
import type { Reason } from "../reasons.ts";

/**
 * Why an answer of the origin's could not be held.
 *
 * @param tooLarge what it means that there is more than may be held
 * @param stop aborted, with the reason, when the caller may see no more of it
 */
export function readFault(tooLarge: Reason, fault: ReadFault, stop: AbortSignal): Reason {
  switch (fault) {
    case "too_large":
      return tooLarge;
    case "timeout":
      return "origin.timeout";
    case "stopped":
      return stop.reason;
    case "broken":
      return "origin.broken";
  }
}
