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

/** Those of a chain of delegations, and of keys that come from elsewhere: they have test files of their own. */
export const DELEGATION_REASONS: ReadonlySet<Reason> = new Set([
  "act.delegation_depth",
  "act.delegation_chain",
  "act.delegation_signature",
  "act.privilege_escalation",
  "act.key_untrusted",
]);
