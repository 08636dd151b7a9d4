/** The end of stage 2: the bearer is verified, and that the sender of the request holds it, as far as the head of the request can say. */

import { DPOP_HEADER, verifyProof } from "../evidence/access-token/dpop.ts";
import { currentNonce, nonceAge } from "../evidence/access-token/nonce.ts";
import type { AccessToken } from "../evidence/access-token/parse.ts";
import type { VerifiedAccessToken } from "../evidence/access-token/verify.ts";
import { type PresentedBearer, type VerifiedBearer, verifyBearer } from "../evidence/bearer.ts";
import type { Reason } from "../reasons.ts";
import { fail, ok, type Result } from "../result.ts";
import { readSessionKeys } from "../session/keys.ts";
import type { Trail } from "../trail.ts";
import type { RequestHead } from "./prove-caller.ts";

/** @param now seconds */
export async function proveBearer(
  trail: Trail,
  presented: PresentedBearer,
  head: RequestHead,
  env: Env,
  now: number,
): Promise<Result<VerifiedBearer, Reason>> {
  const { tenant, keys, facts } = head;
  const bearer = await verifyBearer(presented, tenant, keys, now);
  if (!bearer.ok || bearer.value.kind !== "token" || presented.kind !== "token") return bearer;
  const named = checkTenantHeader(bearer.value.token, head);
  if (!named.ok) return named;
  const { confirmation } = bearer.value.token;
  if (confirmation === null) return facts.headers.has(DPOP_HEADER) ? fail("dpop.unbound") : bearer;
  const proof = await proveKey(trail, presented.token, confirmation, head, env, now);
  return proof.ok ? ok({ kind: "token", token: { ...bearer.value.token, proof: proof.value } }) : proof;
}

/** What a client says it means must be what its token is for. */
function checkTenantHeader(
  { tenantName }: VerifiedAccessToken,
  { tenant, facts }: RequestHead,
): Result<void, Reason> {
  const claim = tenant.accessTokens?.tenantClaim ?? null;
  const sent = claim && facts.headers.get(claim.header);
  return sent === null || sent === undefined || sent === tenantName
    ? ok(undefined)
    : fail("token.tenant_header");
}

/** Verifies the proof, and says in the trail which nonce the client is to use next, where it has another or none. */
async function proveKey(
  trail: Trail,
  { jws: { token } }: AccessToken,
  confirmation: string,
  { tenant, facts, target }: RequestHead,
  env: Env,
  now: number,
): Promise<Result<NonNullable<VerifiedAccessToken["proof"]>, Reason>> {
  const context = { method: facts.method, target, token, confirmation, pinned: tenant.pinnedKeys, now };
  const verified = await verifyProof(facts.headers.get(DPOP_HEADER), context);
  if (!verified.ok) return verified;
  const { nonce, ...proof } = verified.value;
  if (!tenant.accessTokens?.dpop.requireNonce) return ok(proof);
  const keys = (await readSessionKeys(env.SESSION_KEYS))?.nonces;
  if (keys === undefined) return fail("session.unconfigured");
  const age = nonce === null ? "bad" : await nonceAge(nonce, keys, now);
  if (age !== "current") trail.dpopNonce = await currentNonce(keys, now);
  return age === "bad" ? fail("dpop.nonce") : ok(proof);
}
