import { isForwarded } from "../audit/record.ts";
import { MAX_JOURNAL_BACKLOG, MAX_OPEN_CALLS } from "../limits.ts";
import { REASONS } from "../reasons.ts";
import type { Denials } from "./denials.ts";
import { rulingOf, unwritten } from "./drafts.ts";
import type { Entry } from "./journal.ts";
import { judge } from "./judge.ts";
import type { Held, Judgement } from "./judgement.ts";
import type { LimitUse } from "./lease.ts";
import { type Attempt, isQuestion, type Question, type Ruling } from "./protocol.ts";
import type { State } from "./state.ts";

/** A judgement that is to be written before it is answered, or what is answered without writing anything. */
export type Decided =
  | { readonly kind: "new"; readonly judgement: Judgement }
  | { readonly kind: "answered"; readonly answer: Ruling | Question }
  /** All is well but for leases that the directory has to be asked for; then it is to be ruled on again. */
  | { readonly kind: "lacking"; readonly lacking: readonly LimitUse[] };

/**
 * Rules on an attempt: judges it, unless that was done before, and sees whether there is room to write that down.
 *
 * @param again whether an earlier try of the same attempt may have been ruled on
 * @param now milliseconds, of the journal's own clock
 */
export function ruleOn(
  attempt: Attempt,
  state: State,
  denials: Denials,
  again: boolean,
  now: number,
): Decided {
  const { journal, open, holdings, since } = state;
  const held = { ...holdings, since, now: Math.floor(now / 1000), newRunId: journal.seq + 1 };
  const earlier = again ? journal.find(attempt.decision) : null;
  if (earlier !== null) return answered(repeatOf(earlier, attempt, held));

  const judgement = judge(attempt, held);
  if (isQuestion(judgement)) return answered(judgement);
  const { ruling, repeated, run, lacking, approval } = judgement;
  if (lacking.length > 0) return { kind: "lacking", lacking };
  // What cannot be told is no verdict, and uses nothing up.
  if (ruling.reason === "limit.unavailable") return answered(unwritten(ruling.reason));
  if (repeated) {
    const written = journal.find(attempt.decision);
    return answered(written === null ? { ...ruling, place: null } : repeatOf(written, attempt, held));
  }
  const hasRoom = journal.backlog < MAX_JOURNAL_BACKLOG;
  if (isForwarded(ruling.verdict)) {
    if (!hasRoom) return answered(unwritten("ledger.backlog_full"));
    if (open.size >= MAX_OPEN_CALLS) return answered(unwritten("ledger.overloaded"));
  } else {
    const denial = { spendsStep: run !== null, standsFor: 1 + (attempt.facts.count ?? 0), now, hasRoom };
    // A question that is not written down is asked of nobody.
    const asked = approval?.kind === "pending" && approval.isNew ? null : ruling.approval;
    if (!denials.admits(denial))
      return answered({ ...ruling, place: null, stepRecorded: false, approval: asked });
  }
  return { kind: "new", judgement };
}

/** What was ruled before, and whom it left waiting. */
function repeatOf(entry: Entry, attempt: Attempt, { approvals, limits, now }: Held): Ruling {
  const { reason, evidence } = entry.record;
  const id = reason === "approval.required" ? evidence?.approval?.id : undefined;
  const asked = id === undefined ? null : approvals.find(id, now);
  const isLimited = reason !== null && REASONS[reason].answer.kind === "limit";
  return {
    ...rulingOf(entry, attempt),
    retryAfter: isLimited ? (limits.fault(attempt.limits, now)?.retryAfter ?? null) : null,
    approval: asked && { id: asked.id, expires: asked.expires },
  };
}

const answered = (answer: Ruling | Question): Decided => ({ kind: "answered", answer });
