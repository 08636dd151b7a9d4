import { withDeadline } from "../deadline.ts";
import { LEDGER_DEADLINE_MS, SETTLE_DEADLINE_MS } from "../limits.ts";
import { once } from "../once.ts";
import type { Reason } from "../reasons.ts";
import { fail, ok, type Result } from "../result.ts";
import type { KnownHead, LedgerHead } from "./head.ts";
import type { Ledger } from "./ledger.ts";
import {
  type ApprovalEntry,
  type ApprovalFault,
  type Attempt,
  isQuestion,
  type Outcome,
  type Question,
  type Ruling,
} from "./protocol.ts";
import type { Resting } from "./revocations.ts";
import type { Bulletin, KnownNotices } from "./revoked.ts";
import type { LedgerStatus } from "./status.ts";
import type { ForeignParent, FoundStep } from "./step.ts";

/** Gives the same stub each time; it is of one request. Throws as the platform does where none can be made. */
export type KeptStub = () => DurableObjectStub<Ledger>;

/** To make a stub takes some 70 µs, its collection included, so a call keeps that of its decision for its outcome. */
export const keptStub = (env: Env, name: string): KeptStub => once(() => env.LEDGER.getByName(name));

/** Looks in other ledgers for parents that the caller's own does not know. */
export type AskOthers = (unknown: readonly string[]) => Promise<Result<readonly ForeignParent[], Reason>>;

/**
 * Asks the ledger of a principal to rule on an attempt. No answer in time means: refuse, forward nothing.
 *
 * @param askOthers asked once at most, and only about an attempt that nothing else is wrong with
 * @param stub what to ask it through first; a new one where that is null
 */
export async function decide(
  env: Env,
  name: string,
  attempt: Attempt,
  askOthers: AskOthers = async () => ok([]),
  stub: KeptStub | null = null,
): Promise<Result<Ruling, Reason>> {
  const answer = await call<Ruling | Question>(
    env,
    name,
    async (ledger, again) => await ledger.decide(attempt, again),
    { stub },
  );
  if (!answer.ok) return answer;
  if (!isQuestion(answer.value)) return ok(answer.value);
  const { step } = attempt;
  if (step === null || step.othersAsked) throw new Error("the ledger asks what it was told");
  const found = await askOthers(answer.value.unknownParents);
  if (!found.ok) return found;
  const foreignParents = [...step.foreignParents, ...found.value];
  return decide(env, name, { ...attempt, step: { ...step, foreignParents, othersAsked: true } });
}

/** Asks a ledger which of these steps a run has. */
export const findSteps = (
  env: Env,
  name: string,
  run: string,
  jtis: readonly string[],
): Promise<Result<readonly FoundStep[], Reason>> => call(env, name, (ledger) => ledger.findSteps(run, jtis));

/** Asks a ledger what people are asked under an id. */
export const findApproval = (
  env: Env,
  name: string,
  id: string,
): Promise<Result<ApprovalEntry | null, Reason>> => call(env, name, (ledger) => ledger.findApproval(id));

/** Hands a ledger what a person says; see `Ledger.approve`. */
export const approve = (
  env: Env,
  name: string,
  statement: string,
): Promise<Result<Result<ApprovalEntry, ApprovalFault>, Reason>> =>
  call(env, name, async (ledger) => await ledger.approve(statement));

/** Asks a ledger for the end of its chain; see `Ledger.head`. */
export const headOf = (
  env: Env,
  name: string,
  known: KnownHead | null,
): Promise<Result<LedgerHead, Reason>> => call(env, name, (ledger) => ledger.head(known));

/** Has a ledger write everything into D1 that it has. */
export const settle = (env: Env, name: string): Promise<Result<void, Reason>> =>
  call(env, name, (ledger) => ledger.settle(), { deadline: SETTLE_DEADLINE_MS });

/** Asks a ledger what it has not been able to hand on. */
export const statusOf = (env: Env, name: string): Promise<Result<LedgerStatus, Reason>> =>
  call(env, name, (ledger) => ledger.status());

/** Tells a ledger what was revoked; see `Ledger.revoke`. */
export const inform = (
  env: Env,
  name: string,
  bulletin: Bulletin,
): Promise<Result<KnownNotices | null, Reason>> => call(env, name, (ledger) => ledger.revoke(bulletin));

/** Asks a ledger whether a call that it admitted may go on. What cannot be told is no leave. */
export async function standing(env: Env, name: string, resting: Resting): Promise<Result<void, Reason>> {
  const asked = await call(env, name, (ledger) => ledger.standing(resting));
  if (!asked.ok) return asked;
  return asked.value === null ? ok(undefined) : fail(asked.value);
}

interface CallOptions {
  readonly deadline?: number;
  readonly stub?: KeptStub | null;
  readonly mayRepeat?: boolean;
}

/**
 * @param ask given true where an earlier try may have come through
 * @param options the deadline in milliseconds; the stub of the first try, a new one where that is null; and whether what is asked may come
 *   twice, so that it is tried again whatever went wrong
 */
async function call<T>(
  env: Env,
  name: string,
  ask: (ledger: DurableObjectStub<Ledger>, again: boolean) => Promise<T>,
  { deadline = LEDGER_DEADLINE_MS, stub = null, mayRepeat = false }: CallOptions = {},
): Promise<Result<T, Reason>> {
  for (let again = false; ; again = true) {
    try {
      // A stub that threw may be broken, so the second try takes a new one.
      const ledger = again || stub === null ? env.LEDGER.getByName(name) : stub();
      return ok(await withDeadline(ask(ledger, again), deadline));
    } catch (error) {
      const { overloaded, retryable } = error as { overloaded?: boolean; retryable?: boolean };
      if (overloaded) return fail("ledger.overloaded");
      if (again || !(retryable || mayRepeat)) {
        console.error(JSON.stringify({ event: "ledger.failed", ledger: name, error: String(error) }));
        return fail("ledger.unavailable");
      }
    }
  }
}

/**
 * Reports what became of an admitted call. A decision without a report is closed as unknown in the end.
 *
 * @param stub that of the decision, which may have been broken meanwhile; null for a new one
 */
export async function report(
  env: Env,
  name: string,
  outcome: Outcome,
  stub: KeptStub | null = null,
): Promise<void> {
  const reported = await call(env, name, (ledger) => ledger.outcome(outcome), { stub, mayRepeat: true });
  if (!reported.ok)
    console.error(
      JSON.stringify({
        event: "ledger.outcome_lost",
        ledger: name,
        decision: outcome.decision,
        reason: reported.error,
      }),
    );
}
