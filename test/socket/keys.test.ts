/** Keys that are not in the tenant document, fetched from a real server: one that misbehaves, and one that does not. */

import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { generateSigner, type PublicJwk, type Signer } from "../../src/agent/index.ts";
import { MAX_KEY_DOCUMENT_BYTES, MAX_REMOTE_KEYS } from "../../src/limits.ts";
import type { TenantDocument } from "../../src/tenant/schema/document.ts";
import { type Issued, issue, uriName } from "../support/certificates.ts";
import { multikey } from "../support/multikey.ts";
import { type Caller, type Difference, type Scene, setScene } from "./harness.ts";
import { json, type KeyServer, type Page, startKeyServer } from "./key-server.ts";
import { told, toolCall } from "./messages.ts";

type Sources = TenantDocument["issuers"][number]["keySources"];
type AgentSources = TenantDocument["agents"][number]["keySources"];

let server: KeyServer;
let scene: Scene;
let root: Issued;
let leaf: Issued;
const log: string[] = [];
const signers = await Promise.all(["k1", "k2", "k3"].map((kid) => generateSigner({ alg: "ES256", kid })));
const [issuer, other, agent] = signers.map(({ signer, publicJwk }) => ({ signer, jwk: publicJwk })) as [
  Made,
  Made,
  Made,
];
interface Made {
  readonly signer: Signer;
  readonly jwk: PublicJwk;
}

/** As a JWK set has it. */
const set = (...jwks: readonly object[]) => ({ keys: jwks });
const ofType = "application/json";
const slow = 10_000;

/** What the server does wrong, and what the log says of it. */
const FAULTS: Readonly<Record<string, readonly [Page, string]>> = {
  redirect: [
    (response) => void response.writeHead(302, { location: "https://keys.example/led-to" }).end(),
    "status",
  ],
  "redirect-with-body": [
    (response) =>
      void response
        .writeHead(301, { location: "/led-to", "content-type": ofType })
        .end(JSON.stringify(set(issuer.jwk))),
    "status",
  ],
  "not-found": [(response) => void response.writeHead(404, { "content-type": ofType }).end("{}"), "status"],
  "server-error": [(response) => void response.writeHead(500).end(), "status"],
  partial: [
    (response) =>
      void response.writeHead(206, { "content-type": ofType }).end(JSON.stringify(set(issuer.jwk))),
    "status",
  ],
  "slow-head": [(response) => void setTimeout(() => response.destroy(), slow).unref(), "timeout"],
  "slow-body": [
    (response) => {
      response.writeHead(200, { "content-type": ofType }).write('{"keys":[');
      const drip = setInterval(() => response.write(" "), 500).unref();
      response.once("close", () => clearInterval(drip));
    },
    "timeout",
  ],
  huge: [
    (response) => {
      response.writeHead(200, { "content-type": ofType });
      const flood = (): void => {
        while (!response.destroyed && response.write(" ".repeat(65_536)));
        if (!response.destroyed) response.once("drain", flood);
      };
      flood();
    },
    "too_large",
  ],
  "one-byte-too-many": [
    json(JSON.stringify(set(issuer.jwk)).padEnd(MAX_KEY_DOCUMENT_BYTES + 1)),
    "too_large",
  ],
  "gzip-bomb": [
    (response) =>
      void response
        .writeHead(200, { "content-type": ofType, "content-encoding": "gzip" })
        .end(gzipSync(Buffer.alloc(20_000_000, " "))),
    "too_large",
  ],
  html: [json(set({}), "text/html"), "content_type"],
  "no-type": [(response) => void response.writeHead(200).end('{"keys":[]}'), "content_type"],
  "type-that-begins-alike": [json(set(), "application/json-seq"), "content_type"],
  "no-json": [json("<keys>"), "not_json"],
  nothing: [json(""), "not_json"],
  "duplicate-members": [json('{"keys":[],"keys":[]}'), "not_json"],
  "byte-order-mark": [json(`\ufeff${JSON.stringify({ keys: [] })}`), "not_json"],
  "no-utf-8": [
    (response) =>
      void response
        .writeHead(200, { "content-type": ofType })
        .end(Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x7d])),
    "not_json",
  ],
  "no-set": [json([]), "malformed"],
  "private-key": [json(set({ ...issuerJwk(), d: "AA" })), "private_key"],
  "secret-beside": [json(set(issuerJwk(), { kty: "oct", k: "AA", kid: "s" })), "private_key"],
  "too-many": [
    json(set(...Array.from({ length: MAX_REMOTE_KEYS + 1 }, (_, i) => ({ ...issuerJwk(), kid: `k${i}` })))),
    "too_many_keys",
  ],
  "reset-before-head": [(response) => void response.socket?.resetAndDestroy(), "unreachable"],
  "reset-in-body": [
    (response) => {
      response.writeHead(200, { "content-type": ofType, "content-length": 1000 });
      response.write('{"keys":', () => response.socket?.resetAndDestroy());
    },
    "unreachable",
  ],
};

