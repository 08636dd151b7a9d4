import { attemptOf, factsOf, homeOf } from "./attempt.ts";
import { sampleUnverified } from "./audit/sampling.ts";
import { type Refusal, toResponse } from "./denial.ts";
import { decide } from "./ledger/client.ts";
import { addCors } from "./mcp/cors.ts";
import type { Reason } from "./reasons.ts";
import type { Trail } from "./trail.ts";

/** Answers a refused request, after it was written down as far as it concerns anybody. */
export async function refuse(
  trail: Trail,
  reason: Reason,
  env: Env,
  ctx: ExecutionContext,
): Promise<Response> {
  const { tenant } = trail;
  const answer = () => toResponse(refusalOf(trail, trail.ruling?.reason ?? reason));
  if (tenant === null || trail.ruling !== null) return answer();
  // A ledger that has just failed is not asked to write that down, and what we cannot tell is no verdict.
  if (trail.caller !== null && reason.startsWith("ledger.")) return answer();

  const facts = factsOf(trail, tenant);
  const home = homeOf(trail, tenant);
  if (trail.caller === null) {
    // Of strangers a sample is enough: a row for each would let them run up the bill.
    const sample = sampleUnverified(tenant.id, trail.startedAt);
    if (sample !== null) ctx.waitUntil(decide(env, home, attemptOf(trail, { ...facts, ...sample }, reason)));
    return answer();
  }
  // The ledger may know a worse reason: the same request was here before.
  const ruled = await decide(env, home, attemptOf(trail, facts, reason));
  if (ruled.ok) trail.ruling = ruled.value;
  return answer();
}

/** Adds what every response of ours carries. */
export function finish(response: Response, trail: Trail): Response {
  const headers = new Headers(response.headers);
  headers.set("Countersign-Decision", trail.decision);
  if (trail.caller?.ect)
    headers.set("Countersign-Ect", trail.ruling?.stepRecorded ? "recorded" : "not-recorded");
  if (trail.corsOrigin !== null) addCors(headers, trail.corsOrigin);
  const { status, body } = response;
  return new Response(body, { status, headers });
}

/** What the answer to a refused request is made from. */
export const refusalOf = (trail: Trail, reason: Reason): Refusal => ({
  reason,
  decision: trail.decision,
  id: trail.id,
  method: trail.method ?? trail.claimedMethod,
  verified: trail.caller !== null,
  modern: trail.modern,
  resource: trail.tenant?.oauth ?? null,
});
