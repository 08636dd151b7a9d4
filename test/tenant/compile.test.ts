import { calculateJwkThumbprint } from "jose";
import { describe, expect, test } from "vitest";
import { generateSigner } from "../../src/agent/index.ts";
import { sha256, toBase64url, utf8 } from "../../src/encoding.ts";
import { compileTenant } from "../../src/tenant/compile.ts";
import { attestationIdentity, attestationKeyId } from "../../src/tenant/tenant.ts";
import { agentNamed } from "../support/agents.ts";
import {
  change,
  compile,
  faultsOf,
  full,
  GATEWAY_URL,
  jwks,
  minimal,
  secret,
  tenantOf,
} from "./documents.ts";

describe("a valid document", () => {
  test("minimal: a path tenant with the defaults", async () => {
    const tenant = await tenantOf(minimal());
    const publicUrl = "https://gateway.example/acme/mcp";
    expect(tenant).toMatchObject({
      id: "acme",
      publicUrl,
      audiences: new Set([publicUrl]),
      fingerprints: new Set([publicUrl]),
      suspended: false,
      origin: {
        url: "https://origin.example/mcp",
        binding: null,
        timeoutMs: 60_000,
        forwardHeaders: new Set(),
        assertion: true,
        credentials: [],
        unsafeForwardAuthorization: false,
      },
      allowedOrigins: new Set(),
      maxBodyBytes: 1024 * 1024,
      evidenceRules: [{ methods: null, tools: null, require: new Set(["mandate", "signature", "ect"]) }],
      actions: { toolCall: "mcp.{tool}", session: "mcp.session.{method}", extraMethods: new Set() },
      ect: { algorithms: new Set(["ES256"]), maxAge: 900 },
      attestation: { dialects: new Set(["A", "B"]), metaKeys: ["attestation"], maxTtl: 300 },
    });
    expect(tenant.issuers.get("https://issuer.example")?.maxLifetime).toBe(3600);
    expect(tenant.attestationKeys.size).toBe(0);
    expect(tenant.agents.keys.get("reader-1")).toMatchObject({ profile: "agent", lane: 0, alg: "ES256" });
  });

  test("full: every field arrives", async () => {
    const tenant = await tenantOf(full());
    expect(tenant).toMatchObject({
      publicUrl: "https://mcp.acme.example/mcp",
      audiences: new Set(["mcp-server", "https://mcp.acme.example/mcp"]),
      fingerprints: new Set(["mcp://files.example"]),
      suspended: true,
      origin: {
        url: "http://127.0.0.1:9000/mcp?shard=1",
        binding: "ORIGIN",
        timeoutMs: 90_000,
        forwardHeaders: new Set(["x-team", "accept-language"]),
        assertion: false,
        credentials: [{ header: "x-api-key", secret: "ORIGIN_ACME_KEY", prefix: "Key " }],
        unsafeForwardAuthorization: true,
      },
      allowedOrigins: new Set(["https://app.example", "http://localhost:3000"]),
      maxBodyBytes: 65536,
      actions: { toolCall: "tool:{tool}", session: "session:{method}", extraMethods: new Set(["ui/open"]) },
      ect: { algorithms: new Set(["EdDSA", "ES256"]), maxAge: 60 },
      attestation: { dialects: new Set(["B"]), metaKeys: ["com.example/attestation"], maxTtl: 30 },
    });
    expect(tenant.evidenceRules[0]).toEqual({
      methods: new Set(["tools/call"]),
      tools: new Set(["summarize"]),
      require: new Set(["mandate", "signature", "ect", "attestation"]),
    });

    const issuer = tenant.issuers.get("https://issuer.example");
    expect(issuer).toMatchObject({
      iss: "https://issuer.example",
      agents: new Set(["reader"]),
      actions: ["mcp.search", "mcp.session.*"],
      maxLifetime: 600,
    });
    expect([...(issuer?.keys.own.values() ?? [])].map(({ kid, alg }) => [kid, alg])).toEqual([
      ["issuer-1", "EdDSA"],
      ["issuer-2", "ES256"],
    ]);

    const { agents } = tenant;
    const reader = agentNamed("reader", { lanes: new Set([3]) });
    const writer = agentNamed("writer", { suspended: true, lanes: new Set([1]) });
    expect([...agents.bySubject]).toEqual([
      ["agent:reader", reader],
      ["reader", reader],
      ["agent:writer", writer],
    ]);
    // The reader says who its ECTs are from; the writer's are from its subjects.
    expect([...agents.byEctIssuer]).toEqual([
      ["agent:reader", reader],
      ["agent:writer", writer],
    ]);
    expect([...agents.byAttestation]).toEqual([[attestationIdentity("issuer://x", "agent:reader"), reader]]);
    expect(agents.keys.get("reader-poc")).toMatchObject({ agent: reader, profile: "poc", lane: 3 });
    expect(agents.keys.get("writer-1")?.agent).toEqual(writer);
    expect([...tenant.attestationKeys].map(([id, { alg }]) => [id, alg])).toEqual([
      [attestationKeyId("issuer://x", "v1"), "HS256"],
      [attestationKeyId("issuer://x", "v2"), "ES256"],
      [attestationKeyId("issuer://y", "v1"), "RS256"],
    ]);
  });

  test("the revision is the hash of the text, so that any change of the text shows", async () => {
    const text = JSON.stringify(minimal(), null, 2);
    const result = await compileTenant(text, GATEWAY_URL);
    expect(result).toMatchObject({ ok: true, value: { revision: toBase64url(await sha256(utf8(text))) } });
    expect((await tenantOf(minimal())).revision).not.toBe(result.ok && result.value.revision);
  });

  test("the kid of a key without one is its thumbprint", async () => {
    const { kid: _, ...jwk } = jwks.reader;
    const tenant = await tenantOf(change("agents.0.keys.0.jwk", jwk) as never);
    expect(tenant.agents.keys.has(await calculateJwkThumbprint(jwk))).toBe(true);
  });

  test.each(["http://localhost:8787", "http://localhost:8787/", "HTTP://LOCALHOST:8787/path"])(
    "path tenants live at the root of GATEWAY_URL %s",
    async (gatewayUrl) => {
      const result = await compileTenant(JSON.stringify(minimal()), gatewayUrl);
      expect(result).toMatchObject({ ok: true, value: { publicUrl: "http://localhost:8787/acme/mcp" } });
    },
  );
});

