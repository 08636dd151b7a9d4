/** The section `evidence` of a tenant document: what a call must carry. */

import * as v from "valibot";
import { MAX_TENANT_LIST } from "../../limits.ts";
import { fields, must, nonEmptyList } from "../fields.ts";
import { type MessageRule, messageRule, messageRuleFields } from "./message-rule.ts";

export type EvidenceKind = "mandate" | "signature" | "ect" | "attestation";

/** Without a mandate nobody is known to have allowed the call, and a mandate is a bearer token. */
function requireProblem(kinds: EvidenceKind[]): string | null {
  if (!kinds.includes("mandate")) {
    return 'must hold "mandate": without one, nothing says who allowed the call and under which run it is kept';
  }
  if (!kinds.includes("signature")) {
    return 'must hold "signature": a mandate is a bearer token, and only a signature shows that its agent sent this very request, once';
  }
  return null;
}

const evidenceRule = fields({
  ...messageRuleFields,
  require: v.pipe(
    v.array(v.picklist(["mandate", "signature", "ect", "attestation"])),
    v.maxLength(4, "must have at most 4 entries"),
    must(requireProblem),
    v.description('The evidence a call must carry. "mandate" and "signature" are always among it.'),
  ),
});

export const evidence = nonEmptyList(
  evidenceRule,
  MAX_TENANT_LIST,
  "What a call must carry. The first rule that matches decides; no match means refusal.",
);

export interface EvidenceRule extends MessageRule {
  readonly require: ReadonlySet<EvidenceKind>;
}

export const evidencePolicy = (section: v.InferOutput<typeof evidence>): readonly EvidenceRule[] =>
  section.map((rule) => ({ ...messageRule(rule), require: new Set(rule.require) }));
