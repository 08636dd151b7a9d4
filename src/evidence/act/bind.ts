import type { JsonObject } from "../../json/strict-json.ts";
import type { Reason } from "../../reasons.ts";
import { fail, ok, type Result } from "../../result.ts";
import { type Constraints, permitsCall } from "./constraints/constraints.ts";
import type { VerifiedMandate } from "./verify.ts";

/** An entry of `cap` for the action of a call, whose constraints can be evaluated. */
export interface Grant {
  /** Its place in `cap`: a mandate does not change, so this names it. */
  readonly index: number;
  readonly constraints: Constraints;
}

/**
 * The entries of the mandate for an action: exact string equality (Countersign profile of ACT). Whether their constraints
 * allow the call is for `permitCall`.
 */
export function bindCapability(
  { cap }: Pick<VerifiedMandate, "cap">,
  action: string,
): Result<readonly Grant[], Reason> {
  const matching = cap.flatMap((capability, index) =>
    capability.action === action ? [{ index, constraints: capability.constraints }] : [],
  );
  if (matching.length === 0) return fail("capability.missing");
  const understood = matching.filter((entry): entry is Grant => entry.constraints !== null);
  return understood.length === 0 ? fail("capability.constraint_unknown") : ok(understood);
}

/** An entry whose calls are counted, and how many it allows. */
export interface Counted {
  readonly index: number;
  readonly max: number;
}

/**
 * Whether one of several entries, which are alternatives, allows the arguments, and which one is used up by that. An entry
 * whose calls are not counted comes first, then the order of `cap`. Stage 8.
 *
 * @param args of a `tools/call`; null for any other method
 * @returns null where nothing is counted
 */
export function permitCall(
  grants: readonly Grant[],
  args: JsonObject | null,
): Result<Counted | null, Reason> {
  const permitting = grants.filter(({ constraints }) => permitsCall(constraints, args));
  const chosen = permitting.find(({ constraints }) => constraints.maxCalls === null) ?? permitting[0];
  if (chosen === undefined) return fail("capability.argument_not_allowed");
  const { index, constraints } = chosen;
  return ok(constraints.maxCalls === null ? null : { index, max: constraints.maxCalls });
}
