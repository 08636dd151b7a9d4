import { findKey } from "../../keys/find.ts";
import { OAUTH_ALGORITHMS } from "../../keys/key.ts";
import type { KeyFault, KeyFinder } from "../../keys/source.ts";
import { x5cOf } from "../../keys/x509/header.ts";
import { CLOCK_SKEW } from "../../limits.ts";
import type { Reason } from "../../reasons.ts";
import { fail, ok, type Result } from "../../result.ts";
import type { AccessTokenPolicy, Tenant, TokenIssuer } from "../../tenant/tenant.ts";
import { lastAcceptable } from "../act/verify.ts";
import { claimsDigest, verifyReusableJws } from "../jws.ts";
import { checkClient } from "./client.ts";
import type { AccessToken } from "./parse.ts";
import { isKnown } from "./subject.ts";

/** An access token (RFC 9068) of an authorization server that the tenant trusts, for this tenant and in time. */
export interface VerifiedAccessToken {
  readonly iss: string;
  readonly sub: string;
  readonly clientId: string;
  readonly jti: string;
  readonly iat: number;
  readonly exp: number;
  readonly scopes: ReadonlySet<string>;
  /** base64url SHA-256 of the canonical claims. */
  readonly digest: string;
  /** RFC 7638 thumbprint of the issuer's key that it was signed with. */
  readonly key: string;
  /** RFC 7638 thumbprint of the key that it is bound to (RFC 9449); null for a bearer token. */
  readonly confirmation: string | null;
  /** What the tenant is called in it; null where the tenant asks for no such claim. */
  readonly tenantName: string | null;
  /** The proof that came with the request; null for a bearer token, and until it is verified. Times in seconds. */
  readonly proof: { readonly jti: string; readonly iat: number } | null;
}

/**
 * Verifies an access token: first all that it says itself (time, audience, tenant, subject, and how it was presented), so that for one that
 * would be of no use nothing is fetched and no signature checked; then the key and signature of its issuer, then its client. A token is used
 * many times, so its jti is not spent.
 *
 * @param now seconds
 */
export async function verifyAccessToken(
  token: AccessToken,
  tenant: Tenant,
  keys: KeyFinder,
  now: number,
): Promise<Result<VerifiedAccessToken, Reason>> {
  const { accessTokens: policy } = tenant;
  if (policy === null) return fail("bearer.access_token");
  const issuer = tenant.tokenIssuers.get(token.iss);
  if (issuer === undefined) return fail("token.issuer_unknown");
  const claims = checkClaims(token, issuer, policy, tenant, now);
  if (!claims.ok) return claims;
  const signed = await checkSignature(token, issuer, keys);
  if (!signed.ok) return signed;
  // Behind the signature, because only the issuer may make us fetch what it has seen.
  const client = await checkClient(token, policy, tenant.pinnedKeys, keys);
  if (!client.ok) return client;

  const { iss, sub, clientId, jti, iat, exp, scopes, confirmation, jws } = token;
  const digest = await claimsDigest(jws);
  const verified = { iss, sub, clientId, jti, iat, exp, scopes, confirmation, digest };
  return ok({ ...verified, key: signed.value, tenantName: claims.value, proof: null });
}

/** @returns what the tenant is called in it; null where the tenant asks for no such claim */
function checkClaims(
  token: AccessToken,
  { maxLifetime }: TokenIssuer,
  policy: AccessTokenPolicy,
  { audiences, policy: { grants } }: Tenant,
  now: number,
): Result<string | null, Reason> {
  if (now > lastAcceptable(token)) return fail("token.expired");
  if (Math.max(token.iat, token.notBefore) > now + CLOCK_SKEW) return fail("token.in_future");
  if (token.exp - token.iat > maxLifetime) return fail("token.lifetime");
  if (!token.aud.some((audience) => audiences.has(audience))) return fail("token.audience");
  const tenantName = nameOf(token, policy);
  if (!tenantName.ok) return tenantName;
  if (!isKnown(token, { grants })) return fail("token.subject");
  const bound = checkBinding(token, policy);
  return bound.ok ? tenantName : bound;
}

/** @returns the key's thumbprint */
async function checkSignature(
  { kid, alg, jws }: AccessToken,
  issuer: TokenIssuer,
  keys: KeyFinder,
): Promise<Result<string, Reason>> {
  const wanted = { kid, algorithms: OAUTH_ALGORITHMS, x5c: x5cOf(jws.header) };
  const found = await findKey(issuer.keys, wanted, keys);
  if (!found.ok) return fail(KEY_FAULTS[found.error]);
  if (found.value.alg !== alg) return fail("token.alg");
  return (await verifyReusableJws(jws, found.value)) ? ok(found.value.thumbprint) : fail("token.signature");
}

const KEY_FAULTS: Readonly<Record<KeyFault, Reason>> = {
  unknown: "token.key_unknown",
  unavailable: "keys.unavailable",
  untrusted: "token.key_untrusted",
};

/** One authorization server may serve many tenants under one audience: then a claim says whose the token is. */
function nameOf(
  { jws: { payload } }: AccessToken,
  { tenantClaim }: AccessTokenPolicy,
): Result<string | null, Reason> {
  if (tenantClaim === null) return ok(null);
  const { claim, values } = tenantClaim;
  const name = Object.hasOwn(payload, claim) ? payload[claim] : undefined;
  return typeof name === "string" && values.has(name) ? ok(name) : fail("token.tenant");
}

/** RFC 9449 sections 7.1 and 7.2: a token that is bound to a key is presented with a proof, and no other is. */
function checkBinding(
  { scheme, confirmation }: AccessToken,
  { unsafeBearer }: AccessTokenPolicy,
): Result<void, Reason> {
  if (confirmation !== null) return scheme === "DPoP" ? ok(undefined) : fail("token.bound");
  if (scheme === "DPoP") return fail("dpop.unbound");
  return unsafeBearer ? ok(undefined) : fail("token.unbound");
}
