/** What the gate has found of the evidence, line by line; and what it did not come to. Stages 2 to 7. */

import { ATTESTATION_HEADER, ECT_HEADERS, RECORD_HEADER } from "../../evidence-headers.ts";
import type { Message } from "../../mcp/message.ts";
import { OBSERVED_PREFIX } from "../../observe.ts";
import { requiredEvidence } from "../../policy/required.ts";
import type { Reason } from "../../reasons.ts";
import { SESSION_HEADER } from "../../session/seal.ts";
import type { EvidenceKind, Tenant } from "../../tenant/tenant.ts";
import type { Trail } from "../../trail.ts";
import type { Line } from "./explanation.ts";
import { placeOf, placeOfPassed, type Subject, subjectOf } from "./place.ts";

/** @param refused why the way of the request ended in these stages; null where it did not */
export function evidenceLines(
  trail: Trail,
  tenant: Tenant,
  message: Message | null,
  headers: Headers,
  refused: Line | null,
): readonly Line[] {
  const found = trail.checks.flatMap((check): Line[] => {
    if (check.startsWith("gate.")) return [];
    if (!check.startsWith(OBSERVED_PREFIX)) return [passed(placeOfPassed(check))];
    const [gate, reason] = check.slice(OBSERVED_PREFIX.length).split(":") as [string, Reason];
    return gate === "evidence"
      ? [{ ...placeOf(reason, trail), verdict: "observed", reason, note: null }]
      : [];
  });
  const required = requiredOf(trail, tenant, message);
  const demanded: readonly Line[] =
    required === null
      ? []
      : [{ ...passed({ stage: 5, gate: "evidence", check: "required" }), note: [...required].join(", ") }];
  const lines = [...found, ...demanded, ...(refused === null ? [] : [refused])];
  const broken = lines.find(({ verdict }) => verdict !== "passed");
  // The signature is verified first of these, and written down last.
  if (broken?.check === "ect" && broken.stage === 6)
    lines.push(passed({ stage: 6, gate: "evidence", check: "signature" }));
  if (broken === undefined) return lines;
  const seen = new Set(lines.map(({ check }) => subjectOf(check)));
  return [
    ...lines,
    ...expected(message, headers, required)
      .filter(([subject]) => !seen.has(subject))
      .map(
        ([check, stage]): Line => ({
          stage,
          gate: "evidence",
          check,
          verdict: "not reached",
          reason: null,
          note: null,
        }),
      ),
  ];
}

const passed = (place: Pick<Line, "stage" | "gate" | "check">): Line => ({
  ...place,
  verdict: "passed",
  reason: null,
  note: null,
});

/** What the tenant demands of the agent that the mandate is for; null where that is not known, or no rule matches. */
function requiredOf(
  { mandate }: Trail,
  { evidenceRules }: Tenant,
  message: Message | null,
): ReadonlySet<EvidenceKind> | null {
  if (mandate === null || message === null) return null;
  const required = requiredEvidence(message, evidenceRules, mandate.agent);
  return required.ok ? required.value : null;
}

/** What would be judged of this request, in the order of the gate. */
function expected(
  message: Message | null,
  headers: Headers,
  required: ReadonlySet<EvidenceKind> | null,
): readonly (readonly [Subject, number])[] {
  const wanted: readonly (readonly [Subject, number, boolean])[] = [
    ["bearer", 2, true],
    ["signature", 6, true],
    ["ect", 6, required?.has("ect") || ECT_HEADERS.some((name) => headers.has(name))],
    ["capability", 7, message?.kind === "request" || message?.kind === "notification"],
    ["session", 7, headers.has(SESSION_HEADER)],
    ["attestation", 7, required?.has("attestation") || headers.has(ATTESTATION_HEADER)],
    ["record", 7, headers.has(RECORD_HEADER)],
  ];
  return wanted.flatMap(([subject, stage, is]) => (is ? [[subject, stage] as const] : []));
}
