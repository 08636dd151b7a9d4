/** An authorization server, a client with a DPoP key, and what they sign: accepted until a test changes something. */

import { calculateJwkThumbprint, exportJWK } from "jose";
import { sha256, toBase64url, utf8 } from "../../../src/encoding.ts";
import { parseBearer } from "../../../src/evidence/bearer.ts";
import type { JsonObject } from "../../../src/json/strict-json.ts";
import type { KeyFinder } from "../../../src/keys/source.ts";
import type { Reason } from "../../../src/reasons.ts";
import type { Result } from "../../../src/result.ts";
import { proveBearer } from "../../../src/stages/prove-bearer.ts";
import type { TenantDocument } from "../../../src/tenant/schema/document.ts";
import type { Tenant } from "../../../src/tenant/tenant.ts";
import { newTrail, type Trail } from "../../../src/trail.ts";
import { AUDIENCE, compiled, facts, NOW } from "../../support/acme.ts";
import { noRemoteKeys } from "../../support/agents.ts";
import { type Changes, compact, merge, type Signer, signer } from "../../support/tokens.ts";

export const AS = "https://auth.example";
export const SESSION_KEYS = `k1:${toBase64url(new Uint8Array(32).fill(1))}`;

/** Somebody who signs with an RSA key, for which the documents of `signer` have no place. */
export interface RsaSigner extends Omit<Signer, "alg"> {
  readonly alg: "RS256";
}
export type AnySigner = Signer | RsaSigner;

async function rsaSigner(kid: string, modulusLength = 2048): Promise<RsaSigner> {
  const algorithm = { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" };
  const generation = { ...algorithm, modulusLength, publicExponent: new Uint8Array([1, 0, 1]) };
  const pair = (await crypto.subtle.generateKey(generation, true, ["sign", "verify"])) as CryptoKeyPair;
  const { kty = "", n = "", e = "" } = await exportJWK(pair.publicKey);
  return {
    alg: "RS256",
    kid,
    // As most authorization servers publish it: without alg.
    jwk: { kty, n, e, kid },
    sign: async (bytes) => new Uint8Array(await crypto.subtle.sign(algorithm, pair.privateKey, bytes)),
  };
}

export const server = await signer("ES256", "as-1");
export const serverEdDsa = await signer("EdDSA", "as-2");
export const serverRsa = await rsaSigner("as-3");
export const otherServer = await signer("ES256", "as-1");
export const holder = await signer("ES256", "holder");
export const holderRsa = await rsaSigner("holder-rsa");
export const holderWeakRsa = await rsaSigner("holder-weak", 1024);
export const thief = await signer("ES256", "thief");

export const section = (
  changes: Partial<NonNullable<TenantDocument["accessTokens"]>> = {},
): NonNullable<TenantDocument["accessTokens"]> => ({
  issuers: [
    { iss: AS, keys: [server.jwk, serverEdDsa.jwk, serverRsa.jwk] },
    { iss: "https://other.example", keys: [otherServer.jwk] },
  ],
  scopes: [{ require: ["tools"] }],
  ...changes,
});

/** Grants every tool to all subjects of the issuers of a section. */
export const granting = ({
  issuers,
}: Pick<NonNullable<TenantDocument["accessTokens"]>, "issuers">): NonNullable<TenantDocument["policy"]> => ({
  unsafeUnlistedTools: "read",
  tools: ["search", "write"].map((name) => ({ name, scope: "read" as const })),
  grants: [{ subjects: issuers.map(({ iss }) => ({ issuer: iss })), scope: "read" }],
});

/** A tenant with this section, where all subjects are granted every tool. */
export function tenantTaking(
  changes: Partial<NonNullable<TenantDocument["accessTokens"]>> = {},
  more: Partial<TenantDocument> = {},
): Promise<Tenant> {
  const accessTokens = section(changes);
  return compiled({ accessTokens, policy: granting(accessTokens), ...more });
}

export const tenant = await tenantTaking();
export const tenantUnbound = await tenantTaking({ unsafeBearer: true });

export const thumbprintOf = ({ jwk }: Pick<Signer, "jwk">): Promise<string> => calculateJwkThumbprint(jwk);

export const TOKEN: JsonObject = {
  iss: AS,
  sub: "client-1",
  aud: AUDIENCE,
  iat: NOW,
  exp: NOW + 600,
  jti: "token-1",
  client_id: "client-1",
  scope: "tools other",
  cnf: { jkt: await thumbprintOf(holder) },
};

export const accessToken = (
  claims: Changes = {},
  by: AnySigner = server,
  header: Changes = {},
): Promise<string> =>
  compact(merge({ typ: "at+jwt", alg: by.alg, kid: by.kid }, header), merge(TOKEN, claims), by.sign);

export const unbound = (claims: Changes = {}, by: AnySigner = server): Promise<string> =>
  accessToken({ cnf: undefined, ...claims }, by);

export const publicJwk = ({ jwk: { kid: _, ...jwk } }: Pick<Signer, "jwk">): JsonObject =>
  JSON.parse(JSON.stringify(jwk));

export const hashOf = async (token: string): Promise<string> => toBase64url(await sha256(utf8(token)));

export async function proof(
  token: string,
  claims: Changes = {},
  by: AnySigner = holder,
  header: Changes = {},
): Promise<string> {
  const base = { jti: "proof-1", htm: "POST", htu: AUDIENCE, iat: NOW, ath: await hashOf(token) };
  return compact(
    merge({ typ: "dpop+jwt", alg: by.alg, jwk: publicJwk(by) }, header),
    merge(base, claims),
    by.sign,
  );
}

export interface Circumstances {
  readonly by?: Tenant;
  readonly now?: number;
  readonly method?: string;
  readonly target?: string;
  readonly keys?: KeyFinder;
  readonly trail?: Trail;
  readonly secret?: string | undefined;
}

/** Finds, verifies and proves the bearer of a request as the gate does. */
export async function judge(
  headers: Readonly<Record<string, string>>,
  {
    by = tenant,
    now = NOW,
    method = "POST",
    target = AUDIENCE,
    keys = noRemoteKeys,
    trail = newTrail(0),
    secret = SESSION_KEYS,
  }: Circumstances = {},
) {
  const head = { facts: facts(headers, { method }), tenant: by, target, keys };
  const parsed = parseBearer(head.facts.headers, by);
  const env = { SESSION_KEYS: secret } as unknown as Env;
  return parsed.ok ? proveBearer(trail, parsed.value, head, env, now) : parsed;
}

export const outcome = (result: Result<unknown, Reason>): Reason | "ok" => (result.ok ? "ok" : result.error);

/** With the scheme DPoP and a proof. */
export const judgeBound = async (token: string, circumstances: Circumstances = {}) =>
  outcome(await judge({ authorization: `DPoP ${token}`, dpop: await proof(token) }, circumstances));

/** As a bearer token, at a tenant that takes those. */
export const judgeUnbound = async (token: string, circumstances: Circumstances = {}) =>
  outcome(await judge({ authorization: `Bearer ${token}` }, { by: tenantUnbound, ...circumstances }));
