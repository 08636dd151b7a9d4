import { describe, expect, test } from "vitest";
import type { TenantDocument } from "../../src/tenant/schema/document.ts";
import { issue } from "../support/certificates.ts";
import { multikey } from "../support/multikey.ts";
import { faultsOf, jwks, minimal, tenantOf } from "./documents.ts";

type Issuer = TenantDocument["issuers"][number];
type Agent = TenantDocument["agents"][number];
type Domain = NonNullable<TenantDocument["trustDomains"]>[number];

interface Changes {
  readonly issuer?: Partial<Issuer>;
  readonly agent?: Partial<Agent>;
  readonly domains?: readonly Domain[];
}

/** The least document, with an issuer, an agent or trust domains of one's own. */
function document({ issuer, agent, domains }: Changes): TenantDocument {
  const least = minimal();
  return {
    ...least,
    issuers: least.issuers.map((one) => ({ ...one, ...issuer })),
    agents: least.agents.map((one) => ({ ...one, ...agent })),
    ...(domains && { trustDomains: [...domains] }),
  };
}

const root = await issue({ name: "root" });
const URL = "https://keys.example/jwks.json";
const DID = "did:web:keys.example";
const READER_DID = `did:key:${multikey(jwks.reader)}`;
const DOMAIN_DID = `did:key:${multikey(jwks.domain)}`;

describe("sources arrive", () => {
  test("at an issuer", async () => {
    const sources: Issuer["keySources"] = [
      { type: "jwks", url: URL },
      { type: "jwks", url: `${URL}?2`, binding: "KEYS" },
      { type: "did", did: DID },
      { type: "did", did: DOMAIN_DID },
      {
        type: "x509",
        anchors: [root.base64, root.certificate.toString("pem")],
        san: { dns: "issuer.example" },
      },
    ];
    const tenant = await tenantOf(document({ issuer: { keys: [], keySources: sources } }));
    const ring = tenant.issuers.get("https://issuer.example")?.keys;
    expect(ring?.sources).toMatchObject([
      { type: "jwks", url: URL, binding: null },
      { type: "jwks", url: `${URL}?2`, binding: "KEYS" },
      {
        type: "did:web",
        did: DID,
        url: "https://keys.example/.well-known/did.json",
        relationship: "assertionMethod",
        binding: null,
      },
      {
        type: "x509",
        anchors: [{ isAuthority: true }, { isAuthority: true }],
        san: { dns: "issuer.example" },
      },
    ]);
    // A did:key is a key like those that the document holds as JWKs.
    const kid = `${DOMAIN_DID}#${DOMAIN_DID.slice(8)}`;
    expect([...(ring?.own.keys() ?? [])]).toEqual([kid]);
    expect(tenant.pinnedKeys.has(ring?.own.get(kid)?.thumbprint ?? "")).toBe(true);
    expect(ring?.pinned).toBe(tenant.pinnedKeys);
  });

  test("at an agent, with profile and lane", async () => {
    const sources: Agent["keySources"] = [
      { type: "jwks", url: URL, lane: 2 },
      { type: "did", did: DID, profile: "agent", lane: 2 },
      { type: "did", did: READER_DID, profile: "poc", lane: 1 },
      {
        type: "clientIdMetadata",
        url: "https://client.example/",
        jwksHosts: ["keys.client.example"],
        lane: 2,
      },
    ];
    const tenant = await tenantOf(document({ agent: { keys: [], keySources: sources } }));
    const agent = tenant.agents.bySubject.get("agent:reader");
    expect(agent?.keySources).toEqual([
      { source: { type: "jwks", url: URL, binding: null }, profile: "agent", lane: 2 },
      {
        source: {
          type: "did:web",
          did: DID,
          url: "https://keys.example/.well-known/did.json",
          relationship: "authentication",
          binding: null,
        },
        profile: "agent",
        lane: 2,
      },
      {
        source: {
          type: "clientIdMetadata",
          url: "https://client.example/",
          jwksHosts: new Set(["client.example", "keys.client.example"]),
          names: "kid",
          binding: null,
        },
        profile: "agent",
        lane: 2,
      },
    ]);
    expect(tenant.agents.keys.get(`${READER_DID}#${READER_DID.slice(8)}`)).toMatchObject({
      agent: { name: "reader" },
      profile: "poc",
      lane: 1,
    });
  });

  test("at a trust domain", async () => {
    const domains: Domain[] = [
      { domain: "one.example", keys: [jwks.domain] },
      { domain: "two.example", keySources: [{ type: "jwks", url: URL }] },
    ];
    const { trustDomains, pinnedKeys } = await tenantOf(document({ domains }));
    expect([...(trustDomains.get("one.example")?.own.keys() ?? [])]).toEqual(["domain-1"]);
    expect(trustDomains.get("two.example")?.sources).toEqual([{ type: "jwks", url: URL, binding: null }]);
    expect(pinnedKeys.size).toBe(3);
  });
});

