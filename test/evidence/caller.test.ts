import { describe, expect, test } from "vitest";
import { sha256, utf8 } from "../../src/encoding.ts";
import { parseMandate } from "../../src/evidence/act/parse.ts";
import { verifyMandate } from "../../src/evidence/act/verify.ts";
import {
  type AgentCaller,
  checkPresence,
  parseCallerEvidence,
  verifyCaller,
} from "../../src/evidence/caller.ts";
import type { Facts } from "../../src/facts.ts";
import type { Reason } from "../../src/reasons.ts";
import type { Result } from "../../src/result.ts";
import type { EvidenceKind } from "../../src/tenant/tenant.ts";
import {
  ada,
  adaSecond,
  agentOf,
  BODY,
  bob,
  ect,
  mandate,
  NOW,
  outcome,
  stranger,
  tenant,
  unwrap,
} from "../support/acme.ts";
import { noRemoteKeys } from "../support/agents.ts";
import { signedFacts } from "../support/signed.ts";
import type { Signer } from "../support/tokens.ts";

const bobClaims = { iss: "spiffe://example.com/bob" };

interface Attempt {
  readonly mandate?: string;
  readonly signedBy?: Signer;
  /** null for none. */
  readonly ect?: string | null;
  readonly body?: Uint8Array<ArrayBuffer>;
  /** What changes on the way, after signing. */
  readonly tamper?: (headers: Map<string, string>) => void;
  readonly received?: Uint8Array<ArrayBuffer>;
}

async function call(attempt: Attempt): Promise<Result<AgentCaller, Reason>> {
  const { signedBy = ada, body = BODY, received = body, tamper } = attempt;
  const step = attempt.ect === undefined ? await ect() : attempt.ect;
  const signed = await signedFacts({
    by: signedBy,
    body,
    headers: {
      authorization: `Bearer ${attempt.mandate ?? (await mandate())}`,
      ...(step === null ? {} : { "wimse-ect": step }),
    },
  });
  const headers = new Map(signed.headers);
  tamper?.(headers);
  return judge({ ...signed, headers }, received);
}

async function judge(facts: Facts, body: Uint8Array<ArrayBuffer>): Promise<Result<AgentCaller, Reason>> {
  const presented = parseMandate(facts.headers);
  if (presented.state !== "present") throw new Error(JSON.stringify(presented));
  const verified = await verifyMandate(presented.value, tenant, noRemoteKeys, NOW);
  if (!verified.ok) return verified;
  const context = {
    tenant,
    facts,
    target: tenant.publicUrl,
    body,
    bodySha256: await sha256(body),
    keys: noRemoteKeys,
    now: NOW,
  };
  return verifyCaller(verified.value, parseCallerEvidence(facts), context);
}

describe("one principal", () => {
  test.each<[string, () => Promise<Attempt>, Reason | "ok"]>([
    ["all of one agent", async () => ({}), "ok"],
    [
      "all of the other agent",
      async () => ({
        mandate: await mandate({ sub: "agent:bob" }),
        signedBy: bob,
        ect: await ect(bobClaims, bob),
      }),
      "ok",
    ],
    ["without an ECT", async () => ({ ect: null }), "ok"],
    ["mandate of A, signature of B", async () => ({ signedBy: bob, ect: null }), "principal.mismatch"],
    [
      "mandate of A, signature and ECT of B",
      async () => ({ signedBy: bob, ect: await ect(bobClaims, bob) }),
      "principal.mismatch",
    ],
    ["mandate of A, signature of B, ECT of A", async () => ({ signedBy: bob }), "principal.mismatch"],
    [
      "mandate and signature of A, ECT of B",
      async () => ({ ect: await ect(bobClaims, bob) }),
      "principal.mismatch",
    ],
    [
      "mandate of B, signature and ECT of A",
      async () => ({ mandate: await mandate({ sub: "agent:bob" }) }),
      "principal.mismatch",
    ],
    ["two keys of one agent", async () => ({ ect: await ect({}, adaSecond) }), "principal.key_mismatch"],
    ["two keys of one agent, the other way", async () => ({ signedBy: adaSecond }), "principal.key_mismatch"],
    ["the second key for both", async () => ({ signedBy: adaSecond, ect: await ect({}, adaSecond) }), "ok"],
    ["ECT of A signed by B in A's name", async () => ({ ect: await ect({}, bob) }), "ect.issuer"],
    ["signature of a stranger", async () => ({ signedBy: stranger }), "signature.key_unknown"],
  ])("%s", async (_, attempt, expected) => {
    expect(outcome(await call(await attempt()))).toBe(expected);
  });
});

