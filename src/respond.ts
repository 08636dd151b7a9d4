import { approvalUrl } from "./approval/address.ts";
import { attemptOf, factsOf, homeOf } from "./attempt.ts";
import { RECEIPT_HEADER, signReceipt } from "./audit/receipts/decision-receipt.ts";
import { sampleUnverified, type WriteDenial } from "./audit/sampling.ts";
import { readSigningKeys } from "./audit/signing-keys.ts";
import { textNamed } from "./bindings.ts";
import { seconds } from "./clock.ts";
import { type Refusal, toResponse } from "./denial.ts";
import { randomId } from "./encoding.ts";
import { methodsOf } from "./endpoints/endpoint.ts";
import { principalOf } from "./evidence/caller.ts";
import { signResponse } from "./evidence/http-signature/response.ts";
import { readEdgeIdentity } from "./evidence/wit/identity.ts";
import { blocked } from "./execution.ts";
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
    const write: WriteDenial = async (count) =>
      (await decide(env, home, attemptOf(trail, { ...facts, count }, reason))).ok;
    ctx.waitUntil(sampleUnverified(tenant.id, write));
    return answer();
  }
  // The ledger may know a worse reason: the same request was here before.
  const execution = await blocked(trail, reason, await readSigningKeys(env.SIGNING_KEYS));
  const ruled = await decide(env, home, attemptOf(trail, facts, reason, execution));
  if (ruled.ok) trail.ruling = ruled.value;
  return answer();
}

/**
 * Adds what every response of ours carries, and the signature where the caller takes none without.
 *
 * @param response one that was made here, whose headers can be changed
 */
export async function finish(
  response: Response,
  trail: Trail,
  httpMethod: string,
  env: Env,
): Promise<Response> {
  const { headers } = response;
  headers.set("Countersign-Decision", trail.decision);
  const receipt = await receiptOf(trail, env);
  if (receipt !== null) headers.set(RECEIPT_HEADER, receipt);
  if (trail.caller?.ect)
    headers.set("Countersign-Ect", trail.ruling?.stepRecorded ? "recorded" : "not-recorded");
  if (trail.dpopNonce !== null) headers.set("DPoP-Nonce", trail.dpopNonce);
  if (trail.corsOrigin !== null) addCors(headers, trail.corsOrigin);
  if (trail.endpoint?.kind === "mcp") headers.append("Content-Security-Policy", NO_PAGE);
  return isSignatureDemanded(trail) ? signed(response, trail, httpMethod, env) : response;
}

/**
 * Tenants share a host: whatever an origin answers, in a browser it is no page of that host, from where it could act in the name of
 * somebody who approves another tenant's calls.
 */
const NO_PAGE = "default-src 'none'; sandbox";

/** Null for what no journal has: strangers get none, nor do denials that are only counted. */
async function receiptOf(trail: Trail, env: Env): Promise<string | null> {
  const { tenant, caller, ruling, decision } = trail;
  if (tenant === null || caller === null || !ruling?.place) return null;
  const keys = await readSigningKeys(env.SIGNING_KEYS);
  if (keys === null) return null;
  const { verdict, reason, place } = ruling;
  const facts = factsOf(trail, tenant);
  return signReceipt({ issuer: tenant.publicUrl, decision, verdict, reason, facts, place }, keys);
}

const isSignatureDemanded = ({ caller }: Trail): boolean => caller?.signature?.demandsSignedResponse === true;

/**
 * A caller that demands a signed answer is always refused, and a refusal is short and ours. Without an identity of the
 * deployment it goes out unsigned: it gives the caller nothing that could be mistaken for success.
 */
async function signed(
  answer: Response,
  { caller, target }: Trail,
  method: string,
  env: Env,
): Promise<Response> {
  const identity = await readEdgeIdentity(textNamed(env, "WIMSE_IDENTITY"));
  const profile = caller?.agent?.workload?.profile;
  const requestNonce = caller?.signature?.nonce;
  if (identity === null || target === null || !profile || !requestNonce) return answer;
  const request = { kind: "request", method, targetUri: target, headers: new Map() } as const;
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
  retryAfter: trail.ruling?.retryAfter ?? null,
  resource: trail.tenant?.oauth ?? null,
  neededScopes: trail.neededScopes,
  allow: trail.endpoint === null ? [] : methodsOf(trail.endpoint),
  approval: approvalTold(trail),
});

/** Where a person can be found who approves the call; null where none is asked. */
function approvalTold({ tenant, caller, ruling, session }: Trail): Refusal["approval"] {
  const asked = ruling?.approval ?? null;
  if (asked === null || tenant === null || caller === null) return null;
  const call = { principal: principalOf(caller), lane: caller.lane, id: asked.id };
  return {
    ...asked,
    url: approvalUrl(tenant.publicUrl, call),
    opensUrls: session?.opensUrls === true,
  };
}