describe("a text that is not strict JSON has one fault", () => {
  test.each([
    ["", "empty"],
    ["{} {}", "not JSON"],
    ['{"id":"a","id":"b"}', "same member twice"],
    [`{"id":"${"x".repeat(1024 * 1024)}"}`, "1048576 bytes"],
  ])("%#", async (text, problem) => {
    const result = await compileTenant(text, GATEWAY_URL);
    expect(result).toEqual({ ok: false, error: [{ path: "", problem: expect.stringContaining(problem) }] });
  });
});

describe("one fault: shape", () => {
  test.each<[place: string, value: unknown, path: string, problem: string]>([
    ["id", undefined, "id", "missing"],
    ["id", 5, "id", "a string"],
    ["id", "Acme", "id", "a-z"],
    ["id", "a".repeat(64), "id", "63"],
    ["status", "paused", "status", '"active" or "suspended"'],
    ["publicURL", "https://x.example/mcp", "publicURL", "not a known field"],
    ["constructor", 1, "constructor", "not a known field"],
    ["a b", 1, '["a b"]', "not a known field"],
    ["origin", undefined, "origin", "missing"],
    ["origin", [], "origin", "an object"],
    ["origin.method", "POST", "origin.method", "not a known field"],
    ["origin.binding", "constructor", "origin.binding", "capitals"],
    ["origin.timeoutSeconds", 0, "origin.timeoutSeconds", "at least 1"],
    ["origin.timeoutSeconds", 601, "origin.timeoutSeconds", "at most 600"],
    ["origin.timeoutSeconds", 1.5, "origin.timeoutSeconds", "whole"],
    ["origin.forwardHeaders", ["x-ok", "X-Team"], "origin.forwardHeaders[1]", "lower case"],
    ["audiences", [], "audiences", "empty"],
    ["audiences", [""], "audiences[0]", "empty"],
    ["audiences", ["x".repeat(2049)], "audiences[0]", "2048"],
    ["audiences", Array(257).fill("x"), "audiences", "256"],
    ["serverFingerprints", "mcp://x", "serverFingerprints", "a list"],
    ["maxBodyBytes", 1024 * 1024 + 1, "maxBodyBytes", "at most 1048576"],
    ["issuers", undefined, "issuers", "missing"],
    ["issuers", Array(1001).fill(full().issuers[1]), "issuers", "1000"],
    ["issuers.0.keys", [7], "issuers[0].keys[0]", "an object"],
    ["issuers.0.keys", Array(65).fill({}), "issuers[0].keys", "64"],
    ["issuers.0.actions", ["mcp.*.read"], "issuers[0].actions[0]", "prefix"],
    ["issuers.0.actions", ["*"], "issuers[0].actions[0]", "prefix"],
    ["issuers.0.maxLifetimeSeconds", 86_401, "issuers[0].maxLifetimeSeconds", "at most 86400"],
    ["agents.1.name", "Writer", "agents[1].name", "a-z"],
    ["agents.1.name", "-writer", "agents[1].name", "begin with"],
    ["agents.1.name", "w".repeat(65), "agents[1].name", "64"],
    ["agents.0.attestations.0.sub", undefined, "agents[0].attestations[0].sub", "missing"],
    ["agents.0.keys.0.profile", "wimse", "agents[0].keys[0].profile", '"agent" or "poc"'],
    ["agents.0.keys.0.lane", 64, "agents[0].keys[0].lane", "at most 63"],
    ["agents.0.keys.0.lane", -1, "agents[0].keys[0].lane", "at least 0"],
    ["attestationKeys.0.alg", "none", "attestationKeys[0].alg", '"HS256" or "ES256" or "RS256"'],
    ["attestationKeys.0.jwk", jwks.rsa, "attestationKeys[0].jwk", "not a known field"],
    ["attestationKeys.1.secret", "x", "attestationKeys[1].secret", "not a known field"],
    ["evidence", [], "evidence", "empty"],
    ["evidence.0.methods", [], "evidence[0].methods", "empty"],
    ["evidence.0.tools", ["two words"], "evidence[0].tools[0]", "printable"],
    ["evidence.2.require", ["signature", "ect"], "evidence[2].require", "who allowed the call"],
    ["evidence.2.require", ["mandate", "ect"], "evidence[2].require", "bearer token"],
    ["evidence.2.require", ["mandate", "signature", "dpop"], "evidence[2].require[2]", '"mandate" or'],
    ["actions", [], "actions", "an object"],
    ["actions.toolCall", "{tool}", "actions.toolCall", "prefix"],
    ["actions.toolCall", "mcp.{tool}.x", "actions.toolCall", "prefix"],
    ["actions.toolCall", "mcp.{tool}{tool}", "actions.toolCall", "prefix"],
    ["actions.toolCall", "mcp.{method}", "actions.toolCall", "prefix"],
    ["actions.toolCall", "countersign.{tool}", "actions.toolCall", "Countersign's own"],
    ["actions.session", "countersign.mcp.{method}", "actions.session", "Countersign's own"],
    ["actions.session", "mcp.session", "actions.session", "prefix"],
    ["ect", [], "ect", "an object"],
    ["ect.algorithms", ["none"], "ect.algorithms[0]", '"ES256" or "EdDSA"'],
    ["ect.maxAgeSeconds", 901, "ect.maxAgeSeconds", "at most 900"],
    ["attestation", [], "attestation", "an object"],
    ["attestation.dialects", ["C"], "attestation.dialects[0]", '"A" or "B"'],
    ["attestation.maxExpSeconds", 301, "attestation.maxExpSeconds", "at most 300"],
  ])("%s (%#)", async (place, value, path, problem) => {
    expect(await faultsOf(change(place, value))).toContainEqual({
      path,
      problem: expect.stringContaining(problem),
    });
  });

  test.each([null, [], "x", 1])("a document that is %j", async (document) => {
    expect(await faultsOf(document)).toEqual([{ path: "", problem: "must be an object" }]);
  });
});

