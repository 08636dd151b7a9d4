import type { Reason } from "../reasons.ts";
import type { ApprovalVerdict } from "./approvals.ts";
import type { Ruled } from "./drafts.ts";
import type { Holdings } from "./holdings.ts";
import type { LimitUse } from "./lease.ts";
import type { Attempt } from "./protocol.ts";
import type { Run } from "./runs.ts";
import type { Step } from "./step.ts";

/** What to answer, and what to write for it. */
export interface Judgement {
  readonly ruling: Ruled;
  /** True where this very attempt was ruled on before: nothing is written again. */
  readonly repeated: boolean;
  /** The run of the step, or the one to write the mandate of a record to; null where neither is written. */
  readonly run: Run | null;
  /** Whether the step becomes one of its run: where a parent is not as it must be, its jti is spent and that is all. */
  readonly joins: boolean;
  /** Whether the call uses up what it brings: false where it was refused, also where that is only observed. */
  readonly admits: boolean;
  /** What was only observed of all this, in the form of the checks of a record. */
  readonly observed: readonly string[];
  /** What people have said; null where nobody is asked. */
  readonly approval: ApprovalVerdict | null;
  /** Where it is not empty, nothing is ruled yet: the directory is to be asked for these, and the attempt judged again. */
  readonly lacking: readonly LimitUse[];
  /** The execution records to keep. */
  readonly execution: Attempt["execution"];
}

/** The part that is about the attempt itself. */
export type Judged = Omit<Judgement, "execution">;

/** What an attempt is judged by. */
export interface Held extends Holdings {
  /** When the ledger began, seconds (see `enrol`): of what was issued before it cannot say whether it was used. */
  readonly since: number;
  /** Seconds, of the ledger's own clock. */
  readonly now: number;
  /** Id for a run that is not known yet. */
  readonly newRunId: number;
}

/** Whether a later `pred` may name the step, if it joined its run. */
export const mayBeNamed = (step: Step, reason: Reason | null): boolean =>
  reason === null || step.parents.denied;

/** A call that is otherwise in order: its step is a step, and nothing else is used up. */
export const refuse = (judged: Judged, { step }: Attempt, reason: Reason, told: Partial<Ruled>): Judged => ({
  ...judged,
  admits: false,
  ruling: {
    ...RULED,
    ...told,
    verdict: "denied",
    reason,
    stepRecorded: judged.joins && step !== null && mayBeNamed(step, reason),
  },
});

export const admit = (run: Run | null, joins: boolean): Judged => ({
  ruling: { ...RULED, verdict: "admitted", reason: null, stepRecorded: joins },
  repeated: false,
  run,
  joins,
  admits: true,
  observed: [],
  approval: null,
  lacking: [],
});

const RULED = { retryAfter: null, approval: null };

export const deny = (
  reason: Reason,
  run: Run | null = null,
  joins = false,
  stepRecorded = false,
): Judged => ({
  ruling: { ...RULED, verdict: "denied", reason, stepRecorded },
  repeated: false,
  run,
  joins,
  admits: false,
  observed: [],
  approval: null,
  lacking: [],
});

export const repeat = (reason: Reason | null, stepRecorded: boolean): Judged => ({
  ruling: { ...RULED, verdict: reason === null ? "admitted" : "denied", reason, stepRecorded },
  repeated: true,
  run: null,
  joins: false,
  admits: false,
  observed: [],
  approval: null,
  lacking: [],
});
