import { type AuditRecord, type DecisionFacts, isForwarded, type RecordedEvidence } from "../audit/record.ts";
import { statusOf } from "../denial.ts";
import { randomId } from "../encoding.ts";
import { MAX_TOOL_NAME_LENGTH } from "../limits.ts";
import type { Reason } from "../reasons.ts";
import type { ApprovalVerdict } from "./approvals.ts";
import type { Draft, Entry, Item } from "./journal.ts";
import { type Judgement, mayBeNamed } from "./judgement.ts";
import { readLedgerName } from "./names.ts";
import { APPROVED, type Attempt, type Outcome, type Place, type Ruling } from "./protocol.ts";
import { runKey } from "./run-key.ts";
import type { Step } from "./step.ts";

/** The decision, as it is to be written. */
export const decisionItem = (
  attempt: Attempt,
  { ruling, run, joins, execution, observed, approval }: Judgement,
): Item => ({
  draft: {
    ...decisionDraft(attempt, ruling, joins, approval),
    checks: [...attempt.facts.checks, ...observed, ...(approval?.kind === "approved" ? [APPROVED] : [])],
    execution,
  },
  runSize: run && joins ? run.size + 1 : null,
  outcomeBy: isForwarded(ruling.verdict) ? attempt.outcomeBy : null,
  closes: null,
});

/** The audit record of a decision. */
export const decisionDraft = (
  attempt: Attempt,
  ruling: Ruled,
  joined: boolean,
  approval: ApprovalVerdict | null = null,
): Draft => ({
  ...bounded(attempt.facts),
  ...ruledOn(attempt, ruling),
  evidence: evidenceOf(attempt, joined, approval),
  ...UNANSWERED,
});

/** What a record says that is not of an answer. */
export const UNANSWERED = { execution: null, output_hash: null, delivered_hash: null, latency_ms: null };

/** A ruling that has no place in the journal yet. */
export type Ruled = Omit<Ruling, "place">;

const ruledOn = ({ decision, mandate, answerForm, verified }: Attempt, ruling: Ruled) => ({
  id: decision,
  kind: "decision" as const,
  decision,
  verdict: ruling.verdict,
  reason: ruling.reason,
  status:
    isForwarded(ruling.verdict) || ruling.reason === null
      ? null
      : statusOf({ reason: ruling.reason, ...answerForm, verified }),
  run: mandate && runKey(mandate),
});

function evidenceOf(
  { mandate, token, step, attestation, record }: Attempt,
  joined: boolean,
  approval: ApprovalVerdict | null,
): RecordedEvidence | null {
  if (mandate === null && token === null) return null;
  return {
    mandate: mandate && { digest: mandate.digest, iat: mandate.iat, exp: mandate.exp },
    token,
    approval: approvalOf(approval),
    ect: step && stepOf(step, joined),
    attestation,
    record: record && {
      iss: record.iss,
      jti: record.jti,
      run: runKey(record),
      digest: record.digest,
      exec_act: record.execAct,
      exec_ts: record.execTs,
      status: record.status,
      pred: record.pred,
    },
  };
}

function approvalOf(verdict: ApprovalVerdict | null): RecordedEvidence["approval"] {
  switch (verdict?.kind) {
    case "approved":
      return { id: verdict.id, approvals: verdict.approvals };
    case "pending":
      return { id: verdict.id, approvals: [] };
    default:
      return null;
  }
}

function stepOf({ jti, iat, level, pred, foreignParents }: Step, joined: boolean): RecordedEvidence["ect"] {
  const known = new Set(foreignParents.map((parent) => parent.jti));
  return { jti, iat, level, pred, foreign: pred.filter((parent) => known.has(parent)), joined };
}

/** The ruling that `decisionDraft` made a record of. */
export const rulingOf = ({ record, runSize }: Entry, { step }: Attempt): Ruling => ({
  verdict: record.verdict ?? "denied",
  reason: record.reason,
  place: placeOf(record),
  stepRecorded:
    step !== null && runSize !== null && (isForwarded(record.verdict) || mayBeNamed(step, record.reason)),
  retryAfter: null,
  approval: null,
});

/** A refusal that leaves no trace. */
export const unwritten = (reason: Reason): Ruling => ({
  verdict: "denied",
  reason,
  place: null,
  stepRecorded: false,
  retryAfter: null,
  approval: null,
});

export const placeOf = ({ chain, seq, time, hash }: AuditRecord): Place => ({ chain, seq, time, hash });

/** The audit record of what became of an admitted call. */
export const outcomeDraft = ({ decision, facts, ...outcome }: Outcome): Draft => ({
  ...bounded(facts),
  ...outcome,
  id: outcomeId(decision),
  kind: "outcome",
  decision,
  verdict: null,
  // Both stand in its decision.
  evidence: null,
  kept: null,
});

/** The audit record of an admitted call of which nothing was heard again. */
export const unknownDraft = ({
  v: _v,
  chain: _c,
  seq: _s,
  time: _t,
  digest: _d,
  prev_hash: _p,
  hash: _h,
  ...decision
}: AuditRecord): Draft => ({
  ...decision,
  id: outcomeId(decision.decision),
  kind: "outcome",
  verdict: null,
  reason: "outcome.unknown",
  evidence: null,
  execution: null,
  kept: null,
});

const outcomeId = (decision: string): string => `${decision}.outcome`;

/** A caller chooses the method, and it may be one that nobody knows: neither its length nor its bytes may harm the log. */
const bounded = (facts: DecisionFacts): DecisionFacts => ({
  ...facts,
  method: facts.method?.slice(0, MAX_TOOL_NAME_LENGTH).toWellFormed() ?? null,
});

/** The audit record that stands for `count` denials which were too many to be written one by one. */
export function summaryDraft(ledger: string, count: number): Draft {
  const { tenant, principal } = readLedgerName(ledger);
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
    evidence: null,
    ...UNANSWERED,
    kept: null,
    count,
  };
}
