/** The identity provider of a tenant's approvers (OpenID Connect). Everything is fetched under the rules for remote documents. */

import * as oauth from "oauth4webapi";
import { BoundedCache } from "../bounded-cache.ts";
import { readIdentifier } from "../evidence/claims.ts";
import { decodeJws, verifyJws } from "../evidence/jws.ts";
import type { JsonObject } from "../json/strict-json.ts";
import { findKey, keyFinder } from "../keys/find.ts";
import type { KeyAlgorithm } from "../keys/key.ts";
import {
  KEYS_FRESH_MS,
  KEYS_RETRY_MS,
  MAX_CACHED_PROVIDER_BYTES,
  MAX_SIGN_IN_BYTES,
  SIGN_IN_DEADLINE_MS,
} from "../limits.ts";
import { fetchRemote } from "../remote/fetch.ts";
import { remoteUrlProblem } from "../remote/url.ts";
import type { SignInPolicy } from "../tenant/schema/approval.ts";

/** What ID tokens may be signed with: of every kind of key the algorithm that providers use. */
const ID_TOKEN_ALGORITHMS: readonly KeyAlgorithm[] = ["RS256", "ES256", "ES384", "EdDSA"];

const JSON_TYPE = "application/json";

/** Provider metadata (OpenID Connect Discovery 1.0 section 3) of which the endpoints may be used. */
export interface Provider extends oauth.AuthorizationServer {
  readonly authorization_endpoint: string;
  readonly token_endpoint: string;
  readonly jwks_uri: string;
}

/** What a provider said when it was asked last; null where it said nothing that can be used. */
interface Known {
  readonly provider: Provider | null;
  readonly size: number;
  /** Milliseconds. */
  readonly until: number;
}

const cache = new BoundedCache<Known>(MAX_CACHED_PROVIDER_BYTES, ({ size }) => size);

/**
 * The provider's metadata, from the isolate's memory while that is fresh. Anybody can make us ask for it: after a failure not again so soon.
 *
 * @param now milliseconds
 * @returns null where there is none that can be used
 */
export async function findProvider(signIn: SignInPolicy, env: Env, now: number): Promise<Provider | null> {
  const { issuer, binding } = signIn;
  const id = JSON.stringify([issuer, binding]);
  const known = cache.get(id);
  if (known !== undefined && now < known.until) return known.provider;
  const provider = await discover(signIn, env);
  const size = JSON.stringify(provider).length + id.length;
  cache.set(id, { provider, size, until: now + (provider === null ? KEYS_RETRY_MS : KEYS_FRESH_MS) });
  return provider;
}

async function discover(signIn: SignInPolicy, env: Env): Promise<Provider | null> {
  const issuer = new URL(signIn.issuer);
  const found = await attempt("discovery", async () =>
    oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, through(signIn, env))),
  );
  // Section 4.3: exactly the issuer that was asked.
  if (found === null || found.issuer !== signIn.issuer) return null;
  // The library has looked at the issuer alone.
  const endpoints: readonly unknown[] = [found.authorization_endpoint, found.token_endpoint, found.jwks_uri];
  const areFit = endpoints.every((url) => typeof url === "string" && remoteUrlProblem(url) === null);
  const methods: unknown = found.token_endpoint_auth_methods_supported ?? [];
  return areFit && Array.isArray(methods) ? (found as Provider) : null;
}

/** What is exchanged for the code that somebody came back with. */
export interface Exchange {
  /** The query that they came back with. */
  readonly parameters: URLSearchParams;
  readonly state: string;
  readonly nonce: string;
  readonly verifier: string;
  readonly redirectUri: string;
  /** Null for a public client. */
  readonly secret: string | null;
}

/**
 * The claims of the ID token that a code is exchanged for, verified (OpenID Connect Core 1.0 section 3.1.3.7).
 *
 * @returns null where anything is not as it must be
 */