function issuerJwk(): PublicJwk {
  return issuer.jwk;
}

/** Sets that are fine, of which the key that is wanted is no part. */
const WITHOUT: Readonly<Record<string, Page>> = {
  "another-kid": json(set({ ...issuer.jwk, kid: "K1" })),
  "no-keys": json(set()),
  "kid-twice": json(set(issuer.jwk, { ...other.jwk, kid: "k1" })),
  "for-encryption": json(set({ ...issuer.jwk, use: "enc" })),
  "for-another-algorithm": json(set({ ...issuer.jwk, alg: "ES384" })),
  "off-the-curve": json(set({ ...issuer.jwk, y: issuer.jwk.x })),
};

/** Sets that have it. */
const WITH: Readonly<Record<string, Page>> = {
  good: json(set(other.jwk, issuer.jwk)),
  "own-type": json(set(issuer.jwk), "application/jwk-set+json; charset=utf-8"),
  "as-long-as-may-be": json(JSON.stringify(set(issuer.jwk)).padEnd(MAX_KEY_DOCUMENT_BYTES)),
  gzipped: (response) =>
    void response
      .writeHead(200, { "content-type": ofType, "content-encoding": "gzip" })
      .end(gzipSync(JSON.stringify(set(issuer.jwk)))),
  "beside-others": json(set({ kty: "AKP", kid: "k1" }, { ...other.jwk, kid: "k1", use: "enc" }, issuer.jwk)),
};

const SETS = [...Object.keys(FAULTS), ...Object.keys(WITHOUT), ...Object.keys(WITH)];

const granting = (iss: string, keySources: Sources) => ({
  iss,
  keySources,
  agents: ["reader"],
  actions: ["mcp.*"],
});
const issOf = (name: string) => `https://${name}.issuer.example`;
const jwksOf = (name: string, binding = "KEYS") => [
  { type: "jwks" as const, url: `https://keys.example/${name}`, binding },
];

const DID = "did:web:did.example:issuer";
const AGENT_DID = "did:web:did.example:agent";
const method = (id: string, publicKeyJwk: object, controller = DID) => ({
  id,
  type: "JsonWebKey2020",
  controller,
  publicKeyJwk,
});

/** A tenant whose one agent has its keys from here. */
const callable = (keySources: AgentSources): Difference => ({
  issuers: [granting(issOf("good"), jwksOf("good"))],
  agents: [{ name: "reader", subjects: ["agent:reader"], keySources }],
  policy: { unsafeUnlistedTools: "read", grants: [{ agents: ["reader"], scope: "read" }] },
  evidence: [{ require: ["mandate", "signature", "ect"] }],
  attestationKeys: [],
});

