/** The section `accessTokens` of tenant documents. */

import { describe, expect, test } from "vitest";
import type { TenantDocument } from "../../src/tenant/schema/document.ts";
import { faultsOf, type Jwk, jwks, minimal, tenantOf } from "./documents.ts";

type Section = NonNullable<TenantDocument["accessTokens"]>;

const issuer = { iss: "https://auth.example", keys: [jwks.rsa] };
const document = (section: object, more: Partial<TenantDocument> = {}): TenantDocument => ({
  ...minimal(),
  ...more,
  accessTokens: { issuers: [issuer], ...section } as Section,
});
const faults = async (section: object, more: Partial<TenantDocument> = {}) =>
  (await faultsOf(document(section, more))).map(({ path, problem }) => `${path} ${problem}`);

test("what it becomes", async () => {
  const { accessTokens, tokenIssuers, oauth, pinnedKeys } = await tenantOf(
    document({
      clients: [
        { id: "reporting" },
        { id: "https://app.example/client.json", publishedKeys: { jwksHosts: ["keys.example"] } },
        { host: "apps.example" },
      ],
      tenantClaim: { claim: "org", values: ["acme"] },
      scopes: [{ require: ["tools"] }],
    }),
  );
  expect(accessTokens).toMatchObject({
    unsafeBearer: false,
    dpop: { requireNonce: false },
    tenantClaim: { claim: "org", header: "x-tenant-id" },
    scopes: [{ methods: null, tools: null, require: ["tools"] }],
  });
  expect(accessTokens?.clients?.byId.get("reporting")).toEqual({ publishedKeys: null });
  expect(accessTokens?.clients?.byId.get("https://app.example/client.json")).toEqual({
    publishedKeys: {
      type: "clientIdMetadata",
      url: "https://app.example/client.json",
      binding: null,
      jwksHosts: new Set(["app.example", "keys.example"]),
      names: "thumbprint",
    },
  });
  expect(accessTokens?.clients?.hosts).toEqual(new Set(["apps.example"]));
  const keys = tokenIssuers.get("https://auth.example")?.keys;
  expect([...(keys?.own.values() ?? [])].map(({ alg }) => alg)).toEqual(["RS256"]);
  for (const { thumbprint } of keys?.own.values() ?? []) expect(pinnedKeys.has(thumbprint)).toBe(true);
  expect(oauth).toMatchObject({ authorizationServers: ["https://auth.example"], takesDpop: true });
});

test("the document's own word on authorization servers is the last", async () => {
  const oauth = { authorizationServers: ["https://else.example"] };
  const tenant = await tenantOf(document({}, { oauth }));
  expect(tenant.oauth.authorizationServers).toEqual(["https://else.example"]);
});

test("without the section nothing is taken, and with no rule nothing is allowed", async () => {
  const { accessTokens, tokenIssuers, oauth } = await tenantOf(minimal());
  expect([accessTokens, tokenIssuers.size, oauth.takesDpop]).toEqual([null, 0, false]);
  expect((await tenantOf(document({}))).accessTokens?.scopes).toEqual([]);
});

describe("keys that are somebody else's", () => {
  test.each<[string, Jwk, string]>([
    ["an agent's", jwks.reader, "is the same key as agents[0].keys[0].jwk"],
    ["a mandate issuer's", jwks.issuer, "has a key or source of an issuer of mandates or of a trust domain"],
  ])("%s", async (_, jwk, expected) => {
    const found = await faults({ issuers: [{ ...issuer, keys: [jwk] }] });
    expect(found.join("\n")).toContain(expected);
  });

  test("a source of a mandate issuer's", async () => {
    const keySources = [{ type: "jwks" as const, url: "https://issuer.example/jwks" }];
    const issuers = minimal().issuers.map((one) => ({ ...one, keySources }));
    const found = await faults({ issuers: [{ iss: "https://auth.example", keySources }] }, { issuers });
    expect(found).toEqual([
      "accessTokens.issuers[0] has a key or source of an issuer of mandates or of a trust domain",
    ]);
  });

  test("two authorization servers may share keys, not a name", async () => {
    const second = { ...issuer, iss: "https://auth.example/second" };
    expect(await faults({ issuers: [issuer, second] })).toEqual([]);
    expect(await faults({ issuers: [issuer, issuer] })).toEqual([
      "accessTokens.issuers[1].iss is the same iss as accessTokens.issuers[0].iss",
    ]);
  });
});

test.each<[string, object, string]>([
  ["a typo", { unsafebearer: true }, "accessTokens.unsafebearer is not a known field"],
  [
    "a typo further in",
    { dpop: { requireNonces: true } },
    "accessTokens.dpop.requireNonces is not a known field",
  ],
  ["no issuer", { issuers: [] }, "accessTokens.issuers must not be empty: nothing would match"],
  [
    "an issuer without keys",
    { issuers: [{ iss: "https://auth.example" }] },
    "accessTokens.issuers[0] has no keys or keySources: no access token of its could be verified",
  ],
  [
    "a private key",
    { issuers: [{ ...issuer, keys: [{ ...jwks.rsa, d: "AA" }] }] },
    "accessTokens.issuers[0].keys[0] The JWK has the private member d; give the public key only.",
  ],
  [
    "a source by http",
    { issuers: [{ iss: "x", keySources: [{ type: "jwks", url: "http://auth.example/jwks" }] }] },
    "accessTokens.issuers[0].keySources[0].url must be https",
  ],
  [
    "a scope with a space",
    { scopes: [{ require: ["a b"] }] },
    "accessTokens.scopes[0].require[0] must be an OAuth scope token (RFC 6749 section 3.3)",
  ],
  [
    "a method that is none",
    { scopes: [{ methods: ["tools/cal"], require: [] }] },
    "accessTokens.scopes[0].methods[0] is not an MCP method, nor one of actions.extraMethods",
  ],
  [
    "a rule for notifications",
    { scopes: [{ methods: ["notifications/initialized"], require: [] }] },
    "accessTokens.scopes[0].methods[0] is a notification: none of them needs a scope, and no rule applies",
  ],
  [
    "a rule that never matches",
    { scopes: [{ methods: ["tools/list"], tools: ["search"], require: [] }] },
    "accessTokens.scopes[0].tools never matches: methods is without tools/call",
  ],
  [
    "a rule that is never reached",
    { scopes: [{ require: [] }, { tools: ["search"], require: ["admin"] }] },
    "accessTokens.scopes[1] is never reached: accessTokens.scopes[0] matches all of it",
  ],
  [
    "a client twice",
    { clients: [{ id: "a" }, { id: "a" }] },
    "accessTokens.clients[1].id is the same client as accessTokens.clients[0].id",
  ],
  [
    "keys of a client whose id is no URL",
    { clients: [{ id: "a", publishedKeys: {} }] },
    "accessTokens.clients[0].id must be an absolute URL, to publish keys at",
  ],
  [
    "a host that is an address",
    { clients: [{ host: "127.0.0.1" }] },
    "accessTokens.clients[0].host must name a host, not an IP address",
  ],
  [
    "a header that is a credential",
    { tenantClaim: { claim: "org", values: ["a"], header: "authorization" } },
    "accessTokens.tenantClaim.header must be the name of a header in lower case that begins with x-",
  ],
  [
    "a tenant without a name",
    { tenantClaim: { claim: "org", values: [] } },
    "accessTokens.tenantClaim.values must not be empty: nothing would match",
  ],
])("%s", async (_, section, expected) => expect(await faults(section)).toEqual([expected]));