describe("one fault: meaning", () => {
  test.each<[place: string, value: unknown, path: string, problem: string]>([
    ["publicUrl", "https://gateway.example/other/mcp", "publicUrl", "gateway's own host"],
    ["issuers.0.agents", ["reader", "ghost"], "issuers[0].agents[1]", "not the name of an agent"],
    ["issuers.0.keys.0", { kty: "oct", k: "AAAA" }, "issuers[0].keys[0]", ""],
    ["issuers.0.keys.0", jwks.rsa, "issuers[0].keys[0]", ""],
    ["agents.0.keys.0.jwk", { ...jwks.reader, d: jwks.reader.x }, "agents[0].keys[0].jwk", ""],
    ["agents.0.keys.0.jwk", { ...jwks.rsa, alg: "RS256" }, "agents[0].keys[0].jwk", ""],
    ["agents.1.keys.0.profile", "poc", "agents[1].keys[0].jwk", "P-256"],
    ["attestationKeys.0.secret", "c2hvcnQ", "attestationKeys[0].secret", ""],
    ["attestationKeys.1.jwk", jwks.rsa, "attestationKeys[1].jwk", ""],
    ["evidence.1.methods", ["tool/call"], "evidence[1].methods[0]", "not an MCP method"],
    ["evidence.0.methods", ["tools/list"], "evidence[0].tools", "never matches"],
    ["evidence.0", { require: ["mandate", "signature"] }, "evidence[1]", "evidence[0] matches all"],
    ["actions.session", "tool:{method}", "actions", "every tool"],
    ["actions.session", "t{method}", "actions", "every tool"],
    [
      "actions.extraMethods",
      ["ui/open", "tools/list"],
      "actions.extraMethods[1]",
      "the MCP method tools/list",
    ],
    [
      "actions.extraMethods",
      ["ui/open", "tools.list"],
      "actions.extraMethods[1]",
      "the MCP method tools/list",
    ],
    ["actions.extraMethods", ["ui/open", "ui.open"], "actions.extraMethods[1]", "actions.extraMethods[0]"],
  ])("%s (%#)", async (place, value, path, problem) => {
    const faults = await faultsOf(change(place, value));
    expect(faults).toContainEqual({ path, problem: expect.stringContaining(problem) });
  });

  test("a tool prefix that begins the session prefix is fine: run time refuses the few tools between", async () => {
    expect(
      await faultsOf(
        change("actions", { toolCall: "a.{tool}", session: "a.s.{method}", extraMethods: ["ui/open"] }),
      ),
    ).toEqual([]);
  });

  test("rules that overlap in part are fine", async () => {
    const require = ["mandate", "signature"];
    const evidence = [
      { tools: ["a"], require },
      { methods: ["tools/call"], tools: ["a", "b"], require },
      { methods: ["tools/call"], require },
      { methods: ["tools/call", "tools/list"], require },
    ];
    const ruled = (rules: typeof evidence) =>
      faultsOf({ ...change("evidence", rules), policy: minimal().policy ?? {} });
    expect(await ruled(evidence)).toEqual([]);
    expect(await ruled([...evidence, { tools: ["c"], require }])).toMatchObject([{ path: "evidence[4]" }]);
  });

  test("a GATEWAY_URL that cannot be served", async () => {
    for (const gatewayUrl of ["", "gateway.example", "localhost:8787", "/gateway"]) {
      const result = await compileTenant(JSON.stringify(minimal()), gatewayUrl);
      expect(result).toMatchObject({
        ok: false,
        error: [{ path: "", problem: expect.stringContaining("GATEWAY_URL") }],
      });
    }
  });
});

