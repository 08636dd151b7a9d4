import { describe, expect, test } from "vitest";
import { linkToAttestation, linkToCall } from "../../../src/audit/receipts/link.ts";
import { effectiveDecision, pair } from "../../../src/audit/receipts/pair.ts";
import {
  type BackLink,
  type DecisionRecord,
  type ExecutionReceipt,
  parseDecisionRecord,
  parseExecutionReceipt,
} from "../../../src/audit/receipts/record.ts";
import { resultForm, type Verified, verifyRecord } from "../../../src/audit/receipts/verify.ts";
import { sha256Hex, toHex, utf8 } from "../../../src/encoding.ts";
import { signingInput } from "../../../src/evidence/attestation/signature.ts";
import { digestOf } from "../../../src/json/digest.ts";
import type { JsonObject } from "../../../src/json/strict-json.ts";
import { type AttestationKey, attestationKeyId } from "../../../src/tenant/tenant.ts";
import { unwrap } from "../../support/acme.ts";
import { hmacSign, merge, type Signer, signer } from "../../support/tokens.ts";

const gateway = await signer("ES256", "gateway-1");
const stranger = await signer("ES256", "gateway-1");
const { kty = "", crv = "", x = "", y = "" } = gateway.jwk as Record<string, string>;
const key = await crypto.subtle.importKey(
  "jwk",
  { kty, crv, x, y },
  { name: "ECDSA", namedCurve: "P-256" },
  true,
  ["verify"],
);
const keys: ReadonlyMap<string, AttestationKey> = new Map([
  [attestationKeyId("gateway", "v1"), { alg: "ES256", kid: "gateway-1", thumbprint: "t", key }],
]);

const attestation = { issuerAsserted: { nonce: "n-1" }, extra: "signed too", signature: "00" };
const link = there(await linkToAttestation(attestation));
const { fallbackProjection: _, ...wireLink } = link;

const issuer = {
  iss: "gateway",
  sub: "acme",
  iat: "2026-06-01T10:00:00Z",
  nonce: "r-1",
  secretVersion: "v1",
  alg: "ES256",
};
const DECISION: JsonObject = {
  version: 1,
  alg: "ES256",
  backLink: wireLink,
  decisionDerived: { decision: "allow", decidedAt: "2026-06-01T10:00:00Z", riskScore: "0.21" },
  issuerAsserted: issuer,
};
const digest = `sha256:${"a".repeat(64)}`;
const RECEIPT: JsonObject = {
  version: 1,
  alg: "ES256",
  backLink: wireLink,
  outcomeDerived: { status: "executed", completedAt: "2026-06-01T10:00:01Z", decisionDigest: digest },
  receiptAsserted: issuer,
};

/** The record as its JSON text, signed. */
async function signed(record: JsonObject, sign: Signer["sign"] = gateway.sign): Promise<string> {
  return JSON.stringify({ ...record, signature: toHex(await sign(signingInput(record))) });
}

/** Parses and verifies: "ok" or the fault. */
async function judge(text: string, by = keys): Promise<string> {
  const parsed = text.includes("outcomeDerived") ? parseExecutionReceipt(text) : parseDecisionRecord(text);
  if (!parsed.ok) return parsed.error;
  const verified = await verifyRecord<DecisionRecord | ExecutionReceipt>(parsed.value, by);
  return verified.ok ? "ok" : verified.error;
}

/** What must be there. */
function there<T>(value: T | null): T {
  if (value === null) throw new Error("nothing there");
  return value;
}

const decided = async (changes: JsonObject = {}): Promise<Verified<DecisionRecord>> =>
  unwrap(await verifyRecord(unwrap(parseDecisionRecord(await signed(merge(DECISION, changes)))), keys));
const receipted = async (changes: JsonObject = {}): Promise<Verified<ExecutionReceipt>> =>
  unwrap(await verifyRecord(unwrap(parseExecutionReceipt(await signed(merge(RECEIPT, changes)))), keys));