beforeAll(async () => {
  server = await startKeyServer();
  for (const [name, [page]] of Object.entries(FAULTS)) server.pages.set(`keys.example/${name}`, page);
  for (const [name, page] of Object.entries({ ...WITHOUT, ...WITH }))
    server.pages.set(`keys.example/${name}`, page);
  server.pages.set(
    "did.example/issuer/did.json",
    json(
      {
        id: DID,
        verificationMethod: [method(`${DID}#a`, issuer.jwk), method(`${DID}#b`, other.jwk)],
        assertionMethod: [`${DID}#a`],
        authentication: [`${DID}#b`],
      },
      "application/did+ld+json",
    ),
  );
  server.pages.set(
    "did.example/agent/did.json",
    json({ id: AGENT_DID, authentication: [method("#a", agent.jwk, AGENT_DID)] }),
  );
  const client = (more: object, id = "https://client.example/inline") => json({ client_id: id, ...more });
  server.pages.set("client.example/inline", client({ jwks: set(agent.jwk) }));
  server.pages.set(
    "client.example/elsewhere",
    client({ jwks_uri: "https://keys.example/agent" }, "https://client.example/elsewhere"),
  );
  server.pages.set(
    "client.example/astray",
    client({ jwks_uri: "https://keys.example/agent" }, "https://client.example/astray"),
  );
  server.pages.set(
    "client.example/both",
    client({ jwks: set(agent.jwk), jwks_uri: "https://client.example/keys" }, "https://client.example/both"),
  );
  server.pages.set("client.example/other", client({ jwks: set(agent.jwk) }, "https://client.example/inline"));
  server.pages.set("client.example/keys", json(set(agent.jwk)));
  server.pages.set("keys.example/agent", json(set(agent.jwk)));

  root = await issue({
    name: "root",
    notBefore: new Date(Date.now() - 60_000),
    notAfter: new Date(Date.now() + 3_600_000),
  });
  leaf = await issue({
    name: "leaf",
    by: root,
    usage: "signer",
    extensions: [uriName("urn:issuer")],
    notBefore: new Date(Date.now() - 60_000),
    notAfter: new Date(Date.now() + 3_600_000),
  });
  const anchors = [root.certificate.toString("pem")];
  const clientSource = (name: string, more: object = {}) => [
    { type: "clientIdMetadata" as const, url: `https://client.example/${name}`, binding: "KEYS", ...more },
  ];
  scene = await setScene(
    {
      sets: {
        issuers: [
          ...SETS.map((name) => granting(issOf(name), jwksOf(name))),
          granting(issOf("no-binding"), jwksOf("unbound", "NOWHERE")),
          granting(issOf("down"), jwksOf("good?down")),
          granting(issOf("cold"), jwksOf("good?cold")),
          granting(issOf("second"), [...jwksOf("server-error"), ...jwksOf("good")]),
          granting(issOf("did-web"), [{ type: "did", did: DID, binding: "KEYS" }]),
          granting(issOf("did-key"), [{ type: "did", did: `did:key:${multikey(other.jwk)}` }]),
          granting(issOf("x5c"), [{ type: "x509", anchors, san: { uri: "urn:issuer" } }]),
          granting(issOf("x5c-other"), [{ type: "x509", anchors, san: { uri: "urn:other" } }]),
          granting(issOf("reader-keys"), jwksOf("reader-keys")),
        ],
      },
      flooded: { issuers: [granting(issOf("flood"), jwksOf("good?flood"))] },
      inline: callable(clientSource("inline")),
      elsewhere: callable(clientSource("elsewhere", { jwksHosts: ["keys.example"] })),
      astray: callable(clientSource("astray")),
      both: callable(clientSource("both")),
      other: callable(clientSource("other")),
      "agent-did": callable([{ type: "did", did: AGENT_DID, binding: "KEYS" }]),
      "agent-key": callable([{ type: "did", did: `did:key:${multikey(agent.jwk)}` }]),
      "agent-jwks": callable([{ type: "jwks", url: "https://keys.example/agent", binding: "KEYS", lane: 3 }]),
    },
    { services: { KEYS: server.address }, log: (_level, message) => log.push(message) },
  );
  server.pages.set("keys.example/good?flood", WITH.good as Page);
  server.pages.set("keys.example/good?down", WITH.good as Page);
});
afterAll(async () => {
  await scene.close();
  await server.close();
});

/** What a call under a mandate of this issuer is answered, and why. */
async function called(name: string, signer: Signer = issuer.signer): Promise<string> {
  const run = await scene.run("sets", { iss: issOf(name), signer });
  const answer = await scene.send(await scene.sign("sets", toolCall(), { run }));
  return answer.status === 200 ? "200" : `${answer.status} ${await scene.logged(answer)}`;
}

/** The same with the agent's own key, at a tenant that has to look for it. */
async function calledBy(tenant: string, signer: Signer = agent.signer): Promise<string> {
  const caller: Caller = { ...scene.reader, signer };
  const run = await scene.run(tenant, { iss: issOf("good"), signer: issuer.signer });
  const answer = await scene.send(await scene.sign(tenant, toolCall(), { caller, run }));
  return answer.status === 200 ? "200" : `${answer.status} ${await scene.logged(answer)}`;
}