describe("a value that maps twice names both places", () => {
  test.each<[place: string, value: unknown, path: string, other: string]>([
    ["agents.1.name", "reader", "agents[1].name", "agents[0].name"],
    ["agents.1.subjects", ["reader"], "agents[1].subjects[0]", "agents[0].subjects[1]"],
    ["agents.0.subjects", ["a", "a"], "agents[0].subjects[1]", "agents[0].subjects[0]"],
    ["agents.1.ectIssuers", ["x", "agent:reader"], "agents[1].ectIssuers[1]", "agents[0].ectIssuers[0]"],
    [
      "agents.1.attestations",
      [{ iss: "issuer://x", sub: "agent:reader" }],
      "agents[1].attestations[0]",
      "agents[0].attestations[0]",
    ],
    ["agents.1.keys.0.jwk.kid", "reader-poc", "agents[1].keys[0].jwk", "kid as agents[0].keys[1].jwk"],
    [
      "agents.1.keys.0.jwk",
      { ...jwks.reader, kid: "new" },
      "agents[1].keys[0].jwk",
      "key as agents[0].keys[0].jwk",
    ],
    [
      "agents.0.keys.1.jwk",
      { ...jwks.reader, kid: "new" },
      "agents[0].keys[1].jwk",
      "key as agents[0].keys[0].jwk",
    ],
    ["issuers.1.iss", "https://issuer.example", "issuers[1].iss", "issuers[0].iss"],
    ["issuers.0.keys.1.kid", "issuer-1", "issuers[0].keys[1]", "kid as issuers[0].keys[0]"],
    ["issuers.1.keys", [{ ...jwks.reader, kid: "new" }], "issuers[1].keys[0]", "agents[0].keys[0].jwk"],
    ["attestationKeys.1.secretVersion", "v1", "attestationKeys[1]", "attestationKeys[0]"],
  ])("%s (%#)", async (place, value, path, other) => {
    expect(await faultsOf(change(place, value))).toEqual([{ path, problem: expect.stringContaining(other) }]);
  });

  test("the same kid at two issuers, or the same sub under another iss, is another value", async () => {
    expect(await faultsOf(change("issuers.1.keys", [{ ...jwks.secondIssuer, kid: "issuer-1" }]))).toEqual([]);
    expect(
      await faultsOf(change("agents.1.attestations", [{ iss: "issuer://y", sub: "agent:reader" }])),
    ).toEqual([]);
    expect(await faultsOf(change("agents.1.subjects", ["Reader"]))).toEqual([]);
  });
});

