import { lastAcceptable } from "../evidence/act/verify.ts";
import { CLOCK_SKEW, NODE_HORIZON } from "../limits.ts";
import type { Reason } from "../reasons.ts";
import { fail, type Result } from "../result.ts";
import { type Claims, isLate, lateReason, replayReason } from "./claims.ts";
import type { Attempt, Claim, MandateFacts, Ruling, Step } from "./protocol.ts";
import type { Run, Runs } from "./runs.ts";

/** What to answer, and what to write for it. */
export interface Judgement {
  readonly ruling: Ruling;
  /** True where this very attempt was ruled on before: nothing is written again. */
  readonly repeated: boolean;
  /** The run the step belongs to; null where no step is written. */
  readonly run: Run | null;
}

/** What an attempt is judged by. */
export interface Held {
  readonly claims: Claims;
  readonly runs: Runs;
  /** When the ledger began, seconds: of what was issued before it cannot say whether it was used. */
  readonly since: number;
  /** Seconds, of the ledger's own clock. */
  readonly now: number;
  /** Id for a run that is not known yet. */
  readonly newRunId: number;
}

/** Rules on an attempt from what the ledger holds. Reads only; what it says is written by the caller. */
export function judge(attempt: Attempt, held: Held): Judgement {
  const { claims, runs, now } = held;
  const { step, mandate, decision } = attempt;

  // Replay comes first: whatever else is said about a request, it is said once.
  const known = step && runs.find(step.jti);
  if (known) {
    if (known.attempt === decision) return repeat(known.reason, true);
    return deny("replay.ect");
  }
  const holders = attempt.claims.map((claim) => ({ claim, holder: claims.holder(claim) }));
  if (step === null && holders.some(({ holder }) => holder === decision)) return repeat(null, false);

  // A step is written even when the call is denied, because the caller's next `pred` will name it.
  const placed = step && place(step, mandate, held);
  if (placed && !placed.ok) return deny(attempt.denial ?? placed.error);
  const run = placed?.value ?? null;

  const seen = holders.find(({ holder }) => holder !== null);
  const late = attempt.claims.find((claim) => isLate(claim, now) || isTooOld(claim, held.since));
  const reason =
    attempt.denial ??
    (seen ? replayReason(seen.claim) : null) ??
    (late ? lateReason(late) : null) ??
    (mandate && hasEnded(mandate, now) ? "act.expired" : null) ??
    (run && step && mandate ? failure(runs.checkParents(step, run, mandate)) : null);
  return reason === null ? { ruling: admitted(run !== null), repeated: false, run } : deny(reason, run);
}

/** Finds the run for a step, or says why it can have no place in one. */
function place(step: Step, mandate: MandateFacts | null, held: Held): Result<Run, Reason> {
  const { runs, since, now, newRunId } = held;
  if (mandate === null) throw new Error("a step without a mandate belongs to no run");
  if (now > Math.min(step.lastAcceptable, step.iat + NODE_HORIZON)) return fail("replay.too_late");
  if (step.iat + CLOCK_SKEW < since) return fail("replay.too_late");
  if (hasEnded(mandate, now)) return fail("act.expired");
  if (step.jti === mandate.jti || runs.isMandate(mandate.iss, step.jti)) return fail("replay.ect");
  return runs.resolve(mandate, newRunId);
}

/**
 * A request that was captured under an agent's or tenant's earlier name comes to a new ledger, which knows nothing of
 * it. Attestations are not made for one request, so they may be older.
 */
const isTooOld = (claim: Claim, since: number): boolean =>
  claim.kind === "nonce" && claim.issuedAt + CLOCK_SKEW < since;

/** The ledger's clock may be ahead of the gate's, and what is known of an ended mandate may be gone. */
const hasEnded = (mandate: MandateFacts, now: number): boolean => now > lastAcceptable(mandate);

const failure = (result: Result<void, Reason>): Reason | null => (result.ok ? null : result.error);

const admitted = (stepRecorded: boolean): Ruling => ({ verdict: "admitted", reason: null, stepRecorded });

const deny = (reason: Reason, run: Run | null = null): Judgement => ({
  ruling: { verdict: "denied", reason, stepRecorded: run !== null },
  repeated: false,
  run,
});

const repeat = (reason: Reason | null, stepRecorded: boolean): Judgement => ({
  ruling: { verdict: reason === null ? "admitted" : "denied", reason, stepRecorded },
  repeated: true,
  run: null,
});
