import { type AuditRecord, isForwarded, type RecordedEvidence } from "../audit/record.ts";
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
export const decisionItem = (attempt: Attempt, judgement: Judgement): Item => {
  const { ruling, run, joins } = judgement;
  return {
    draft: decisionDraft(attempt, judgement),
    runSize: run && joins ? run.size + 1 : null,
    outcomeBy: isForwarded(ruling.verdict) ? attempt.outcomeBy : null,
    closes: null,
  };
};

/** The audit record of a decision, member by member: to spread the facts takes longer. */
function decisionDraft(
  attempt: Attempt,
  { ruling: { verdict, reason }, joins, execution, observed, approval }: Judgement,
): Draft {
  const { decision, facts, mandate, answerForm, verified } = attempt;
  const hasStatus = !isForwarded(verdict) && reason !== null;
  return {
    action: facts.action,
    checks: [...facts.checks, ...observed, ...(approval?.kind === "approved" ? [APPROVED] : [])],
    count: facts.count,
    decision,
    evidence: evidenceOf(attempt, joins, approval),
    id: decision,
    input_hash: facts.input_hash,
    kept: facts.kept,
    kind: "decision",
    mandate: facts.mandate,
    method: bounded(facts.method),
    principal: facts.principal,
    reason,
    revision: facts.revision,
    run: mandate && runKey(mandate),
    status: hasStatus ? statusOf({ reason, ...answerForm, verified }) : null,
    tenant: facts.tenant,
    tool: facts.tool,
    verdict,
    ...UNANSWERED,
    execution,
  };
}

/** What a record says that is not of an answer. */
export const UNANSWERED = { execution: null, output_hash: null, delivered_hash: null, latency_ms: null };

/** A ruling that has no place in the journal yet. */
export type Ruled = Omit<Ruling, "place">;

/** Its members stand in the order of the canonical form, as those of an outcome: see `canonical`. */
function evidenceOf(
  { mandate, token, step, attestation, record }: Attempt,
  joined: boolean,
  approval: ApprovalVerdict | null,
): RecordedEvidence | null {
  if (mandate === null && token === null) return null;
  return {
    approval: approvalOf(approval),
    attestation,
    ect: step && stepOf(step, joined),
    mandate: mandate && { digest: mandate.digest, exp: mandate.exp, iat: mandate.iat },
    record: record && {
      digest: record.digest,
      exec_act: record.execAct,
      exec_ts: record.execTs,
      iss: record.iss,
      jti: record.jti,
      pred: record.pred,
      run: runKey(record),
      status: record.status,
    },
    token: token && { digest: token.digest, exp: token.exp, iat: token.iat },
  };
}

function approvalOf(verdict: ApprovalVerdict | null): RecordedEvidence["approval"] {
  switch (verdict?.kind) {
    case "approved":
      return { approvals: verdict.approvals, id: verdict.id };
    case "pending":
      return { approvals: [], id: verdict.id };
    default:
      return null;
  }
}

function stepOf({ jti, iat, level, pred, foreignParents }: Step, joined: boolean): RecordedEvidence["ect"] {
  const known = new Set(foreignParents.map((parent) => parent.jti));
  return { foreign: pred.filter((parent) => known.has(parent)), iat, joined, jti, level, pred };
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

export const placeOf = ({ chain, seq, time, hash }: Place): Place => ({ chain, seq, time, hash });

/** The audit record of what became of an admitted call. */
export function outcomeDraft(outcome: Outcome): Draft {
  const { decision, facts } = outcome;
  return {
    action: facts.action,
    checks: facts.checks,
    count: facts.count,
    decision,
    delivered_hash: outcome.delivered_hash,
    // Stands in its decision, as what is kept of the arguments.
    evidence: null,
    execution: outcome.execution,
    id: outcomeId(decision),
    input_hash: facts.input_hash,
    kept: null,
    kind: "outcome",
    latency_ms: outcome.latency_ms,
    mandate: facts.mandate,
    method: bounded(facts.method),
    output_hash: outcome.output_hash,
    principal: facts.principal,
    reason: outcome.reason,
    revision: facts.revision,
    run: outcome.run,
    status: outcome.status,
    tenant: facts.tenant,
    tool: facts.tool,
    verdict: null,
  };
}

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
const bounded = (method: string | null): string | null =>
  method?.slice(0, MAX_TOOL_NAME_LENGTH).toWellFormed() ?? null;

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
