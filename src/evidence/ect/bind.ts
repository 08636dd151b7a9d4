import { equalBytes } from "../../encoding.ts";
import type { Reason } from "../../reasons.ts";
import { fail, ok, type Result } from "../../result.ts";
import type { VerifiedMandate } from "../act/verify.ts";
import type { VerifiedEct } from "./verify.ts";

/** What an ECT must agree with before it may enter the run graph. */
export interface StepFacts {
  readonly bodySha256: Uint8Array;
  readonly hasBody: boolean;
  readonly mandate: VerifiedMandate;
}

/**
 * Binds the ECT to this body and this mandate. After this it is a step of the run, whatever is decided about
 * it: the caller's next `pred` will name it.
 */
export function bindStep(ect: VerifiedEct, facts: StepFacts): Result<void, Reason> {
  if (ect.inpHash === null) {
    if (facts.hasBody) return fail("ect.inp_hash_missing");
  } else if (!equalBytes(ect.inpHash, facts.bodySha256)) return fail("ect.inp_hash_mismatch");
  // An issuer's mandate may be uncovered by the signature (profile poc). Then this ties the two together, as far as its
  // issuers do not use one jti twice; a delegated mandate is always covered.
  if (!ect.pred.includes(facts.mandate.jti)) return fail("ect.mandate_not_named");
  if (ect.wid !== null && ect.wid !== facts.mandate.wid) return fail("ect.wid_mismatch");
  return ok(undefined);
}

/** Binds the ECT to the action derived from the body: `exec_act` is the caller's word. */
export const bindAction = (ect: VerifiedEct, action: string): Result<void, Reason> =>
  ect.execAct === action ? ok(undefined) : fail("ect.exec_act_mismatch");