describe("shape", () => {
  test("both records are read", async () => {
    expect(await judge(await signed(DECISION))).toBe("ok");
    expect(await judge(await signed(RECEIPT))).toBe("ok");
  });

  const within = (record: JsonObject, member: string, changes: JsonObject): JsonObject =>
    merge(record, { [member]: { ...(record[member] as JsonObject), ...changes } });
  test.each<[string, JsonObject]>([
    ["an unknown member", merge(DECISION, { pqSignature: "00" })],
    ["an unknown member in the link", within(DECISION, "backLink", { more: 1 })],
    ["an unknown member in the decision", within(DECISION, "decisionDerived", { rationale: "x" })],
    ["an unknown member in the issuer's block", within(RECEIPT, "receiptAsserted", { more: 1 })],
    ["an unknown member in the outcome", within(RECEIPT, "outcomeDerived", { more: 1 })],
    ["another version", merge(DECISION, { version: 2 })],
    ["another verdict", within(DECISION, "decisionDerived", { decision: "maybe" })],
    ["a score that is a number", within(DECISION, "decisionDerived", { riskScore: 1 })],
    ["a score with an exponent", within(DECISION, "decisionDerived", { riskScore: "1e3" })],
    ["30 February", within(DECISION, "decisionDerived", { decidedAt: "2026-02-30T10:00:00Z" })],
    ["parts of seconds", within(DECISION, "decisionDerived", { decidedAt: "2026-06-01T10:00:00.5Z" })],
    ["another zone", within(DECISION, "issuerAsserted", { iat: "2026-06-01T10:00:00+00:00" })],
    ["another projection", within(DECISION, "backLink", { fallbackProjection: "mine" })],
    ["capitals in a digest", within(DECISION, "backLink", { attestationDigest: digest.toUpperCase() })],
    [
      "a result of what was refused",
      within(RECEIPT, "outcomeDerived", {
        status: "refused",
        resultCommitment: { projection: "{}", projectionDigest: digest },
      }),
    ],
    [
      "a result that is elsewhere",
      within(RECEIPT, "outcomeDerived", { resultCommitment: { ref: "https://x.example", digest } }),
    ],
  ])("%s", async (_name, record) => {
    expect(await judge(await signed(record))).toBe("schema");
  });

  test.each([
    ["a fraction", '{"version":1.0}'],
    ["a member twice", '{"version":1,"version":1}'],
    ["no JSON", "{"],
  ])("%s", async (_name, text) => {
    expect(await judge(text)).toBe("not_strict_json");
  });
});

describe("signature", () => {
  test("anybody else's", async () => {
    expect(await judge(await signed(DECISION, stranger.sign))).toBe("signature_mismatch");
  });
  test("any change of what is signed", async () => {
    for (const [from, to] of [
      ["allow", "block"],
      ["r-1", "r-2"],
      ["0.21", "0.20"],
      ["n-1", "n-2"],
    ] as const) {
      expect(await judge((await signed(DECISION)).replace(from, to))).toBe("signature_mismatch");
    }
  });
  test("an HMAC keyed with the public key", async () => {
    const spki = new Uint8Array((await crypto.subtle.exportKey("spki", key)) as ArrayBuffer);
    const forged = merge(DECISION, { alg: "HS256", issuerAsserted: { ...issuer, alg: "HS256" } });
    expect(await judge(await signed(forged, await hmacSign(spki)))).toBe("alg_not_pinned");
  });
  test.each<[string, JsonObject]>([
    ["alg_unsupported", { alg: "none", issuerAsserted: { ...issuer, alg: "none" } }],
    ["alg_unsupported", { alg: "constructor", issuerAsserted: { ...issuer, alg: "constructor" } }],
    ["alg_fields_differ", { alg: "HS256" }],
    ["key_unknown", { issuerAsserted: { ...issuer, secretVersion: "v2" } }],
    ["key_unknown", { issuerAsserted: { ...issuer, iss: "other" } }],
  ])("%s", async (fault, changes) => {
    expect(await judge(await signed(merge(DECISION, changes)))).toBe(fault);
  });
  test.each<[string, (hex: string) => string]>([
    ["capitals", (hex) => hex.toUpperCase()],
    ["a space", (hex) => ` ${hex}`],
    ["one byte less", (hex) => hex.slice(2)],
    ["none", () => ""],
  ])("spelled with %s", async (_name, respell) => {
    const record = JSON.parse(await signed(DECISION));
    const text = JSON.stringify({ ...record, signature: `${respell(`${record.signature.slice(0, -1)}a`)}` });
    expect(await judge(text)).toBe("signature_encoding");
  });
});

describe("the link to a call", () => {
  test("takes the attestation as received, unknown members and signature included", async () => {
    expect(link).toEqual({
      attestationDigest: await digestOf(attestation),
      attestationNonce: "n-1",
      fallbackProjection: null,
    });
    for (const changes of [{ extra: "other" }, { signature: "01" }]) {
      expect(await linkToAttestation(merge(attestation, changes))).not.toEqual(link);
    }
    expect(await linkToAttestation({ issuerAsserted: {} })).toBeNull();
    expect(await linkToAttestation({})).toBeNull();
  });

  const params = {
    name: "search",
    arguments: { q: 1 },
    _meta: { authorization_binding: { nonce: "b-1" }, trace: "x" },
  };
  test("without one takes tool, arguments and binding, and nothing else of _meta", async () => {
    const call = there(await linkToCall(params));
    const { trace: _trace, ...meta } = params._meta;
    expect(await linkToCall({ ...params, _meta: meta })).toEqual(call);
    for (const changes of [
      { name: "other" },
      { arguments: { q: 2 } },
      { _meta: { authorization_binding: { nonce: "b-2" } } },
      { _meta: { authorization_binding: { nonce: "b-1", scope: "all" } } },
    ]) {
      const other = there(await linkToCall({ ...params, ...changes }));
      expect(other.attestationDigest).not.toBe(call.attestationDigest);
    }
  });
  test.each<[string, JsonObject]>([
    ["no name", { arguments: {}, _meta: params._meta }],
    ["no arguments", { name: "search", _meta: params._meta }],
    ["no _meta", { name: "search", arguments: {} }],
    ["no binding", { ...params, _meta: {} }],
    ["an empty nonce", { ...params, _meta: { authorization_binding: { nonce: "" } } }],
    ["a nonce that is no text", { ...params, _meta: { authorization_binding: { nonce: 1 } } }],
  ])("%s: none", async (_name, call) => {
    expect(await linkToCall(call)).toBeNull();
  });
});