describe("all faults", () => {
  test("are reported in the order of the document, also across a broken entry", async () => {
    const document = {
      agents: [
        { name: "reader", subjects: ["s"], keys: [{ jwk: { kty: "oct" } }], extra: 1, more: 2 },
        { name: "broken", subjects: 7 },
        { name: "writer", subjects: ["s"], keys: [] },
      ],
      issuers: [{ iss: "i", keys: [], agents: ["broken", "ghost"], actions: [] }],
      origin: { url: "ftp://origin.example" },
      id: "acme",
      unknown: true,
      publicUrl: "https://ACME.example/mcp",
    };
    expect((await faultsOf(document)).map(({ path }) => path)).toEqual([
      "agents[0].keys[0].jwk",
      "agents[0].extra",
      "agents[0].more",
      "agents[1].subjects",
      "agents[2].subjects[0]",
      "issuers[0]",
      "issuers[0].agents[1]",
      "origin.url",
      "unknown",
      "publicUrl",
    ]);
  });

  test.each<[string, unknown, string, string]>([
    ["agents.1.subjects", [], "agents[1]", "has no subjects"],
    ["agents.0.ectIssuers", [], "agents[0]", "has no ectIssuers"],
    ["ect.algorithms", ["ES256"], "agents[1].keys", "has none of its keys' (EdDSA)"],
    ["attestationKeys", [], "evidence[0].require", "no key to verify one with"],
    ["evidence.1.methods", ["notifications/initialized"], "evidence[1].methods[0]", "no rule applies"],
    ["evidence.2.require", ["mandate", "signature", "attestation"], "evidence[2].require", "only tools/call"],
  ])("nobody could call, or a rule would never apply: %s = %j", async (place, value, path, problem) => {
    const faults = await faultsOf(change(place, value));
    expect(faults).toContainEqual({ path, problem: expect.stringContaining(problem) });
  });

  test("never hold a secret", async () => {
    const hidden = secret();
    const document = change("attestationKeys", [
      { iss: "x", secretVersion: "v1", alg: hidden, secret: hidden },
      { iss: "x", secretVersion: "v2", alg: "HS256", secret: { value: hidden } },
      { iss: "x", secretVersion: "v3", alg: "HS256", secret: `${hidden}=` },
    ]);
    const faults = await compile(document);
    expect(faults).toMatchObject({ ok: false, error: { length: 3 } });
    expect(JSON.stringify(faults)).not.toContain(hidden);
  });
});

