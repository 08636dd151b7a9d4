import { attemptOf, factsOf, homeOf } from "./attempt.ts";
import { sampleUnverified } from "./audit/sampling.ts";
import { textNamed } from "./bindings.ts";
import { seconds } from "./clock.ts";
import { type Refusal, toResponse } from "./denial.ts";
import { randomId } from "./encoding.ts";
import { signResponse } from "./evidence/http-signature/response.ts";
import { readEdgeIdentity } from "./evidence/wit/identity.ts";
import { decide } from "./ledger/client.ts";
import { addCors } from "./mcp/cors.ts";
import type { Reason } from "./reasons.ts";
import { isWimse, type Trail } from "./trail.ts";

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

/** Adds what every response of ours carries, and the signature where the caller takes none without. */
export async function finish(
  response: Response,
  trail: Trail,
  httpMethod: string,
  env: Env,
): Promise<Response> {
  const headers = new Headers(response.headers);
  headers.set("Countersign-Decision", trail.decision);
  if (trail.caller?.ect)
    headers.set("Countersign-Ect", trail.ruling?.stepRecorded ? "recorded" : "not-recorded");
  if (trail.corsOrigin !== null) addCors(headers, trail.corsOrigin);
  const { status, body } = response;
  const finished = new Response(body, { status, headers });
  return isSignatureDemanded(trail) ? signed(finished, trail, httpMethod, env) : finished;
}

const isSignatureDemanded = ({ caller }: Trail): boolean => caller?.signature?.demandsSignedResponse === true;

/**
 * A caller that demands a signed answer is always refused, and a refusal is short and ours. Without an identity of the
 * deployment it goes out unsigned: it gives the caller nothing that could be mistaken for success.
 */
async function signed(
  answer: Response,
  { caller, tenant }: Trail,
  method: string,
  env: Env,
): Promise<Response> {
  const identity = await readEdgeIdentity(textNamed(env, "WIMSE_IDENTITY"));
  const profile = caller?.agent.workload?.profile;
  const requestNonce = caller?.signature?.nonce;
  if (identity === null || tenant === null || !profile || !requestNonce) return answer;
  const request = { kind: "request", method, targetUri: tenant.publicUrl, headers: new Map() } as const;
  return signResponse(answer, {
    identity,
    profile,
    request,
    requestNonce,
    nonce: randomId(),
    now: seconds(),
  });
}

/** What the answer to a refused request is made from. */
export const refusalOf = (trail: Trail, reason: Reason): Refusal => ({
  reason,
  decision: trail.decision,
  id: trail.id,
  method: trail.method ?? trail.claimedMethod,
  verified: trail.caller !== null,
  modern: trail.modern,
  wimse: isWimse(trail),
  resource: trail.tenant?.oauth ?? null,
});