describe("the result", () => {
  const said = async (projection: string, result: JsonObject) => {
    const projectionDigest = `sha256:${await sha256Hex(utf8(projection))}`;
    return resultForm({ projection, projectionDigest }, result);
  };

  test("itself, or its digest", async () => {
    const result = { b: 1, a: [true] };
    expect(await said('{"a":[true],"b":1}', result)).toBe("identity");
    expect(await said(`{"digest":"${await digestOf(result)}"}`, result)).toBe("hash-only");
    const looksLikeOne = { digest };
    expect(await said(`{"digest":"${digest}"}`, looksLikeOne)).toBe("identity");
  });
  test.each([
    ["another", '{"a":2}'],
    ["a part", "{}"],
    ["another's digest", `{"digest":"${digest}"}`],
    ["a digest and more", `{"digest":"${digest}","more":1}`],
    ["white space", '{"a": 1}'],
    ["a fraction", '{"a":1.0}'],
    ["no JSON", ""],
  ])("neither: %s", async (_name, projection) => {
    expect(await said(projection, { a: 1 })).toBeNull();
  });
  test("neither: a projection with another's digest", async () => {
    expect(await resultForm({ projection: '{"a":1}', projectionDigest: digest }, { a: 1 })).toBeNull();
  });
});

describe("pairs", () => {
  const naming = (decisionDigest?: string): JsonObject => ({
    outcomeDerived: {
      status: "executed",
      completedAt: "2026-06-01T10:00:01Z",
      ...(decisionDigest !== undefined && { decisionDigest }),
    },
  });
  const elsewhere = (changes: Partial<BackLink>): JsonObject => ({
    backLink: { ...wireLink, ...changes } as JsonObject,
  });

  test("a receipt and the decision it names", async () => {
    const decision = await decided();
    expect(pair(decision, await receipted(naming(decision.digest)))).toBe("paired");
    expect(pair(decision, await receipted(naming()))).toBe("decision_not_named");
  });
  test("another decision about the same call does not pair", async () => {
    const receipt = await receipted(naming((await decided()).digest));
    const block = await decided({
      decisionDerived: { decision: "block", decidedAt: "2026-06-01T10:00:00Z" },
    });
    expect(pair(block, receipt)).toBe("other_decision");
  });
  test("another attestation, or another nonce of the same one, is another call", async () => {
    const decision = await decided();
    const named = naming(decision.digest);
    for (const other of [{ attestationDigest: digest }, { attestationNonce: "n-2" }]) {
      expect(pair(decision, await receipted({ ...named, ...elsewhere(other) }))).toBe("other_call");
    }
  });

  const at = (decidedAt: string, decision = "allow") => decided({ decisionDerived: { decision, decidedAt } });
  test("the latest decision holds, in whatever order they come", async () => {
    const [early, late] = [await at("2026-06-01T10:00:00Z"), await at("2026-06-01T10:00:01Z", "block")];
    const other = await decided({
      ...elsewhere({ attestationNonce: "n-2" }),
      decisionDerived: { decision: "escalate", decidedAt: "2027-06-01T10:00:00Z" },
    });
    for (const order of [
      [early, late, other],
      [other, late, early],
    ]) {
      expect(effectiveDecision(link, order)).toEqual({ kind: "one", decision: late });
    }
    expect(effectiveDecision(link, [other])).toEqual({ kind: "none" });
  });
  test("equally late ones are ambiguous, copies of one are not", async () => {
    const [a, b] = [await at("2026-06-01T10:00:00Z"), await at("2026-06-01T10:00:00Z", "block")];
    expect(effectiveDecision(link, [a, { ...a }])).toEqual({ kind: "one", decision: a });
    for (const order of [
      [a, b, a],
      [b, a],
    ]) {
      expect(effectiveDecision(link, order).kind).toBe("ambiguous");
    }
  });
});