/** Sends all at once: the audit log, which has the reasons, is up to a second behind. */
async function expectAll(...cases: readonly (readonly [Promise<string>, string])[]): Promise<void> {
  expect(await Promise.all(cases.map(([answer]) => answer))).toEqual(cases.map(([, wanted]) => wanted));
}

const faultLogged = (url: string): string | undefined =>
  log.map((line) => parsed(line)).find((entry) => entry?.event === "keys.unavailable" && entry.url === url)
    ?.fault;

function parsed(line: string): { event?: string; url?: string; fault?: string } | null {
  try {
    return JSON.parse(line);
  } catch {
    return null;
  }
}

describe.concurrent("a JWK set", () => {
  test("that its server does not give properly makes it 503, with the fault in the log", async () => {
    const names = Object.keys(FAULTS);
    const answers = await Promise.all(names.map((name) => called(name)));
    expect(Object.fromEntries(names.map((name, i) => [name, answers[i]]))).toEqual(
      Object.fromEntries(names.map((name) => [name, "503 keys.unavailable"])),
    );
    const seen = Object.fromEntries(names.map((name) => [name, faultLogged(`https://keys.example/${name}`)]));
    expect(seen).toEqual(
      Object.fromEntries(Object.entries(FAULTS).map(([name, [, fault]]) => [name, fault])),
    );
    // Where the redirects led, nobody went.
    expect(server.asked("keys.example/led-to")).toBe(0);
  });

  test("behind a binding that is not there", async () => {
    expect(await called("no-binding")).toBe("503 keys.unavailable");
    expect(faultLogged("https://keys.example/unbound")).toBe("binding");
  });

  test("with the key that is wanted, and without it", async () => {
    const wanted = Object.fromEntries([
      ...Object.keys(WITH).map((name) => [name, "200"]),
      ...Object.keys(WITHOUT).map((name) => [name, "401 act.key_unknown"]),
    ]);
    const names = Object.keys(wanted);
    const answers = await Promise.all(names.map((name) => called(name)));
    expect(Object.fromEntries(names.map((name, i) => [name, answers[i]]))).toEqual(wanted);
  });

  test("is asked without anything of the caller's", async () => {
    let headers: object = {};
    const good = server.pages.get("keys.example/good?cold") ?? (WITH.good as Page);
    server.pages.set("keys.example/good?cold", (response, request) => {
      headers = request.headers;
      good(response, request);
    });
    expect(await called("cold")).toBe("200");
    expect(headers).toMatchObject({
      host: "keys.example",
      accept: "application/jwk-set+json, application/json",
    });
    expect(headers).not.toHaveProperty("authorization");
    expect(headers).not.toHaveProperty("cookie");
  });

  test("signs for its issuer alone, and only with its own keys", () =>
    expectAll(
      [called("good", { ...other.signer, kid: issuer.signer.kid }), "401 act.signature"],
      [called("good", { ...other.signer, kid: "https://keys.example/own-type" }), "401 act.key_unknown"],
      [called("unlisted"), "401 act.issuer_unknown"],
    ));

  test("has no say about keys that the document holds: an agent's own signs no mandates", async () => {
    const { signer } = scene.reader;
    const document = JSON.parse((await (await scene.runtime.kv()).get("tenant:sets")) ?? "{}");
    server.pages.set(
      "keys.example/reader-keys",
      json(set({ ...document.agents[0].keys[0].jwk, kid: "mine" }, issuer.jwk)),
    );
    await expectAll(
      [called("reader-keys"), "200"],
      [called("reader-keys", { ...signer, kid: "mine" }), "401 act.key_unknown"],
    );
  });

  test("a flood of unknown kids asks once", async () => {
    const answers = await Promise.all(
      Array.from({ length: 40 }, async (_, i) => {
        const run = await scene.run("flooded", {
          iss: issOf("flood"),
          signer: { ...issuer.signer, kid: `kid-${i}` },
        });
        return told(await scene.send(await scene.sign("flooded", toolCall(), { run })));
      }),
    );
    expect(new Set(answers)).toEqual(new Set(["401 bearer.invalid"]));
    expect(server.asked("keys.example/good?flood")).toBe(1);
  });

  test("goes on serving while its server is down; one that was never fetched does not", async () => {
    expect(await called("down")).toBe("200");
    server.pages.set("keys.example/good?down", (response) => void response.socket?.resetAndDestroy());
    expect(await called("down")).toBe("200");
  });

  test("that fails does not stand in the way of another source of the same issuer", () =>
    expectAll(
      [called("second"), "200"],
      [called("second", { ...issuer.signer, kid: "nowhere" }), "503 keys.unavailable"],
    ));
});

