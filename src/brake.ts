import type { Facts } from "./facts.ts";
import type { Reason } from "./reasons.ts";
import { fail, ok, type Result } from "./result.ts";

/**
 * Slows floods before any work is done for them: by client address, and where no edge vouches for one by host. Not by path,
 * under which anybody could be counted anew, and which the local runtime would write to disk. Permissive and local to a data
 * centre: no accounting, and when the binding fails the request goes on to the checks that count.
 */
export async function brake(facts: Facts, env: Env): Promise<Result<void, Reason>> {
  // The local runtime has none unless it is asked for: see src/cli/local/options.ts.
  if (env.BRAKE === undefined) return ok(undefined);
  try {
    const { success } = await env.BRAKE.limit({ key: facts.clientAddress ?? facts.host });
    return success ? ok(undefined) : fail("rate.brake");
  } catch {
    return ok(undefined);
  }
}
