import { isForwarded } from "../audit/record.ts";
import { lastAcceptable } from "../evidence/act/verify.ts";
import { CLOCK_SKEW, NODE_HORIZON } from "../limits.ts";
import type { Reason } from "../reasons.ts";
import { fail, ok, type Result } from "../result.ts";
import { isLate, lateReason, replayReason } from "./claims.ts";
import { passGates } from "./gates.ts";
import { admit, deny, type Held, type Judged, type Judgement, mayBeNamed, repeat } from "./judgement.ts";
import { type Attempt, type Claim, isQuestion, type MandateFacts, type Question } from "./protocol.ts";
import { checkRecord, isRecordOf } from "./records.ts";
import { NO_RUN, type Run } from "./runs.ts";

/** Rules on an attempt from what the ledger holds. Reads only; what it says is written by the caller. */
export function judge(attempt: Attempt, held: Held): Judgement | Question {
  const ruled = rule(attempt, held);
  if (isQuestion(ruled)) return ruled;
  const judged = ruled.repeated || attempt.denial !== null ? ruled : passGates(attempt, ruled, held);
  return { ...judged, execution: standing(attempt, judged, held) };
}

function rule(attempt: Attempt, held: Held): Judged | Question {
  const { claims, runs } = held;
  const { step, decision } = attempt;

  // Replay comes first: whatever else is said about a request, it is said once.
  const known = step && runs.find(step.jti);
  if (known) {
    if (known.attempt === decision)
      return repeat(known.reason, known.run !== NO_RUN && mayBeNamed(step, known.reason));
    return deny("replay.ect");
  }
  const holders = attempt.claims.map((claim) => ({ claim, holder: claims.holder(claim) }));
  if (step === null && holders.some(({ holder }) => holder === decision)) return repeat(null, false);

  const placed = place(attempt, held);
  if (!placed.ok) return deny(attempt.denial ?? placed.error);
  const run = placed.value;
  // A step is written even when the call is denied, because the caller's next `pred` will name it: so its parents are looked at in
  // any case. Where they are not as they must be, a child of it would have a past that nobody has checked.
  const unknown = step && run ? runs.checkParents(step, run, mandateOf(attempt)) : ok([]);
  const joins = step !== null && unknown.ok && unknown.value.length === 0;

  const seen = holders.find(({ holder }) => holder !== null);
  const reason =
    attempt.denial ??
    (seen ? replayReason(seen.claim) : null) ??
    staleness(attempt, held) ??
    held.revocations.fault(attempt, held.now) ??
    excess(attempt, held, run) ??
    (unknown.ok ? null : unknown.error);
  if (step === null) return reason === null ? admit(run, false) : deny(reason);
  if (reason !== null) return deny(reason, run, joins, joins && mayBeNamed(step, reason));
  if (joins) return admit(run, true);
  // Others are asked only about a step that nothing else is wrong with.
  if (step.othersAsked || !unknown.ok) return deny("run.pred_unknown", run);
  return { unknownParents: unknown.value };
}

/** Finds the run for a step or for the mandate of a record, or says why a step can have no place in one. */
function place(attempt: Attempt, held: Held): Result<Run | null, Reason> {
  const { step, record } = attempt;
  const { mandates, runs, since, now, newRunId } = held;
  if (step === null) {
    const isNew = record !== null && mandates.find(record.iss, record.jti) === null;
    return isNew && isRecordOf(record, attempt.mandate)
      ? runs.resolve(mandateOf(attempt), newRunId)
      : ok(null);
  }
  const mandate = mandateOf(attempt);
  if (now > Math.min(step.lastAcceptable, step.iat + NODE_HORIZON)) return fail("replay.too_late");
  if (step.iat + CLOCK_SKEW < since) return fail("replay.too_late");
  if (hasEnded(mandate, now)) return fail("act.expired");
  // A step may not take the name of a mandate that it could mean: one that is known here, or of its chain. A mandate that comes
  // later may have the name of a step; under it, and under it alone, the name is then the mandate's.
  const isRoot =
    step.jti === mandate.jti ||
    mandates.find(mandate.iss, step.jti) !== null ||
    step.foreignParents.some(({ jti }) => jti === step.jti);
  return isRoot ? fail("replay.ect") : runs.resolve(mandate, newRunId);
}

function mandateOf({ mandate }: Attempt): MandateFacts {
  if (mandate === null) throw new Error("a step or a use without a mandate belongs to no run");
  return mandate;
}

/** Why the attempt comes too late; null where it does not. */
function staleness({ claims, mandate }: Attempt, held: Held): Reason | null {
  const { now, since } = held;
  const late = claims.find((claim) => isLate(claim, now) || held.claims.isTooOld(claim, since));
  if (late !== undefined) return lateReason(late);
  return mandate && hasEnded(mandate, now) ? "act.expired" : null;
}

/** Why the mandate cannot be used once more in this way, or its record not be taken; null where both are fine. */
function excess(attempt: Attempt, held: Held, run: Run | null): Reason | null {
  for (const use of attempt.uses) {
    const fault = held.uses.fault(use, mandateOf(attempt).iss);
    if (fault !== null) return fault;
  }
  if (attempt.record === null) return null;
  const checked = checkRecord(attempt.record, attempt.mandate, run, held, held.now);
  return checked.ok ? null : checked.error;
}

/**
 * The execution records of an attempt, where they say what was ruled; else null. Where a nonce was used before, or may have been and is
 * forgotten, those of a refusal would pass for a later decision about the call that was admitted.
 */
function standing(attempt: Attempt, { ruling }: Judged, { claims, now, since }: Held): Attempt["execution"] {
  const { denial, execution } = attempt;
  const isAsRuled = denial === null ? isForwarded(ruling.verdict) : ruling.reason === denial;
  if (execution === null || !isAsRuled) return null;
  const isFree = (claim: Claim) =>
    claims.holder(claim) === null && !isLate(claim, now) && !claims.isTooOld(claim, since);
  // Of what goes on the ruling itself has seen to that, or it is only observed.
  return denial === null || attempt.claims.every(isFree) ? execution : null;
}

/** The ledger's clock may be ahead of the gate's, and what is known of an ended mandate may be gone. */
const hasEnded = (mandate: MandateFacts, now: number): boolean => now > lastAcceptable(mandate);
