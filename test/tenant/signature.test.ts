/** What a tenant document says of HTTP message signatures: algorithms, and workloads in place of keys. */

import { describe, expect, test } from "vitest";
import { toBase64url } from "../../src/encoding.ts";
import { compileTenant } from "../../src/tenant/compile.ts";
import type { TenantDocument } from "../../src/tenant/schema/document.ts";
import { agents, authority, SUBJECT, trustDomains } from "../evidence/wit/helpers.ts";
import { ada, compiled, document, GATEWAY } from "../support/acme.ts";

const [workload, bob] = agents();
if (workload === undefined || bob === undefined) throw new Error("there are two");

const faultsOf = async (changes: Partial<TenantDocument>): Promise<readonly string[]> => {
  const result = await compileTenant(JSON.stringify(document(changes)), GATEWAY);
  return result.ok ? [] : result.error.map(({ path, problem }) => `${path}: ${problem}`);
};

const withKey = (jwk: Record<string, unknown>, changes: Partial<TenantDocument> = {}) =>
  faultsOf({
    agents: [{ name: "ada", subjects: ["agent:ada"], keys: [{ jwk }, { jwk: ada.jwk }] }, bob],
    ...changes,
  });

const generated = async (algorithm: EcKeyGenParams | RsaHashedKeyGenParams) => {
  const pair = (await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"])) as CryptoKeyPair;
  const { kty, crv, x, y, n, e } = (await crypto.subtle.exportKey("jwk", pair.publicKey)) as JsonWebKey;
  return JSON.parse(JSON.stringify({ kty, crv, x, y, n, e }));
};
interface EcKeyGenParams {
  name: string;
  namedCurve: string;
}
interface RsaHashedKeyGenParams {
  name: string;
  modulusLength: number;
  publicExponent: Uint8Array;
  hash: string;
}

const p384 = await generated({ name: "ECDSA", namedCurve: "P-384" });
const rsa = await generated({
  name: "RSA-PSS",
  modulusLength: 2048,
  publicExponent: new Uint8Array([1, 0, 1]),
  hash: "SHA-512",
});
const secret = { kty: "oct", k: toBase64url(new Uint8Array(32).fill(7)), kid: "shared" };

describe("algorithms", () => {
  test("the safe ones are on: without alg an RSA key is for PS512", async () => {
    expect(await withKey(p384)).toEqual([]);
    expect(await withKey(rsa)).toEqual([]);
    const tenant = await compiled({
      agents: [
        { name: "ada", subjects: ["agent:ada"], keys: [{ jwk: { ...rsa, kid: "r" } }, { jwk: ada.jwk }] },
        bob,
      ],
    });
    expect(tenant.agents.keys.get("r")?.alg).toBe("PS512");
  });
  test("the unsafe ones are off, whatever the key says", async () => {
    expect(await withKey({ ...rsa, alg: "RS256" })).toMatchObject([
      expect.stringMatching(/^agents\[0\]\.keys\[0\]\.jwk: This is a key for RS256/),
    ]);
    expect(await withKey(secret)).toMatchObject([expect.stringMatching(/private member k/)]);
  });
  test("an unsafe one is turned on by its name alone", async () => {
    expect(await withKey({ ...rsa, alg: "RS256" }, { signature: { unsafeAlgorithms: ["RS256"] } })).toEqual(
      [],
    );
    expect(await withKey(secret, { signature: { unsafeAlgorithms: ["HS256"] } })).toEqual([]);
    expect(await withKey(secret, { signature: { unsafeAlgorithms: ["RS256"] } })).toHaveLength(1);
    expect(await faultsOf({ signature: { algorithms: ["RS256" as "ES256"] } })).toHaveLength(1);
  });
  test("a tenant can take fewer", async () => {
    expect(await withKey(p384, { signature: { algorithms: ["ES256"] } })).toMatchObject([
      expect.stringMatching(/for ES384; accepted here: ES256/),
    ]);
  });
  test("an agent none of whose keys can sign ECTs", async () => {
    const only = { name: "ada", subjects: ["agent:ada"], keys: [{ jwk: p384 }, { jwk: rsa }] };
    expect(await faultsOf({ agents: [only, bob] })).toMatchObject([
      expect.stringMatching(/^agents\[0\]\.keys: cannot sign ECTs: .*\(P-384, RSA\)/),
    ]);
  });
  test("one key under two names, for two algorithms", async () => {
    const policy: Partial<TenantDocument> = { signature: { unsafeAlgorithms: ["RS256", "HS256"] } };
    const keys = (...jwks: Record<string, unknown>[]) => ({
      ...policy,
      agents: [
        { name: "ada", subjects: ["agent:ada"], keys: [...jwks, ada.jwk].map((jwk) => ({ jwk })) },
        bob,
      ],
    });
    const twice = keys({ ...rsa, kid: "1", alg: "PS512" }, { ...rsa, kid: "2", alg: "RS256" });
    expect(await faultsOf(twice)).toMatchObject([expect.stringMatching(/is the same key as/)]);
    const padded = { ...secret, kid: "padded", k: toBase64url(new Uint8Array(33).fill(7, 0, 32)) };
    expect(await faultsOf(keys(secret, padded))).toMatchObject([expect.stringMatching(/is the same key as/)]);
  });
});

describe("workloads", () => {
  const withWorkload = (changes: object) =>
    faultsOf({ trustDomains, agents: [{ ...workload, ...changes }, bob] });

  test("one is compiled, with the later revision unless the document says otherwise", async () => {
    const tenant = await compiled({
      trustDomains,
      agents: [{ ...workload, workload: { subjects: [SUBJECT] } }, bob],
    });
    expect(tenant.agents.bySubject.get("agent:ada")?.workload).toEqual({
      subjects: new Set([SUBJECT]),
      profile: "wimse-07",
      lane: 0,
    });
    expect(tenant.agents.bySubject.get("agent:ada")?.lanes).toEqual(new Set([0]));
    expect([...(tenant.trustDomains.get("example.org")?.own.keys() ?? [])]).toEqual([authority.kid]);
  });
  test("keys or a workload, never both", async () => {
    expect(await withWorkload({ keys: [{ jwk: ada.jwk }] })).toMatchObject([
      expect.stringMatching(/^agents\[0\]\.workload: excludes keys and keySources/),
    ]);
    const source = { type: "jwks", url: "https://keys.example/jwks.json" };
    expect(await withWorkload({ keySources: [source] })).toMatchObject([
      expect.stringMatching(/^agents\[0\]\.workload: excludes keys and keySources/),
    ]);
  });
  test("nor the mandate alone", async () => {
    expect(await withWorkload({ unsafeBearerOnly: true })).not.toEqual([]);
  });
  test("a workload of two agents", async () => {
    const second = { ...workload, name: "bob", subjects: ["agent:bob"], ectIssuers: ["x"] };
    expect(await faultsOf({ trustDomains, agents: [workload, second] })).toMatchObject([
      expect.stringMatching(/is the same workload identifier as agents\[0\]\.workload\.subjects\[0\]/),
      expect.anything(),
    ]);
  });
  test.each(["ada", "wimse://example.org", "wimse://Example.org/ada", "wimse://example.org/a/../b"])(
    "%s is no workload identifier",
    async (subject) =>
      expect(await withWorkload({ workload: { subjects: [subject] } })).toMatchObject([
        expect.stringMatching(/must be a workload identifier/),
      ]),
  );
  test("a trust domain that the document does not have", async () => {
    expect(await withWorkload({ workload: { subjects: ["wimse://nowhere.example/a"] } })).toMatchObject([
      expect.stringMatching(/is in the trust domain nowhere\.example, which is not in trustDomains/),
    ]);
  });
  test("a trust domain signs with what a WIT may be signed with, and with nothing else", async () => {
    const ring = async (...keys: Record<string, unknown>[]) => {
      const domain = { domain: "example.org", keys: [authority.jwk, ...keys] };
      return faultsOf({ trustDomains: [domain], agents: [workload, bob] });
    };
    expect(await ring({ ...rsa, kid: "rsa" }, { ...p384, kid: "p384" })).toEqual([]);
    expect(await ring({ ...rsa, kid: "rsa", alg: "RS256" })).toMatchObject([
      expect.stringMatching(/^trustDomains\[0\]\.keys\[1\]: .*accepted here: ES256, ES384, EdDSA, PS512/),
    ]);
    expect(await ring(secret)).toHaveLength(1);
  });
  test("no subjects, and a revision there is not", async () => {
    expect(await withWorkload({ workload: { subjects: [] } })).toHaveLength(1);
    expect(await withWorkload({ workload: { subjects: [SUBJECT], revision: "wimse-05" } })).toHaveLength(1);
  });
});

describe("agents of the web", () => {
  const withBots = (...agents: NonNullable<TenantDocument["webBotAuth"]>["agents"]) =>
    faultsOf({ webBotAuth: { agents } });

  test("are found by the URL of their keys", async () => {
    const tenant = await compiled({
      webBotAuth: {
        agents: [{ url: "https://bot.example" }, { url: "https://bot.example/keys.json", type: "jwks_uri" }],
      },
    });
    expect([...(tenant.webBotAuth?.agents.keys() ?? [])]).toEqual([
      "https://bot.example/.well-known/http-message-signatures-directory",
      "https://bot.example/keys.json",
    ]);
    expect((await compiled()).webBotAuth).toBeNull();
  });
  test.each([
    ["http://bot.example", "directory"],
    ["https://bot.example/x", "directory"],
    ["https://bot.example?x", "directory"],
    ["https://bot.example/keys.json?x", "jwks_uri"],
    ["https://bot.example/keys.json#x", "jwks_uri"],
    ["https://127.0.0.1", "directory"],
    ["https://[::1]", "directory"],
    ["https://localhost", "directory"],
    ["https://printer.local/keys.json", "jwks_uri"],
    ["https://bot.example:8443", "directory"],
    ["https://u@bot.example", "directory"],
  ] as const)("%s (%s) is never fetched from", async (url, type) => {
    expect(await withBots({ url, type })).toMatchObject([
      expect.stringMatching(/^webBotAuth\.agents\[0\]: must/),
    ]);
  });
  test("none at all", async () => expect(await withBots()).toHaveLength(1));
  const directory = "https://bot.example/.well-known/http-message-signatures-directory";
  test.each<[string, Parameters<typeof withBots>]>([
    ["host", [{ url: "https://bot.example" }, { url: "https://BOT.example:443/", binding: "BOT" }]],
    ["document", [{ url: "https://bot.example" }, { url: directory, type: "jwks_uri" }]],
  ])("one twice, in another spelling of its %s", async (_, agents) =>
    expect(await withBots(...agents)).toEqual([`webBotAuth.agents: must name an agent once: ${directory}`]),
  );
});