describe.concurrent("other sources of an issuer", () => {
  test("did:web", () =>
    expectAll(
      [called("did-web", { ...issuer.signer, kid: `${DID}#a` }), "200"],
      // Not for mandates, by another name, with another key.
      [called("did-web", { ...other.signer, kid: `${DID}#b` }), "401 act.key_unknown"],
      [called("did-web", { ...issuer.signer, kid: "#a" }), "401 act.key_unknown"],
      [called("did-web", { ...other.signer, kid: `${DID}#a` }), "401 act.signature"],
    ));

  test("did:key", () => {
    const key = multikey(other.jwk);
    const strange = multikey(issuer.jwk);
    return expectAll(
      [called("did-key", { ...other.signer, kid: `did:key:${key}#${key}` }), "200"],
      [called("did-key", { ...other.signer, kid: `did:key:${key}` }), "401 act.key_unknown"],
      // A did:key is nobody's word but its own: only those that are listed count.
      [called("did-key", { ...issuer.signer, kid: `did:key:${strange}#${strange}` }), "401 act.key_unknown"],
    );
  });

  test("certificates", async () => {
    const impostor = await issue({
      name: "leaf",
      usage: "signer",
      issuer: "CN=root",
      extensions: [uriName("urn:issuer")],
    });
    const by = ({ keys, base64 }: Issued, ...rest: string[]): Signer => ({
      kid: "any",
      alg: "ES256",
      privateKey: keys.privateKey,
      x5c: [base64, ...rest],
    });
    await expectAll(
      [called("x5c", by(leaf)), "200"],
      [called("x5c", by(leaf, root.base64)), "200"],
      [called("x5c-other", by(leaf)), "401 act.key_untrusted"],
      [called("x5c", { ...by(leaf), x5c: [root.base64] }), "401 act.key_untrusted"],
      [called("x5c", { ...by(leaf), x5c: [] }), "401 act.key_untrusted"],
      [called("x5c", { ...by(leaf), privateKey: other.signer.privateKey }), "401 act.signature"],
      [called("x5c", by(impostor, root.base64)), "401 act.key_untrusted"],
      // Without a chain there is no key, and where no authority is trusted a chain is nothing.
      [called("x5c"), "401 act.key_unknown"],
      [called("good", by(leaf)), "401 act.key_unknown"],
    );
  });
});

describe.concurrent("sources of an agent", () => {
  test.each([
    ["inline", "k3"],
    ["elsewhere", "k3"],
    ["agent-jwks", "k3"],
    ["agent-did", `${AGENT_DID}#a`],
    ["agent-key", `did:key:${multikey(agent.jwk)}#${multikey(agent.jwk)}`],
  ])("%s", (tenant, kid) =>
    expectAll(
      [calledBy(tenant, { ...agent.signer, kid }), "200"],
      [calledBy(tenant, { ...other.signer, kid }), "403 signature.mismatch"],
      [calledBy(tenant, { ...agent.signer, kid: "unknown" }), "403 signature.key_unknown"],
    ),
  );

  test.each([
    ["astray", "jwks_uri"],
    ["both", "jwks_uri"],
    ["other", "not_owned"],
  ])("client metadata that may not be believed: %s", async (tenant, fault) => {
    expect(await calledBy(tenant)).toBe("503 keys.unavailable");
    expect(faultLogged(`https://client.example/${tenant}`)).toBe(fault);
  });

  test("what is told", async () => {
    const run = await scene.run("sets", { iss: issOf("server-error"), signer: issuer.signer });
    const answer = await scene.send(await scene.sign("sets", toolCall(), { run }));
    expect(told(answer)).toBe("503 keys.unavailable");
    expect(answer.headers.get("retry-after")).toBe("5");
  });
});
