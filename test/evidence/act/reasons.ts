import type { Reason } from "../../../src/reasons.ts";

/** The reasons that verification gives; parsing gives all other `act.` and `bearer.` reasons. */
export const VERIFICATION_REASONS: ReadonlySet<Reason> = new Set([
  "act.issuer_unknown",
  "act.key_unknown",
  "act.alg",
  "act.signature",
  "act.expired",
  "act.in_future",
  "act.lifetime",
  "act.audience",
  "act.delegation_off",
  "act.subject_unknown",
  "act.agent_not_granted",
  "act.action_not_granted",
]);
