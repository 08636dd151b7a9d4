import type { Reason } from "../../reasons.ts";
import { fail, ok, type Result } from "../../result.ts";
import type { VerifiedMandate } from "./verify.ts";

/** Whether the mandate allows the action: exact string equality with an entry of `cap` (Countersign profile of ACT). */
export function bindCapability(mandate: VerifiedMandate, action: string): Result<void, Reason> {
  const matching = mandate.cap.filter((capability) => capability.action === action);
  if (matching.length === 0) return fail("capability.missing");
  // Several entries of one action are alternatives, so one without constraints is enough.
  return matching.some((capability) => !capability.constrained)
    ? ok(undefined)
    : fail("capability.constraint_unknown");
}