describe("faults", () => {
  const onIssuer = (...keySources: object[]): Changes => ({
    issuer: { keySources: keySources as Issuer["keySources"] },
  });
  const onAgent = (...keySources: object[]): Changes => ({
    agent: { keySources: keySources as Agent["keySources"] },
  });
  const place = "issuers[0].keySources[0]";
  const agentPlace = "agents[0].keySources[0]";

  test.each<[string, Changes, string, string]>([
    [
      "an address",
      onIssuer({ type: "jwks", url: "https://127.0.0.1/" }),
      `${place}.url`,
      "not an IP address",
    ],
    ["plain http", onIssuer({ type: "jwks", url: "http://keys.example/" }), `${place}.url`, "must be https"],
    ["a local name", onAgent({ type: "jwks", url: "https://keys.local/" }), `${agentPlace}.url`, ".local"],
    [
      "a long URL",
      onIssuer({ type: "jwks", url: `${URL}?${"a".repeat(2048)}` }),
      `${place}.url`,
      "at most 2048",
    ],
    [
      "a binding in small letters",
      onIssuer({ type: "jwks", url: URL, binding: "keys" }),
      `${place}.binding`,
      "capitals",
    ],
    [
      "another kind",
      onIssuer({ type: "jwk", url: URL }),
      `${place}.type`,
      'must be "jwks" or "did" or "x509"',
    ],
    [
      "a kind for agents",
      onIssuer({ type: "clientIdMetadata", url: URL }),
      `${place}.type`,
      'must be "jwks"',
    ],
    [
      "a kind for issuers",
      onAgent({ type: "x509", anchors: [], san: {} }),
      `${agentPlace}.type`,
      'must be "jwks"',
    ],
    ["an unknown field", onIssuer({ type: "jwks", url: URL, kid: "a" }), `${place}.kid`, "not a known field"],
    [
      "a lane for an issuer",
      onIssuer({ type: "jwks", url: URL, lane: 1 }),
      `${place}.lane`,
      "not a known field",
    ],
    ["a bad DID", onIssuer({ type: "did", did: "did:web:" }), `${place}.did`, "must be did:web:"],
    [
      "a DID of an address",
      onAgent({ type: "did", did: "did:web:10.0.0.1" }),
      `${agentPlace}.did`,
      "IP address",
    ],
    [
      "a did:key to fetch",
      onIssuer({ type: "did", did: DOMAIN_DID, binding: "KEYS" }),
      `${place}.binding`,
      "of no use",
    ],
    [
      "no anchor",
      onIssuer({ type: "x509", anchors: [], san: { dns: "a.example" } }),
      `${place}.anchors`,
      "not be empty",
    ],
    [
      "an anchor that is none",
      onIssuer({ type: "x509", anchors: ["AAAA"], san: { dns: "a.example" } }),
      `${place}.anchors[0]`,
      "must be a certificate",
    ],
    ["no name", onIssuer({ type: "x509", anchors: [root.base64], san: {} }), `${place}.san`, "must be"],
    [
      "two names",
      onIssuer({ type: "x509", anchors: [root.base64], san: { dns: "a.example", uri: "a:b" } }),
      `${place}.san`,
      "must be",
    ],
    [
      "a wildcard",
      onIssuer({ type: "x509", anchors: [root.base64], san: { dns: "*.example" } }),
      `${place}.san.dns`,
      "host name",
    ],
    [
      "a local host of keys",
      onAgent({ type: "clientIdMetadata", url: URL, jwksHosts: ["localhost"] }),
      `${agentPlace}.jwksHosts[0]`,
      "with a dot",
    ],
    ["a lane too high", onAgent({ type: "jwks", url: URL, lane: 64 }), `${agentPlace}.lane`, "at most 63"],
    [
      "nothing to sign with, of an agent",
      { agent: { keys: [] } },
      "agents[0]",
      "has no keys, keySources or workload",
    ],
    [
      "nothing to sign with, of an issuer",
      { issuer: { keys: [] } },
      "issuers[0]",
      "has no keys or keySources",
    ],
    [
      "nothing to sign with, of a trust domain",
      { domains: [{ domain: "a.example" }] },
      "trustDomains[0]",
      "has no keys or keySources",
    ],
    [
      "a trust domain with a dot at its end",
      { domains: [{ domain: "a.", keys: [jwks.domain] }] },
      "trustDomains[0].domain",
      "the last no dot",
    ],
  ])("%s", async (_name, changes, path, problem) => {
    expect(await faultsOf(document(changes))).toContainEqual({
      path,
      problem: expect.stringContaining(problem),
    });
  });

  test("what is an agent's own can sign for nobody else", async () => {
    const own = await faultsOf(document(onIssuer({ type: "did", did: READER_DID })));
    expect(own).toEqual([
      { path: place, problem: expect.stringContaining("is the same key as agents[0].keys[0].jwk") },
    ]);
    const published = await faultsOf(
      document({ ...onAgent({ type: "did", did: DID }), ...onIssuer({ type: "did", did: DID }) }),
    );
    expect(published).toEqual([
      { path: place, problem: expect.stringContaining("has the same keys as agents[0].keySources[0]") },
    ]);
    const domain = await faultsOf(
      document({
        ...onAgent({ type: "jwks", url: URL }),
        domains: [{ domain: "a.example", keySources: [{ type: "jwks", url: URL }] }],
      }),
    );
    expect(domain.map(({ path }) => path)).toEqual(["trustDomains[0].keySources[0]"]);
  });

  test("a source has one agent, profile and lane, and a did:key one kid", async () => {
    const twice = await faultsOf(
      document(
        onAgent(
          { type: "jwks", url: URL },
          { type: "jwks", url: URL, lane: 1 },
          { type: "did", did: READER_DID },
        ),
      ),
    );
    expect(twice).toEqual([
      { path: "agents[0].keySources[1]", problem: "is the same source of keys as agents[0].keySources[0]" },
      { path: "agents[0].keySources[2]", problem: "is the same key as agents[0].keys[0].jwk" },
    ]);
  });

  test("the lanes of an agent are those of its keys and of its sources", async () => {
    const { agents } = await tenantOf(
      document({
        agent: {
          keys: [{ jwk: jwks.reader, lane: 3 }],
          keySources: [
            { type: "jwks", url: URL, lane: 1 },
            { type: "jwks", url: `${URL}?second`, lane: 1 },
          ],
        },
      }),
    );
    expect([...(agents.bySubject.get("agent:reader")?.lanes ?? [])].sort()).toEqual([1, 3]);
  });

  test.each([{ lane: 1 }, { profile: "poc" }])(
    "two sources of an agent have one profile and lane, because one key can be in both: %j",
    async (other) => {
      const sources = [
        { type: "jwks", url: URL },
        { type: "did", did: DID, ...other },
      ];
      expect(await faultsOf(document(onAgent(...sources)))).toEqual([
        {
          path: "agents[0].keySources[1]",
          problem: "must have profile and lane of the agent's other sources",
        },
      ]);
    },
  );

  test("what signs mandates signs no tokens of workloads", async () => {
    const shared = {
      path: "trustDomains[0]",
      problem: "has a key or source of the issuer https://issuer.example",
    };
    const keys = document({ domains: [{ domain: "a.example", keys: [jwks.issuer] }] });
    expect(await faultsOf(keys)).toEqual([shared]);
    const source = { type: "jwks", url: URL };
    const sources = document({
      ...onIssuer(source),
      domains: [{ domain: "a.example", keySources: [{ type: "jwks", url: URL }] }],
    });
    expect(await faultsOf(sources)).toEqual([shared]);
  });

  test("of lanes and profiles, sources count like keys", async () => {
    const attested = document({
      agent: {
        attestations: [{ iss: "issuer://x", sub: "reader" }],
        keySources: [{ type: "jwks", url: URL, lane: 1 }],
      },
    });
    expect((await faultsOf(attested)).map(({ path }) => path)).toEqual(["agents[0].attestations"]);
    const bearer = document({
      agent: {
        unsafeBearerOnly: true,
        keys: [{ jwk: jwks.reader, profile: "poc" }],
        keySources: [{ type: "jwks", url: URL }],
      },
    });
    expect((await faultsOf(bearer)).map(({ path }) => path)).toEqual(["agents[0].unsafeBearerOnly"]);
  });
});
