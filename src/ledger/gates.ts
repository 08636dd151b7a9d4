import { isCallersFault, observedCheck } from "../observe.ts";
import type { Reason } from "../reasons.ts";
import type { ApprovalVerdict } from "./approvals.ts";
import { type Held, type Judged, refuse } from "./judgement.ts";
import type { Attempt } from "./protocol.ts";

/**
 * Holds what was found so far, the limits, and at last what people say, against what the tenant only observes: what is observed of one
 * gate is no leave for another.
 */
export function passGates(
  attempt: Attempt,
  judged: Judged,
  { revocations, limits, approvals, now }: Held,
): Judged {
  const isObserved = (gate: Attempt["observes"][number], reason: Reason): boolean =>
    attempt.observes.includes(gate) && isCallersFault(reason);
  const { reason } = judged.ruling;
  if (reason !== null && !isObserved("admission", reason)) return judged;
  // Behind a fault that is only observed nobody has asked that yet.
  const revoked = reason === null ? null : revocations.fault(attempt, now);
  if (revoked !== null) return refuse(judged, attempt, revoked, {});
  const limited = limits.fault(attempt.limits, now);
  if (limited !== null && !isObserved("limits", limited.reason)) {
    const { reason, retryAfter, lacking } = limited;
    return { ...refuse(judged, attempt, reason, { retryAfter }), lacking };
  }
  const approval = attempt.approval && approvals.judge(attempt.approval, attempt.decision, now);
  const unapproved = approval && unapprovedFor(approval);
  if (unapproved !== null && !isObserved("approval", unapproved)) {
    const pending = approval?.kind === "pending" ? { id: approval.id, expires: approval.expires } : null;
    return { ...refuse(judged, attempt, unapproved, { approval: pending }), approval };
  }
  const found = [
    { gate: "admission", reason },
    { gate: "limits", reason: limited?.reason ?? null },
    { gate: "approval", reason: unapproved },
  ] as const;
  const first = attempt.observed ?? reason ?? limited?.reason ?? unapproved;
  return {
    ...judged,
    // Where that is only observed nobody is asked: the call does not wait for them.
    approval: unapproved === null ? approval : null,
    observed: found.flatMap(({ gate, reason }) => (reason === null ? [] : [observedCheck(gate, reason)])),
    ruling: {
      ...judged.ruling,
      verdict: first === null ? "admitted" : "observed",
      reason: first,
      stepRecorded: attempt.step !== null && judged.joins,
    },
  };
}

function unapprovedFor(verdict: ApprovalVerdict): Reason | null {
  switch (verdict.kind) {
    case "approved":
      return null;
    case "pending":
      return "approval.required";
    case "refused":
      return verdict.reason;
  }
}
