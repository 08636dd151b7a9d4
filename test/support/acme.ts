/** One tenant, its issuers and agents, and tokens of theirs that are accepted until a test changes something. */

import { sha256, toBase64url, utf8 } from "../../src/encoding.ts";
import { parseMandate } from "../../src/evidence/act/parse.ts";
import { type VerifiedMandate, verifyMandate } from "../../src/evidence/act/verify.ts";
import type { FindAgentKey } from "../../src/evidence/agent-key.ts";
import { agentKeys } from "../../src/evidence/agent-key.ts";
import { parseEct } from "../../src/evidence/ect/parse.ts";
import { type VerifiedEct, verifyEct } from "../../src/evidence/ect/verify.ts";
import type { Facts } from "../../src/facts.ts";
import type { JsonObject } from "../../src/json/strict-json.ts";
import type { Reason } from "../../src/reasons.ts";
import { fail, type Result } from "../../src/result.ts";
import { compileTenant } from "../../src/tenant/compile.ts";
import type { TenantDocument } from "../../src/tenant/schema/document.ts";
import type { Tenant } from "../../src/tenant/tenant.ts";
import { noRemoteKeys } from "./agents.ts";
import { type Changes, compact, merge, type Signer, signer } from "./tokens.ts";

export const NOW = 1_772_064_000;
export const GATEWAY = "https://gateway.example";
export const AUDIENCE = `${GATEWAY}/acme/mcp`;
export const BODY = utf8(
  '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"search","arguments":{"q":"x"}}}',
);
export const BODY_SHA256 = await sha256(BODY);

export const issuer = await signer("EdDSA", "issuer-1");
export const issuerP256 = await signer("ES256", "issuer-2");
export const otherIssuer = await signer("EdDSA", "issuer-1");
export const ada = await signer("ES256", "ada-1");
export const adaSecond = await signer("ES256", "ada-2");
export const adaEd25519 = await signer("EdDSA", "ada-3");
export const bob = await signer("ES256", "bob-1");
export const stranger = await signer("ES256", "stranger-1");

export const document = (changes: Partial<TenantDocument> = {}): TenantDocument => ({
  id: "acme",
  origin: { url: "https://origin.example/mcp" },
  issuers: [
    {
      iss: "https://issuer.example",
      keys: [issuer.jwk, issuerP256.jwk],
      agents: ["ada", "bob"],
      actions: ["mcp.*"],
      maxLifetimeSeconds: 900,
    },
    { iss: "https://other.example", keys: [otherIssuer.jwk], agents: ["bob"], actions: ["mcp.search"] },
  ],
  agents: [
    {
      name: "ada",
      subjects: ["agent:ada"],
      ectIssuers: ["spiffe://example.com/ada"],
      keys: [{ jwk: ada.jwk }, { jwk: adaSecond.jwk }, { jwk: adaEd25519.jwk }],
    },
    {
      name: "bob",
      subjects: ["agent:bob"],
      ectIssuers: ["spiffe://example.com/bob"],
      keys: [{ jwk: bob.jwk }],
    },
  ],
  policy: { unsafeUnlistedTools: "read", grants: [{ agents: ["ada", "bob"], scope: "read" }] },
  ...changes,
});

export async function compiled(changes: Partial<TenantDocument> = {}): Promise<Tenant> {
  const result = await compileTenant(JSON.stringify(document(changes)), GATEWAY);
  if (!result.ok) throw new Error(JSON.stringify(result.error));
  return result.value;
}

export const tenant = await compiled();
export const tenantEdDsaEcts = await compiled({ ect: { algorithms: ["ES256", "EdDSA"], maxAgeSeconds: 60 } });

/** The key of an agent, by default in the tenant above. */
export function agentOf(kid: string, by = tenant) {
  const key = by.agents.keys.get(kid);
  if (key === undefined) throw new Error(`no key ${kid}`);
  return key;
}

// -- tokens -------------------------------------------------------------------------------------------

export const MANDATE: JsonObject = {
  iss: "https://issuer.example",
  sub: "agent:ada",
  aud: AUDIENCE,
  iat: NOW,
  exp: NOW + 900,
  jti: "mandate-1",
  task: { purpose: "test_task" },
  cap: [{ action: "mcp.search" }],
};

export const ECT: JsonObject = {
  iss: "spiffe://example.com/ada",
  aud: AUDIENCE,
  iat: NOW,
  exp: NOW + 600,
  jti: "ect-1",
  exec_act: "mcp.search",
  pred: ["mandate-1"],
  inp_hash: toBase64url(BODY_SHA256),
};

export const mandate = (claims: Changes = {}, by: Signer = issuer, header: Changes = {}): Promise<string> =>
  compact(merge({ typ: "act+jwt", alg: by.alg, kid: by.kid }, header), merge(MANDATE, claims), by.sign);

export const ect = (claims: Changes = {}, by: Signer = ada, header: Changes = {}): Promise<string> =>
  compact(merge({ typ: "exec+jwt", alg: by.alg, kid: by.kid }, header), merge(ECT, claims), by.sign);

/** Finds the keys that the tenant document holds. */
export const findAgentKey = (by: Tenant): FindAgentKey => agentKeys(agentOf("ada-1").agent, by, noRemoteKeys);

/** Parses and verifies a mandate as the gate does. */
export async function judgeMandate(
  token: string,
  { now = NOW, by = tenant } = {},
): Promise<Result<VerifiedMandate, Reason>> {
  const parsed = parseMandate(new Map([["authorization", `Bearer ${token}`]]));
  if (parsed.state === "absent") throw new Error("a token was sent");
  return parsed.state === "malformed"
    ? fail(parsed.reason)
    : verifyMandate(parsed.value, by, noRemoteKeys, now);
}

/** The same for an ECT, in a message that ada signed so that the signature covers these components. */
export async function judgeEct(
  token: string,
  { now = NOW, by = tenant, covered = ['"wimse-ect"'] } = {},
): Promise<Result<VerifiedEct, Reason>> {
  const parsed = parseEct(new Map([["wimse-ect", token]]));
  if (parsed.state === "absent") throw new Error("a token was sent");
  return parsed.state === "malformed"
    ? fail(parsed.reason)
    : verifyEct(parsed.value, {
        tenant: by,
        findKey: findAgentKey(by),
        signature: { key: agentOf("ada-1", by), covers: new Set(covered) },
        now,
      });
}

/** "ok" or the reason code. */
export const outcome = (result: Result<unknown, Reason>): Reason | "ok" => (result.ok ? "ok" : result.error);

/** The value of a result that must be there. */
export function unwrap<T>(result: Result<T, unknown>): T {
  if (!result.ok) throw new Error(JSON.stringify(result.error));
  return result.value;
}

/** A request as it arrived at the tenant's endpoint. */
export const facts = (
  headers: Readonly<Record<string, string>> = {},
  changes: Partial<Facts> = {},
): Facts => ({
  method: "POST",
  host: "gateway.example",
  path: "/acme/mcp",
  query: null,
  headers: new Map(Object.entries(headers)),
  body: null,
  clientAddress: null,
  signal: new AbortController().signal,
  ...changes,
});
