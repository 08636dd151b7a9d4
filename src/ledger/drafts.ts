import type { DecisionFacts } from "../audit/record.ts";
import { statusOf } from "../denial.ts";
import { randomId } from "../encoding.ts";
import { MAX_TOOL_NAME_LENGTH } from "../limits.ts";
import type { Draft, Entry } from "./journal.ts";
import { mayBeNamed } from "./judge.ts";
import { type Attempt, type Outcome, type Ruling, runKey } from "./protocol.ts";

/** The audit record of a decision. */
export const decisionDraft = ({ decision, facts, mandate, answerForm }: Attempt, ruling: Ruling): Draft => ({
  ...bounded(facts),
  id: decision,
  kind: "decision",
  decision,
  verdict: ruling.verdict,
  reason: ruling.reason,
  status: ruling.reason && statusOf({ reason: ruling.reason, ...answerForm, verified: mandate !== null }),
  run: mandate && runKey(mandate),
  output_hash: null,
  latency_ms: null,
});

/** The ruling that `decisionDraft` made a record of. */
export const rulingOf = ({ record, runSize }: Entry, { step }: Attempt): Ruling => ({
  verdict: record.verdict ?? "denied",
  reason: record.reason,
  stepRecorded: step !== null && runSize !== null && mayBeNamed(step, record.reason),
});

/** The audit record of what became of an admitted call. */
export const outcomeDraft = ({ decision, facts, ...outcome }: Outcome): Draft => ({
  ...bounded(facts),
  ...outcome,
  id: `${decision}.outcome`,
  kind: "outcome",
  decision,
  verdict: null,
});

/** A caller chooses the method, and it may be one that nobody knows: neither its length nor its bytes may harm the log. */
const bounded = (facts: DecisionFacts): DecisionFacts => ({
  ...facts,
  method: facts.method?.slice(0, MAX_TOOL_NAME_LENGTH).toWellFormed() ?? null,
});

/** The audit record that stands for `count` denials which were too many to be written one by one. */
export function summaryDraft(ledger: string, count: number): Draft {
  const [, tenant = "", principal = ""] = JSON.parse(ledger) as string[];
  const decision = randomId();
  return {
    tenant,
    revision: null,
    principal,
    mandate: null,
    method: null,
    tool: null,
    action: null,
    input_hash: null,
    checks: [],
    id: `${decision}.summary`,
    kind: "summary",
    decision,
    verdict: "denied",
    reason: null,
    status: null,
    run: null,
    output_hash: null,
    latency_ms: null,
    count,
  };
}
