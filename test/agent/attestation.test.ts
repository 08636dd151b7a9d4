import { exportJWK, generateKeyPair } from "jose";
import { describe, expect, test } from "vitest";
import {
  type AttestationOptions,
  type AttestationSigner,
  addEvidence,
  importAttestationSigner,
} from "../../src/agent/index.ts";
import {
  agent,
  hmacKey,
  judge,
  NOW,
  outcome,
  PLANNER,
  post,
  rpc,
  SEARCH,
  SUB,
  secret,
  tenantOf,
  toRequest,
  verified,
} from "./helpers.ts";

const named = { iss: PLANNER, sub: SUB } as const;

async function keyPair(alg: "ES256" | "RS256") {
  const pair = await generateKeyPair(alg, { extractable: true });
  return { jwk: await exportJWK(pair.privateKey), publicJwk: await exportJWK(pair.publicKey) };
}
const [es256, rs256] = [await keyPair("ES256"), await keyPair("RS256")];

const hmac = await importAttestationSigner({ ...named, secretVersion: "v1", alg: "HS256", secret });
const signers: [string, AttestationSigner][] = [
  ["HS256", hmac],
  ["ES256", await importAttestationSigner({ ...named, secretVersion: "v2", alg: "ES256", jwk: es256.jwk })],
  ["RS256", await importAttestationSigner({ ...named, secretVersion: "v3", alg: "RS256", jwk: rs256.jwk })],
];

const by = await tenantOf({
  attestationKeys: [
    hmacKey,
    { iss: PLANNER, secretVersion: "v2", alg: "ES256", jwk: { ...es256.publicJwk } },
    { iss: PLANNER, secretVersion: "v3", alg: "RS256", jwk: { ...rs256.publicJwk } },
  ],
  evidence: [
    { methods: ["tools/call"], require: ["mandate", "signature", "ect", "attestation"] },
    { require: ["mandate", "signature", "ect"] },
  ],
});

const options = (changes: Partial<AttestationOptions> = {}) =>
  agent({ attestation: { signer: hmac, intent: "look it up", ...changes } });

async function send(body: string, changes: Partial<AttestationOptions> = {}, sentBody = body) {
  const { headers } = await addEvidence(post(body), options(changes));
  return judge(toRequest(post(sentBody), headers), { by });
}

describe.each(signers)("attested with %s", (_alg, signer) => {
  test.each([
    ["A", "identity"],
    ["A", "hash-only"],
    ["B", "identity"],
    ["B", "hash-only"],
  ] as const)("dialect %s, %s", async (dialect, projection) => {
    const { attested } = verified(await send(SEARCH, { signer, dialect, projection }));
    expect(attested).toMatchObject({
      dialect,
      agent: { name: "researcher" },
      lastAcceptable: NOW + 120 + 30,
    });
  });
});

describe("attestation", () => {
  test("a call without arguments attests to none", async () => {
    expect(outcome(await send(rpc("tools/call", { name: "search" })))).toBe("ok");
  });

  test("keeps the arguments out of the header unless asked", async () => {
    const headerOf = async (changes: Partial<AttestationOptions>) => {
      const { headers } = await addEvidence(post(SEARCH), options(changes));
      return atob((headers.get("x-mcp-attestation") ?? "").replaceAll("-", "+").replaceAll("_", "/"));
    };
    expect(await headerOf({})).not.toContain("tides");
    expect(await headerOf({ projection: "identity" })).toContain("tides");
    expect(await headerOf({ intent: (tool, args) => `${tool} for ${args.q}` })).toContain("search for tides");
  });

  test("is left out where it is not wanted, and then missed", async () => {
    expect(outcome(await send(SEARCH, { when: (tool) => tool !== "search" }))).toBe("attestation.missing");
    const { headers } = await addEvidence(post(rpc("tools/list")), options());
    expect(headers.has("x-mcp-attestation")).toBe(false);
  });

  test.each<[string, string, Partial<AttestationOptions>]>([
    ["another server", "attestation.fingerprint_not_found", { serverFingerprint: "https://other.example" }],
    ["an unknown key", "attestation.secret_version_unknown", { signer: { ...hmac, secretVersion: "v9" } }],
    ["somebody else", "attestation.identity_unknown", { signer: { ...hmac, sub: "agent:other" } }],
  ])("%s: %s", async (_name, expected, changes) => {
    expect(outcome(await send(SEARCH, changes))).toBe(expected);
  });

  test("one that is swapped for another call's is seen by the signature", async () => {
    const mine = await addEvidence(post(SEARCH), options());
    const other = await addEvidence(post(SEARCH.replace("tides", "waves")), options());
    mine.headers.set("x-mcp-attestation", other.headers.get("x-mcp-attestation") ?? "");
    expect(outcome(await judge(toRequest(post(SEARCH), mine.headers), { by }))).toBe("signature.mismatch");
  });

  test("no attestation is made that its dialect has no form for", async () => {
    const half = rpc("tools/call", { name: "search", arguments: { q: 0.5 } });
    await expect(addEvidence(post(half), options({ dialect: "B" }))).rejects.toThrow(TypeError);
    expect(outcome(await send(half, { dialect: "A" }))).toBe("ok");
  });
});