describe("the order: mandate, signature, ECT, principal", async () => {
  const badMandate = await mandate({}, stranger, { kid: "issuer-2" });
  const breakSignature = (headers: Map<string, string>) => headers.set("signature", "sig=:AAAA:");
  const dropSignature = (headers: Map<string, string>) => headers.delete("signature");
  const dropBoth = (headers: Map<string, string>) => {
    headers.delete("signature");
    headers.delete("signature-input");
  };
  test.each<[string, Attempt, Reason]>([
    [
      "everything wrong",
      { mandate: badMandate, signedBy: bob, ect: "x", tamper: breakSignature },
      "act.signature",
    ],
    ["signature and ECT wrong", { ect: "x", tamper: breakSignature }, "signature.mismatch"],
    ["half a signature", { ect: "x", tamper: dropSignature }, "signature.malformed"],
    ["no signature", { ect: "x", tamper: dropBoth }, "signature.missing"],
    ["ECT and principal wrong", { ect: "x", signedBy: bob }, "ect.malformed"],
    ["an ECT that nobody required is verified too", { ect: await ect({}, stranger) }, "ect.key_unknown"],
  ])("%s", async (_, attempt, expected) => {
    expect(outcome(await call(attempt))).toBe(expected);
  });
});

describe("what the signature covers", async () => {
  const other = await mandate({ jti: "mandate-2" });
  const otherEct = await ect({ jti: "ect-2" });
  test.each<[string, Attempt, Reason]>([
    ["another mandate", { tamper: (h) => h.set("authorization", `Bearer ${other}`) }, "signature.mismatch"],
    [
      "a second carrier of the mandate",
      { tamper: (h) => h.set("act-mandate", (h.get("authorization") ?? "").slice(7)) },
      "signature.coverage",
    ],
    ["another ECT", { tamper: (h) => h.set("wimse-ect", otherEct) }, "signature.mismatch"],
    ["an ECT added", { ect: null, tamper: (h) => h.set("wimse-ect", otherEct) }, "signature.coverage"],
    [
      "an ECT added in the other header",
      { tamper: (h) => h.set("execution-context", h.get("wimse-ect") ?? "") },
      "signature.coverage",
    ],
    ["the ECT taken out", { tamper: (h) => h.delete("wimse-ect") }, "signature.component"],
    ["another body", { received: utf8('{"jsonrpc":"2.0"}') }, "digest.mismatch"],
    ["no body any more", { received: new Uint8Array() }, "digest.mismatch"],
    ["a body added", { body: new Uint8Array(), received: BODY }, "digest.missing"],
    ["no digest any more", { tamper: (h) => h.delete("content-digest") }, "digest.missing"],
  ])("%s", async (_, attempt, expected) => {
    expect(outcome(await call(attempt))).toBe(expected);
  });
});

test("the caller is the key that signed", async () => {
  const caller = unwrap(await call({}));
  expect(caller.signature?.key).toBe(agentOf("ada-1"));
  expect(caller.mandate.agent).toBe(caller.agent);
  expect(caller.signature?.nonce).toBe("n-1");
  expect(caller.ect?.jti).toBe("ect-1");
  expect(unwrap(await call({ ect: null })).ect).toBeNull();
});

describe("presence", async () => {
  const presented = parseMandate(new Map([["act-mandate", await mandate()]]));
  if (presented.state !== "present") throw new Error("the mandate is good");
  const SIGNED = { "signature-input": "x", signature: "x" };
  const base: EvidenceKind[] = ["mandate", "signature"];
  test.each<[string, Record<string, string>, EvidenceKind[], Reason | "ok"]>([
    ["nothing", {}, base, "signature.missing"],
    ["nothing, and nothing but a mandate required", {}, ["mandate"], "ok"],
    ["an ECT alone", { "wimse-ect": "x" }, base, "signature.missing"],
    ["an ECT alone, nothing but a mandate required", { "wimse-ect": "x" }, ["mandate"], "signature.missing"],
    ["a signature", SIGNED, base, "ok"],
    ["half a signature is not absent", { signature: "x" }, base, "ok"],
    ["a signature, an ECT required", SIGNED, [...base, "ect"], "ect.missing"],
    ["a broken ECT is not absent", { ...SIGNED, "wimse-ect": "x" }, [...base, "ect"], "ok"],
    ["an empty ECT is not absent", { ...SIGNED, "wimse-ect": "" }, [...base, "ect"], "ok"],
    ["an attestation is asked for later", SIGNED, [...base, "attestation"], "ok"],
  ])("%s", async (_, headers, required, expected) => {
    const facts = { ...(await signedFacts({ by: ada })), headers: new Map(Object.entries(headers)) };
    const evidence = parseCallerEvidence(facts);
    expect(outcome(checkPresence(evidence, new Set(required)))).toBe(expected);
  });
});
