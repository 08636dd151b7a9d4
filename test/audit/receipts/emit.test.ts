import { exportJWK, generateKeyPair } from "jose";
import { describe, expect, test } from "vitest";
import { type Emission, emitDecision, emitReceipt } from "../../../src/audit/receipts/emit.ts";
import { pair } from "../../../src/audit/receipts/pair.ts";
import {
  type DecisionRecord,
  type ExecutionReceipt,
  parseDecisionRecord,
  parseExecutionReceipt,
} from "../../../src/audit/receipts/record.ts";
import {
  executionKeys,
  resultForm,
  type Verified,
  verifyRecord,
} from "../../../src/audit/receipts/verify.ts";
import { readSigningKeys, type SigningKeys } from "../../../src/audit/signing-keys.ts";
import { sha256Hex, utf8 } from "../../../src/encoding.ts";
import { canonical } from "../../../src/json/canonical.ts";
import type { JsonObject } from "../../../src/json/strict-json.ts";
import type { SigningKey } from "../../../src/keys/signing.ts";
import { unwrap } from "../../support/acme.ts";

const URL = "https://mcp.example/acme";

async function keyPair(alg: "ES256" | "EdDSA", kid: string): Promise<JsonObject> {
  const { privateKey } = await generateKeyPair(alg, { extractable: true });
  return { ...((await exportJWK(privateKey)) as JsonObject), kid };
}

async function keysOf(...jwks: readonly JsonObject[]): Promise<SigningKeys> {
  const keys = await readSigningKeys(JSON.stringify({ keys: jwks }));
  if (keys === null) throw new Error("no keys");
  return keys;
}

const deployment = await keysOf(await keyPair("EdDSA", "ed-1"), await keyPair("ES256", "es-1"));
const key = deployment.es256 as SigningKey;
const published = await executionKeys(URL, deployment.published);

const ABOUT: Emission = {
  iss: URL,
  sub: "agent:ada",
  nonce: "d-1",
  at: 1_780_048_800,
  attestation: { digest: `sha256:${"a".repeat(64)}`, nonce: "n-1" },
};
const LATER: Emission = { ...ABOUT, nonce: "d-1.outcome", at: ABOUT.at + 2 };

async function decisionIn(text: string, keys = published): Promise<Verified<DecisionRecord>> {
  return unwrap(await verifyRecord(unwrap(parseDecisionRecord(text)), keys));
}

async function receiptIn(text: string, keys = published): Promise<Verified<ExecutionReceipt>> {
  return unwrap(await verifyRecord(unwrap(parseExecutionReceipt(text)), keys));
}

describe("a decision record", () => {
  test("says what was decided, about which call, and verifies with the published key", async () => {
    const { text, digest } = await emitDecision(ABOUT, { decision: "allow" }, key);
    const read = await decisionIn(text);
    expect(read).toMatchObject({
      decision: "allow",
      decidedAt: "2026-05-29T10:00:00Z",
      iss: URL,
      sub: "agent:ada",
      nonce: "d-1",
      secretVersion: "es-1",
      alg: "ES256",
      backLink: {
        attestationDigest: ABOUT.attestation.digest,
        attestationNonce: "n-1",
        fallbackProjection: null,
      },
      digest,
    });
    expect(read.signature).toMatch(/^[0-9a-f]{128}$/);
    expect(text).toBe(canonical(read.raw));
    expect(digest).toBe(`sha256:${await sha256Hex(utf8(text))}`);
  });

  test("of a blocked call says why", async () => {
    const decided = { decision: "block", reason: "capability.not_granted" } as const;
    const { raw, decision } = await decisionIn((await emitDecision(ABOUT, decided, key)).text);
    expect(decision).toBe("block");
    expect(raw.decisionDerived).toEqual({ ...decided, decidedAt: "2026-05-29T10:00:00Z" });
  });
});

describe("an execution receipt", async () => {
  const allow = await emitDecision(ABOUT, { decision: "allow" }, key);
  const result = { content: [{ type: "text", text: "a secret" }] };

  test("commits to the digest of the result, and pairs with its decision", async () => {
    const outcome = { status: "executed", result } as const;
    const { text } = await emitReceipt(LATER, allow, outcome, key);
    const receipt = await receiptIn(text);
    expect(receipt).toMatchObject({
      status: "executed",
      completedAt: "2026-05-29T10:00:02Z",
      nonce: "d-1.outcome",
    });
    expect(pair(await decisionIn(allow.text), receipt)).toBe("paired");
    if (receipt.result === null) throw new Error("there is no commitment");
    expect(await resultForm(receipt.result, result)).toBe("hash-only");
    expect(await resultForm(receipt.result, { content: [] })).toBeNull();
    expect(text).not.toContain("a secret");
  });

  test.each([{ status: "executed" }, { status: "errored" }, { status: "refused" }] as const)(
    "without a result: $status",
    async ({ status }) => {
      const receipt = await receiptIn((await emitReceipt(LATER, allow, { status, result: null }, key)).text);
      expect(receipt).toMatchObject({ status, result: null, decisionDigest: allow.digest });
    },
  );

  test("belongs to one decision only, of several about one call", async () => {
    const other = await emitDecision({ ...ABOUT, nonce: "d-2" }, { decision: "allow" }, key);
    const receipt = await receiptIn(
      (await emitReceipt(LATER, allow, { status: "errored", result: null }, key)).text,
    );
    expect(pair(await decisionIn(other.text), receipt)).toBe("other_decision");
    const foreign = { ...ABOUT, attestation: { ...ABOUT.attestation, nonce: "n-2" } };
    const about = await emitDecision(foreign, { decision: "allow" }, key);
    expect(pair(await decisionIn(about.text), receipt)).toBe("other_call");
  });
});

describe("the keys that verify records", async () => {
  const { text } = await emitDecision(ABOUT, { decision: "allow" }, key);
  const record = unwrap(parseDecisionRecord(text));
  const judge = async (keys: Parameters<typeof executionKeys>[1], iss = URL) => {
    const verified = await verifyRecord(record, await executionKeys(iss, keys));
    return verified.ok ? "ok" : verified.error;
  };

  test("are those of the issuer, older ones too", async () => {
    expect(await judge(deployment.published)).toBe("ok");
    expect(await judge(deployment.published, `${URL}/`)).toBe("key_unknown");
    const rotated = await keysOf(await keyPair("ES256", "es-2"), ...deployment.published.keys);
    expect(await judge(rotated.published)).toBe("ok");
  });

  test("are never of another algorithm, nor two of one name, nor another's of that name", async () => {
    expect(await judge((await keysOf(await keyPair("EdDSA", "es-1"))).published)).toBe("key_unknown");
    const namesake = (await keysOf(await keyPair("ES256", "es-1"))).published;
    expect(await judge(namesake)).toBe("signature_mismatch");
    const both = { keys: [...deployment.published.keys, ...namesake.keys] };
    expect(await judge(both)).toBe("key_unknown");
  });

  test("what is no key is none", async () => {
    expect(await judge({ keys: [{}, { kty: "oct" }, ...deployment.published.keys] })).toBe("ok");
    expect(await judge({ keys: [] })).toBe("key_unknown");
  });

  test("any change to the record breaks its signature", async () => {
    for (const [from, to] of [
      ["allow", "block"],
      ["n-1", "n-2"],
      ["agent:ada", "agent:bob"],
      ["10:00:00Z", "10:00:01Z"],
    ] as const) {
      const changed = unwrap(parseDecisionRecord(text.replace(from, to)));
      expect(await verifyRecord(changed, published)).toEqual({ ok: false, error: "signature_mismatch" });
    }
  });
});
