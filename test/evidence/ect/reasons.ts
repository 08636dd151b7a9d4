import type { Reason } from "../../../src/reasons.ts";

/** The reasons that `verify.ts` gives. */
export const VERIFICATION_REASONS: ReadonlySet<Reason> = new Set([
  "ect.unsigned",
  "ect.alg",
  "ect.key_unknown",
  "ect.signature",
  "ect.issuer",
  "ect.in_future",
  "ect.too_old",
  "ect.expired",
  "ect.audience",
]);

/** The reasons that `bind.ts` gives. */
export const BINDING_REASONS: ReadonlySet<Reason> = new Set([
  "ect.inp_hash_missing",
  "ect.inp_hash_mismatch",
  "ect.mandate_not_named",
  "ect.wid_mismatch",
  "ect.exec_act_mismatch",
]);

/** All of these, and the one that the presence check gives: the rest is parsing. */
export const LATER_REASONS: ReadonlySet<Reason> = new Set([
  ...VERIFICATION_REASONS,
  ...BINDING_REASONS,
  "ect.missing",
  "ect.misplaced",
]);
