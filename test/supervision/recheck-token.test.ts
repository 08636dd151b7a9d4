/** Whether an open answer's holder of an access token would still be let in, after its tenant's document has changed. */

import { expect, test } from "vitest";
import { utf8 } from "../../src/encoding.ts";
import { parseBearer } from "../../src/evidence/bearer.ts";
import type { TokenCaller } from "../../src/evidence/caller.ts";
import type { Received } from "../../src/mcp/read.ts";
import { recheck } from "../../src/supervision/recheck.ts";
import type { TenantDocument } from "../../src/tenant/schema/document.ts";
import {
  AS,
  accessToken,
  granting,
  judge,
  otherServer,
  outcome,
  proof,
  section,
  server,
  TOKEN,
  tenantTaking,
  unbound,
} from "../evidence/access-token/helpers.ts";
import { document, GATEWAY, NOW, unwrap } from "../support/acme.ts";

const bound = await accessToken();
const bearer = await unbound();

type Section = Partial<NonNullable<TenantDocument["accessTokens"]>>;
let ids = 0;

/** Admits a call of `search` under one document, and asks again under another, ten minutes after the token has expired. */
async function rechecked(
  before: Section,
  after: Section | null,
  { isBound = true, changes = {} as Partial<TenantDocument> } = {},
) {
  const id = `token-${++ids}`;
  const audiences = ["https://gateway.example/acme/mcp"];
  const by = await tenantTaking(before, { id, audiences });
  const headers: Record<string, string> = isBound
    ? { authorization: `DPoP ${bound}`, dpop: await proof(bound) }
    : { authorization: `Bearer ${bearer}` };
  const verified = unwrap(await judge(headers, { by }));
  if (verified.kind !== "token") throw new Error("it is a token");
  const caller: TokenCaller = {
    kind: "token",
    token: verified.token,
    lane: 0,
    agent: null,
    mandate: null,
    signature: null,
    ect: null,
    wit: null,
  };
  const received: Received = {
    message: {
      kind: "request",
      id: 1,
      method: "tools/call",
      params: {},
      tool: { name: "search", arguments: {} },
    },
    body: utf8("{}"),
    text: "{}",
  };
  const known = { presented: unwrap(parseBearer(new Map(Object.entries(headers)), by)), caller };
  const stored = JSON.stringify({
    ...document({
      id,
      audiences,
      ...(after && { accessTokens: section(after), policy: granting(section(after)) }),
      ...changes,
    }),
  });
  const env = { TENANTS: { get: async () => stored }, GATEWAY_URL: GATEWAY } as unknown as Env;
  const late = (Number(TOKEN.exp) + 600) * 1000;
  return outcome(await recheck({ tenant: by, known, received }, caller, env, late));
}

const issuer = { iss: AS, keys: [server.jwk] };

test.each<[string, Section, Section | null, string]>([
  ["nothing has changed", {}, {}, "ok"],
  ["a rule asks for no more than it has", {}, { scopes: [{ require: ["other", "tools"] }] }, "ok"],
  [
    "its issuer is trusted no more",
    {},
    { issuers: [{ ...issuer, iss: "https://else.example" }] },
    "token.issuer_unknown",
  ],
  [
    "its issuer has another key of that name",
    {},
    { issuers: [{ ...issuer, keys: [otherServer.jwk] }] },
    "token.signature",
  ],
  [
    "its issuer has other keys",
    {},
    { issuers: [{ ...issuer, keys: [{ ...server.jwk, kid: "as-9" }] }] },
    "token.key_unknown",
  ],
  ["its life is too long now", {}, { issuers: [{ ...issuer, maxLifetimeSeconds: 60 }] }, "token.lifetime"],
  ["its client is let in no more", {}, { clients: [{ id: "client-2" }] }, "token.client"],
  ["its tenant has another name", {}, { tenantClaim: { claim: "org", values: ["a"] } }, "token.tenant"],
  ["a rule asks for more", {}, { scopes: [{ tools: ["search"], require: ["admin"] }] }, "token.scope"],
  ["no rule is for it", {}, { scopes: [{ tools: ["write"], require: [] }] }, "token.no_rule"],
  ["no access tokens are taken", {}, null, "bearer.access_token"],
])("%s", async (_, before, after, expected) => {
  expect(await rechecked(before, after)).toBe(expected);
});

test("a tenant takes tokens that are not bound no more", async () => {
  const before = { unsafeBearer: true };
  expect(await rechecked(before, before, { isBound: false })).toBe("ok");
  expect(await rechecked(before, {}, { isBound: false })).toBe("token.unbound");
});

test("no grant is for its subject any more", async () => {
  const policy = (subject: string): Partial<TenantDocument> => ({
    policy: { unsafeUnlistedTools: "read", grants: [{ subjects: [{ issuer: AS, subject }], scope: "read" }] },
  });
  expect(await rechecked({}, {}, { changes: policy("client-1") })).toBe("ok");
  expect(await rechecked({}, {}, { changes: policy("client-2") })).toBe("token.subject");
});

test("what is only looked at goes on, and a suspended tenant does not", async () => {
  const after = { clients: [] };
  const until = new Date((NOW + 86_400) * 1000).toISOString().replace(".000Z", "Z");
  expect(await rechecked({}, after, { changes: { observe: [{ gates: ["evidence"], until }] } })).toBe("ok");
  expect(await rechecked({}, {}, { changes: { status: "suspended" } })).toBe("policy.tenant_suspended");
});