export async function exchange(
  provider: Provider,
  signIn: SignInPolicy,
  { parameters, state, nonce, verifier, redirectUri, secret }: Exchange,
  env: Env,
): Promise<JsonObject | null> {
  const client = { client_id: signIn.clientId };
  const idToken = await attempt("token", async () => {
    const authorized = oauth.validateAuthResponse(provider, client, parameters, state);
    const response = await oauth.authorizationCodeGrantRequest(
      provider,
      client,
      clientAuthentication(provider, secret),
      authorized,
      redirectUri,
      verifier,
      through(signIn, env),
    );
    const tokens = await oauth.processAuthorizationCodeResponse(provider, client, response, {
      expectedNonce: nonce,
      requireIdToken: true,
    });
    return tokens.id_token ?? "";
  });
  return idToken === null ? null : verifyIdToken(idToken, provider, signIn, env);
}

/** Its signature; most claims have been checked. What they are is read again, strictly. */
async function verifyIdToken(
  token: string,
  { jwks_uri: url }: Provider,
  { binding, clientId }: SignInPolicy,
  env: Env,
): Promise<JsonObject | null> {
  const jws = decodeJws(token);
  if (!jws.ok) return null;
  const { header, payload } = jws.value;
  // The library asks for this only where there are several audiences.
  if (payload.azp !== undefined && payload.azp !== clientId) return null;
  const alg = ID_TOKEN_ALGORITHMS.find((one) => one === header.alg);
  const kid = readIdentifier(header.kid);
  if (alg === undefined || kid === null) return null;
  const ring = {
    own: new Map(),
    sources: [{ type: "jwks" as const, url, binding }],
    pinned: new Set<string>(),
  };
  const key = await findKey(ring, { kid, algorithms: [alg], x5c: null }, keyFinder(env, Date.now));
  return key.ok && (await verifyJws(jws.value, key.value)) ? payload : null;
}

/** RFC 6749 section 2.3.1; what a provider says it takes, and where it says nothing what all must take. */
function clientAuthentication(
  { token_endpoint_auth_methods_supported: methods }: Provider,
  secret: string | null,
): oauth.ClientAuth {
  if (secret === null) return oauth.None();
  const takesBasic = methods?.includes("client_secret_basic") ?? true;
  return takesBasic ? oauth.ClientSecretBasic(secret) : oauth.ClientSecretPost(secret);
}

/** How the library is to fetch. A status other than 200 is no answer. */
const through = ({ binding }: SignInPolicy, env: Env) => ({
  [oauth.customFetch]: async (
    url: string,
    { method, headers, body }: { method: string; headers: Record<string, string>; body?: unknown },
  ): Promise<Response> => {
    const fetched = await fetchRemote(
      {
        url,
        binding,
        accept: [JSON_TYPE],
        maxBytes: MAX_SIGN_IN_BYTES,
        deadlineMs: SIGN_IN_DEADLINE_MS,
        ...(method === "POST" && { post: { headers, body: String(body) } }),
      },
      env,
    );
    if (fetched.ok) return new Response(fetched.value, { headers: { "content-type": JSON_TYPE } });
    console.error(JSON.stringify({ event: "approval.provider_failed", url, fault: fetched.error }));
    return new Response(null, { status: 502 });
  },
});

/** The library says by throwing what is wrong with an answer; anything that is not its own error is a bug. */
async function attempt<T>(step: string, work: () => Promise<T>): Promise<T | null> {
  try {
    return await work();
  } catch (error) {
    const isAnswer =
      error instanceof oauth.OperationProcessingError ||
      error instanceof oauth.UnsupportedOperationError ||
      error instanceof oauth.ResponseBodyError ||
      error instanceof oauth.AuthorizationResponseError ||
      error instanceof oauth.WWWAuthenticateChallengeError;
    if (!isAnswer) throw error;
    console.error(JSON.stringify({ event: "approval.sign_in_failed", step, fault: error.message }));
    return null;
  }
}
