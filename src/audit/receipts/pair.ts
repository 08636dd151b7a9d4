/** Which decision a receipt belongs to, and which decision about a call holds. */

import { sameLink } from "./link.ts";
import type { BackLink, DecisionRecord, ExecutionReceipt } from "./record.ts";
import type { Verified } from "./verify.ts";

export type Pairing =
  | "paired"
  /** The two are about different calls. */
  | "other_call"
  /** The receipt does not name the decision it ran under, so it may be any. */
  | "decision_not_named"
  /** The receipt names another decision about the same call. */
  | "other_decision";

/**
 * Check A: both are about one call. Check B, the binding one: the receipt names this very decision record, since a call
 * may have several.
 */
export function pair(decision: Verified<DecisionRecord>, receipt: Verified<ExecutionReceipt>): Pairing {
  if (!sameLink(decision.backLink, receipt.backLink)) return "other_call";
  if (receipt.decisionDigest === null) return "decision_not_named";
  return receipt.decisionDigest === decision.digest ? "paired" : "other_decision";
}

export type EffectiveDecision =
  | { readonly kind: "none" }
  | { readonly kind: "one"; readonly decision: Verified<DecisionRecord> }
  /** Equally late and different: to be reported, not resolved by nonce or order. */
  | { readonly kind: "ambiguous"; readonly decisions: readonly Verified<DecisionRecord>[] };

/** The latest decision about a call. What a call really ran under is told by `pair`. */
export function effectiveDecision(
  link: BackLink,
  decisions: readonly Verified<DecisionRecord>[],
): EffectiveDecision {
  const about = decisions.filter(({ backLink }) => sameLink(backLink, link));
  const latest = about
    .map(({ decidedAt }) => decidedAt)
    .sort()
    .at(-1);
  const last = about.filter(({ decidedAt }) => decidedAt === latest);
  // Copies of one record are one decision.
  const distinct = [...new Map(last.map((decision) => [decision.digest, decision])).values()];
  const [first, ...others] = distinct;
  if (first === undefined) return { kind: "none" };
  return others.length === 0 ? { kind: "one", decision: first } : { kind: "ambiguous", decisions: distinct };
}