describe("unsafeBearerOnly", async () => {
  const [jwk, other] = await Promise.all(
    [1, 2].map(async () => (await generateSigner({ alg: "ES256" })).publicJwk),
  );
  const place = "agents.1.unsafeBearerOnly";
  const keys = (...more: object[]) => [{ jwk, profile: "poc", lane: 1 }, ...more];
  const fault = (problem: string) => [{ path: "agents[1].unsafeBearerOnly", problem }];
  const faults = (list: object[]) => faultsOf(change(place, true, change("agents.1.keys", list)));

  test("is for agents with keys of the profile poc, in one lane, and with one key at least", async () => {
    expect(await faults(keys())).toEqual([]);
    expect(await faults([{ jwk: jwks.writer }])).toEqual(
      fault("is for agents whose keys are all of the profile poc"),
    );
    expect(await faults(keys({ jwk: other, profile: "poc", lane: 2 }))).toEqual(
      fault("needs all keys of the agent to have one lane"),
    );
    expect(await faults([])).toContainEqual(fault("needs a key, whose lane it is kept in")[0]);
  });

  test("is off unless the document says so", async () => {
    const tenant = await tenantOf(change("agents.1.keys", keys()));
    expect(tenant.agents.bySubject.get("agent:writer")?.unsafeBearerOnly).toBeNull();
    const lenient = await tenantOf(change(place, true, change("agents.1.keys", keys())));
    expect(lenient.agents.bySubject.get("agent:writer")?.unsafeBearerOnly).toEqual({ lane: 1 });
  });
});

test("settings of sessions, streams, metadata and tools have defaults, and bounds", async () => {
  const tenant = await tenantOf(minimal());
  expect(tenant).toMatchObject({
    sessions: { maxAge: 86_400 },
    streams: { recheck: 60, grace: 60 },
    oauth: {
      metadataUrl: "https://gateway.example/.well-known/oauth-protected-resource/acme/mcp",
      authorizationServers: [],
      scopes: [],
    },
    tools: { filterList: false },
  });
  const bad = {
    sessions: { maxAgeSeconds: 604_801 },
    streams: { recheckSeconds: 61, graceSeconds: -1 },
    oauth: { authorizationServers: ["https://b.example/x y", " https://c.example"], scopes: ['a"b'] },
    tools: { filterList: "yes", filterLists: true },
  };
  expect((await faultsOf({ ...minimal(), ...bad })).map(({ path }) => path)).toEqual([
    "sessions.maxAgeSeconds",
    "streams.recheckSeconds",
    "streams.graceSeconds",
    "oauth.authorizationServers[0]",
    "oauth.authorizationServers[1]",
    "oauth.scopes[0]",
    "tools.filterList",
    "tools.filterLists",
  ]);
});
