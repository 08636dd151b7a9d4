import { withDeadline } from "../deadline.ts";
import { LEDGER_DEADLINE_MS } from "../limits.ts";
import type { Reason } from "../reasons.ts";
import { fail, ok, type Result } from "../result.ts";
import type { Attempt, Outcome, Ruling } from "./protocol.ts";

/** Asks the ledger of a principal to rule on an attempt. No answer in time means: refuse, forward nothing. */
export async function decide(env: Env, name: string, attempt: Attempt): Promise<Result<Ruling, Reason>> {
  for (let again = false; ; again = true) {
    try {
      // A stub that threw may be broken, so each try takes a new one.
      return ok(await withDeadline(env.LEDGER.getByName(name).decide(attempt, again), LEDGER_DEADLINE_MS));
    } catch (error) {
      const { overloaded, retryable } = error as { overloaded?: boolean; retryable?: boolean };
      if (overloaded) return fail("ledger.overloaded");
      if (!retryable || again) {
        console.error(JSON.stringify({ event: "ledger.failed", ledger: name, error: String(error) }));
        return fail("ledger.unavailable");
      }
    }
  }
}

/** Reports what became of an admitted call. A decision without a report reads as unknown, so a lost one is not retried. */
export async function report(env: Env, name: string, outcome: Outcome): Promise<void> {
  try {
    await env.LEDGER.getByName(name).outcome(outcome);
  } catch (error) {
    console.error(JSON.stringify({ event: "ledger.outcome_lost", ledger: name, error: String(error) }));
  }
}
