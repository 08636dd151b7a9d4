import { withDeadline } from "../deadline.ts";
import { LEASE_DEADLINE_MS } from "../limits.ts";
import { directoryOf } from "./enrolment.ts";
import type { LimitUse } from "./lease.ts";
import type { Limits } from "./limits.ts";
import type { Decided } from "./rule-on.ts";
import type { State } from "./state.ts";

/**
 * Rules on an attempt, and where nothing but leases is lacking, once more after the directory was asked for them.
 *
 * @param rule see `ruleOn`
 * @param name of the ledger; see `ledgerName`
 * @param now milliseconds, of the journal's own clock
 */
export async function ruleWithLeases(
  rule: () => Decided,
  { holdings }: State,
  name: string | undefined,
  env: Env,
  now: number,
): Promise<Exclude<Decided, { kind: "lacking" }>> {
  const first = rule();
  if (first.kind !== "lacking") return first;
  await borrow(first.lacking, holdings.limits, name, env, Math.floor(now / 1000));
  const ruled = rule();
  // What could not be had is a reason to refuse by then.
  if (ruled.kind === "lacking") throw new Error("the directory was asked, and nothing was learned");
  return ruled;
}

/** What is handed out and does not arrive, nobody uses. `now` in seconds. */
async function borrow(
  lacking: readonly LimitUse[],
  limits: Limits,
  name: string | undefined,
  env: Env,
  now: number,
): Promise<void> {
  const requests = limits.requests(lacking, now);
  try {
    const leases = await withDeadline(directoryOf(name, env).lease(requests), LEASE_DEADLINE_MS);
    limits.take(requests, leases, now);
  } catch (error) {
    limits.pause(now);
    console.error(JSON.stringify({ event: "ledger.lease_failed", ledger: name, error: String(error) }));
  }
}
