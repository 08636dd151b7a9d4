import { describe, expect, test } from "vitest";
import { CHECKPOINT_TYPE, linkTo } from "../../../src/audit/checkpoint.ts";
import { checkReceipt, type Held } from "../../../src/audit/receipts/check.ts";
import {
  claimsIn,
  RECEIPT_TYPE,
  type ReceiptClaims,
  signLater,
  signReceipt,
  verifyReceipt,
} from "../../../src/audit/receipts/decision-receipt.ts";
import type { ReceiptDocument } from "../../../src/audit/receipts/document.ts";
import { emitDecision, emitReceipt } from "../../../src/audit/receipts/emit.ts";
import { FAULTS } from "../../../src/audit/receipts/faults.ts";
import { type AuditRecord, GENESIS } from "../../../src/audit/record.ts";
import { signStatement } from "../../../src/audit/signing-keys.ts";
import { fromBase64url, toBase64url, utf8 } from "../../../src/encoding.ts";
import type { JsonObject, JsonValue } from "../../../src/json/strict-json.ts";
import { compact, hmacSign } from "../../support/tokens.ts";
import {
  ATTESTATION,
  chainOf,
  checkpointOf,
  draft,
  headOf,
  ISSUER,
  makeKeys,
  ours,
  outcomeDraft,
  PUBLISHED,
  proofOf,
  rehashed,
  scene,
  T,
  there,
  verifying,
} from "./helpers.ts";

const { records, heads, checkpoint, decision, outcome, receipt, document, decided, executed, emission } =
  await scene();
const keys = await verifying(ours);
const stranger = await makeKeys("gateway-1");
const es256 = there(ours.es256);
const strangers = there(stranger.es256);

const NO_PROOF = { decision: null, outcome: null };
const NOTHING: Held = { receipt: null, checkpoints: [], attestation: null };

const header = (jws: string): JsonObject =>
  JSON.parse(new TextDecoder().decode(there(fromBase64url(jws.split(".")[0] ?? ""))));

async function judge(
  shown: string | object,
  held: Partial<Held> = {},
  published: JsonValue = PUBLISHED,
): Promise<string> {
  const text = typeof shown === "string" ? shown : JSON.stringify(shown);
  const { fault } = await checkReceipt(text, published, { ...NOTHING, ...held });
  if (fault !== null) expect(FAULTS[fault]).toMatch(/^[A-Z].*\.$/);
  return fault ?? "ok";
}

const sign = (claims: object, typ = RECEIPT_TYPE, by = ours) => signStatement(by.signing, typ, claims);
const claims = claimsIn(ISSUER, decision);

describe("a receipt alone", () => {
  const receipt = () =>
    signReceipt(
      {
        issuer: ISSUER,
        decision: decision.id,
        verdict: "admitted",
        reason: null,
        facts: decision,
        place: decision,
      },
      ours,
    );

  test("says what its record says, and verifies", async () => {
    const jws = await receipt();
    expect(header(jws)).toEqual({ alg: "ES256", kid: "gateway-1", typ: RECEIPT_TYPE });
    expect(await verifyReceipt(jws, keys)).toEqual({ ok: true, value: claims });
    expect(claims.iat).toBe(T);
    const report = await checkReceipt(`${jws}\n`, PUBLISHED, NOTHING);
    expect(report).toMatchObject({ claims, fault: null });
    // Whoever reads this must not take the signature for more than it is.
    expect(report.unchecked.join()).toContain("The record behind its hash");
  });

  const verify = async (jws: string) => {
    const verified = await verifyReceipt(jws, keys);
    return verified.ok ? "ok" : verified.error;
  };

  test("another kind of token is none, whoever signed it", async () => {
    for (const typ of [
      CHECKPOINT_TYPE,
      "act+jwt",
      "exec+jwt",
      "jwt",
      "COUNTERSIGN-RECEIPT+JWT",
      `application/${RECEIPT_TYPE}`,
    ])
      expect(await verify(await sign(claims, typ)), typ).toBe("type");
    expect(await verify(checkpoint)).toBe("type");
    const untyped = await compact(
      { alg: "ES256", kid: "gateway-1" },
      JSON.stringify(claims),
      async () => new Uint8Array(64),
    );
    expect(await verify(untyped)).toBe("type");
  });

  test("nor is one that is signed with another key, under whatever kid", async () => {
    expect(await verify(await sign(claims, RECEIPT_TYPE, stranger))).toBe("signature");
    expect(await verify(await sign(claims, RECEIPT_TYPE, await makeKeys("gateway-2")))).toBe("key_unknown");
    const [, payload, signature] = (await receipt()).split(".");
    const rewrite = (head: JsonObject) =>
      `${toBase64url(utf8(JSON.stringify(head)))}.${payload}.${signature}`;
    const typ = RECEIPT_TYPE;
    expect(await verify(rewrite({ alg: "ES256", typ }))).toBe("key_unknown");
    expect(await verify(rewrite({ alg: "ES256", typ, kid: 1 }))).toBe("key_unknown");
    expect(await verify(rewrite({ alg: "none", typ, kid: "gateway-1" }))).toBe("alg");
    expect(await verify(rewrite({ alg: "EdDSA", typ, kid: "gateway-1" }))).toBe("alg");
    expect(await verify(rewrite({ alg: "ES256", typ, kid: "gateway-1", more: 1 }))).toBe("signature");
    expect(await verify(rewrite({ alg: "ES256", typ, kid: "gateway-1", crit: ["b64"], b64: false }))).toBe(
      "signature",
    );
  });

  test("nor one that can be read in two ways", async () => {
    const signed = async (head: string, payload: string) => {
      const input = [head, payload].map((part) => toBase64url(utf8(part))).join(".");
      const ecdsa = { name: "ECDSA", hash: "SHA-256" };
      const made = await crypto.subtle.sign(ecdsa, es256.private, utf8(input));
      return verify(`${input}.${toBase64url(new Uint8Array(made))}`);
    };
    const head = JSON.stringify({ alg: "ES256", kid: "gateway-1", typ: RECEIPT_TYPE });
    const payload = JSON.stringify(claims);
    expect(await signed(head, payload)).toBe("ok");
    const twice = payload.replace('"verdict"', '"verdict":"denied","verdict"');
    const escaped = payload.replace('"verdict"', '"verdict":"denied","v\\u0065rdict"');
    for (const text of [twice, escaped, `${payload}x`, `\ufeff${payload}`, `[${payload}]`])
      expect(await signed(head, text), text).toBe("malformed");
    expect(await signed(head.replace("{", '{"typ":"act+jwt",'), payload)).toBe("malformed");
    expect(await signed(head, payload.replace("{", '{"__proto__":{},'))).toBe("claims");
    for (const kid of ["__proto__", "constructor", "gateway-1 ", "GATEWAY-1", ""])
      expect(await signed(head.replace("gateway-1", kid), payload)).toBe("key_unknown");
    for (const more of ['"b64":true,', '"jku":"https://x.example",', '"x5c":[],'])
      expect(await signed(head.replace("{", `{${more}`), payload), more).toBe("ok");
    expect(await signed(head.replace("{", '{"crit":[],'), payload)).toBe("signature");
  });

  test("nor one whose key comes with it", async () => {
    const { x, y, kty, crv } = there(stranger.published.keys[0]);
    const head = { alg: "ES256", kid: "gateway-1", typ: RECEIPT_TYPE, jwk: { kty, crv, x, y } } as JsonObject;
    const forged = await compact(
      head,
      JSON.stringify(claims),
      async (bytes) =>
        new Uint8Array(
          await crypto.subtle.sign({ name: "ECDSA", hash: "SHA-256" }, strangers.private, bytes),
        ),
    );
    expect(await verify(forged)).toBe("signature");
  });

  test("nor one with the public key as a shared secret", async () => {
    const jwk = there(ours.published.keys[0]);
    const raw = new Uint8Array([
      4,
      ...there(fromBase64url(String(jwk.x))),
      ...there(fromBase64url(String(jwk.y))),
    ]);
    for (const secret of [raw, utf8(JSON.stringify(jwk)), utf8(String(jwk.x))]) {
      const mac = await hmacSign(secret);
      for (const alg of ["HS256", "ES256"]) {
        const head = { alg, kid: "gateway-1", typ: RECEIPT_TYPE };
        expect(await verify(await compact(head, JSON.stringify(claims), mac))).toBe(
          alg === "HS256" ? "alg" : "signature",
        );
      }
    }
  });

  test.each<[string, object]>([
    ["without a hash", { hash: undefined }],
    ["without a reason", { reason: undefined }],
    ["with a verdict that there is not", { verdict: "perhaps" }],
    ["with a seq that is a text", { seq: "1" }],
    ["with an outcome that is no hash", { outcome: "x" }],
    ["with a claim that no receipt has", { exp: 1 }],
  ])("%s it is none", async (_, changes) => {
    expect(await verify(await sign({ ...claims, ...changes }))).toBe("claims");
  });

  test.each(["", "x", "a.b", "a.b.c", "{", "[]", '"x"', "null"])("nonsense: %s", async (text) => {
    expect(await judge(text)).toBe(text === "{" ? "document.malformed" : "receipt.malformed");
  });

  test("does not show what a checkpoint or an attestation could be compared with", async () => {
    const jws = await receipt();
    expect(await judge(jws, { checkpoints: [checkpoint] })).toBe("document.needed");
    expect(await judge(jws, { attestation: ATTESTATION })).toBe("document.needed");
  });

  test("of another endpoint of the deployment, which has the same keys", async () => {
    const other = await sign({ ...claims, iss: "https://gateway.example/other/mcp" });
    expect(await judge(other)).toBe("receipt.issuer");
    // A key set alone does not say whose it is, and so neither do we.
    const { fault, unchecked } = await checkReceipt(other, { keys: ours.published.keys }, NOTHING);
    expect(fault).toBeNull();
    expect(unchecked).toContain("That these are the keys of https://gateway.example/other/mcp.");
  });

  test.each<[string, JsonValue]>([
    ["null", null],
    ["no keys", {}],
    ["a document without an issuer", { keys: { keys: ours.published.keys } }],
    ["a document without keys", { issuer: ISSUER, keys: {} }],
    ["keys that are no list", { keys: {} }],
    ["a private key", { keys: [{ ...ours.published.keys[0], d: "A".repeat(43) }] }],
    ["a shared secret", { keys: [{ kty: "oct", k: "A".repeat(43), kid: "gateway-1" }] }],
    ["one kid for two", { keys: [...ours.published.keys, ...stranger.published.keys] }],
  ])("with keys that are none: %s", async (_, published) => {
    expect(await judge(await receipt(), {}, published)).toBe("keys.malformed");
  });
});

describe("the document", () => {
  test("of an attested call holds, with everything checked", async () => {
    const held = { receipt: await sign(claims), checkpoints: [checkpoint], attestation: ATTESTATION };
    const report = await checkReceipt(JSON.stringify(document), PUBLISHED, held);
    expect(report.fault).toBeNull();
    expect(report.claims).toEqual({ ...claims, outcome: outcome.hash });
    expect(report.checked).toEqual([
      "The receipt is signed with a published key.",
      "The receipt that you hold is signed with a published key.",
      "The receipt names the record of the decision, and says the same.",
      "The receipt that you hold names the record of the decision, and says the same.",
      "The record of the outcome is the one that the receipt names, and is of this decision.",
      "The decision is under checkpoint 1, of 2033-05-18T03:34:20.000Z.",
      "Checkpoint 1 is the one that you hold.",
      "The outcome is under checkpoint 1, of 2033-05-18T03:34:20.000Z.",
      "Checkpoint 1 is the one that you hold.",
      "The decision record (SEP-2828) is signed, and is about the attestation of the decision.",
      "The execution receipt (SEP-2828) is signed, and names that decision record.",
      "The call had the attestation that you hold.",
    ]);
    expect(report.unchecked).toEqual([
      "The result that the execution receipt commits to: only who has the answer can compare it.",
    ]);
  });

  test("of a denial has no outcome, and nothing is missing", async () => {
    const [denial] = await chainOf("chain-x", [
      draft({ verdict: "denied", reason: "policy.tenant_suspended", status: 200 }),
    ]);
    const shown = {
      ...document,
      receipt: await signLater(ISSUER, there(denial), null, ours),
      decision: denial,
      outcome: null,
      execution: [],
      proof: NO_PROOF,
    };
    const { fault, unchecked } = await checkReceipt(JSON.stringify(shown), PUBLISHED, NOTHING);
    expect(fault).toBeNull();
    expect(unchecked).toEqual(["Whether a checkpoint covers the decision: no proof is shown."]);
    const invented = there((await chainOf("chain-x", [draft(), outcomeDraft()]))[1]);
    expect(
      await judge({
        ...shown,
        receipt: await signLater(ISSUER, there(denial), invented, ours),
        outcome: invented,
      }),
    ).toBe("outcome.other");
  });

  test("of a call that runs says that its outcome is not there", async () => {
    const receipt = await signLater(ISSUER, decision, null, ours);
    const shown = {
      ...document,
      receipt,
      outcome: null,
      execution: [decided.text],
      proof: { ...document.proof, outcome: null },
    };
    const { fault, unchecked } = await checkReceipt(JSON.stringify(shown), PUBLISHED, NOTHING);
    expect(fault).toBeNull();
    expect(unchecked).toContain("What became of the call: no outcome is shown.");
    expect(await judge({ ...shown, proof: document.proof })).toBe("document.malformed");
  });

  test.each([
    [null, ""],
    [300, " Ask for the receipt again later."],
  ])("without proofs says what nobody else has seen: retry_after %s", async (retry_after, later) => {
    const shown = { ...document, proof: NO_PROOF, retry_after };
    const { fault, unchecked } = await checkReceipt(JSON.stringify(shown), PUBLISHED, NOTHING);
    expect(fault).toBeNull();
    for (const part of ["decision", "outcome"])
      expect(unchecked).toContain(`Whether a checkpoint covers the ${part}: no proof is shown.${later}`);
  });

  test("says what a checkpoint says of the chain", async () => {
    const jws = await checkpointOf(heads, { faults: [{ chain: "chain-c", fault: "forked" }] });
    const proof = {
      decision: await proofOf(records, 1, heads, jws),
      outcome: await proofOf(records, 3, heads, jws),
    };
    const { fault, unchecked } = await checkReceipt(
      JSON.stringify({ ...document, proof }),
      PUBLISHED,
      NOTHING,
    );
    expect(fault).toBeNull();
    expect(unchecked).toContain("What came later: checkpoint 1 says that the chain is forked.");
  });

  test("with the receipt of the header, if a checkpoint vouches for the outcome", async () => {
    const shown = { ...document, receipt: await sign(claims) };
    expect(await judge(shown)).toBe("ok");
    expect(await judge({ ...shown, proof: { ...document.proof, outcome: null } })).toBe("outcome.unsigned");
    // Nor does one that was asked for while the call ran.
    const early = await signLater(ISSUER, decision, null, ours);
    expect(await judge({ ...shown, receipt: early })).toBe("ok");
    expect(await judge({ ...shown, receipt: early, proof: { ...document.proof, outcome: null } })).toBe(
      "outcome.unsigned",
    );
  });

  describe("without a receipt, as long as nothing is proven", () => {
    const early = { ...document, receipt: null, proof: NO_PROOF, retry_after: 300 };
    const running = { ...early, outcome: null, execution: [decided.text] };

    test("nobody vouches for it", async () => {
      expect(await judge(early)).toBe("decision.unsigned");
      expect(await judge(running)).toBe("decision.unsigned");
      expect(await judge(early, {}, { keys: ours.published.keys })).toBe("decision.unsigned");
      // A record that anybody can make.
      const forged = await rehashed(decision, { principal: "agent:writer" });
      expect(await judge({ ...running, decision: forged })).toBe("decision.unsigned");
    });

    test("the receipt that the caller was given vouches for the decision, not for the outcome", async () => {
      const held = { receipt: await sign(claims) };
      expect(await judge(running, held)).toBe("ok");
      expect(await judge(early, held)).toBe("outcome.unsigned");
      expect(await judge(early, { receipt })).toBe("ok");
    });
  });

  test("without a receipt, but with proofs: the checkpoints vouch for it, not for what the caller was told", async () => {
    const { fault, unchecked, ...report } = await checkReceipt(
      JSON.stringify({ ...document, receipt: null }),
      PUBLISHED,
      NOTHING,
    );
    expect(fault).toBeNull();
    expect(report.claims).toEqual(claims);
    expect(unchecked).toContain(
      "What the caller was told: neither the JSON nor you have a receipt of the decision.",
    );
    const { decision: proof } = document.proof;
    expect(await judge({ ...document, receipt: null, proof: { decision: proof, outcome: null } })).toBe(
      "outcome.unsigned",
    );
    const { outcome: later } = document.proof;
    expect(await judge({ ...document, receipt: null, proof: { decision: null, outcome: later } })).toBe(
      "decision.unsigned",
    );
  });

  test("has a closed form", async () => {
    for (const name of Object.keys(document))
      expect(await judge({ ...document, [name]: undefined }), name).toBe("document.malformed");
    expect(await judge({ ...document, more: 1 })).toBe("document.malformed");
    expect(await judge({ ...document, decision: { ...decision, more: 1 } })).toBe("document.malformed");
    expect(await judge({ ...document, proof: null })).toBe("document.malformed");
    const text = JSON.stringify(document);
    expect(await judge(text.replace('"decision":', '"decision":1,"decision":'))).toBe("document.malformed");
  });
});

describe("a document that was tampered with", () => {
  const other = there(records[2]);
  const otherOutcome = there(records[4]);
  const late = async (record: AuditRecord, ended: AuditRecord | null = null) =>
    signLater(ISSUER, record, ended, ours);

  test.each<[string, string, () => Promise<object>]>([
    ["the receipt of another decision", "receipt.differs", async () => ({ receipt: await late(other) })],
    [
      "the receipt of another tenant",
      "receipt.issuer",
      async () => ({
        receipt: await signLater("https://gateway.example/other/mcp", decision, outcome, ours),
      }),
    ],
    ["a receipt that is a checkpoint", "receipt.type", async () => ({ receipt: checkpoint })],
    ["a receipt that is a mandate", "receipt.type", async () => ({ receipt: await sign(claims, "act+jwt") })],
    [
      "a receipt by somebody else",
      "receipt.signature",
      async () => ({ receipt: await signLater(ISSUER, decision, outcome, stranger) }),
    ],
    ["the record of another decision", "receipt.differs", async () => ({ decision: other })],
    [
      "an outcome for a decision",
      "decision.kind",
      async () => ({ receipt: await late(outcome), decision: outcome }),
    ],
    ["another verdict", "decision.altered", async () => ({ decision: { ...decision, verdict: "denied" } })],
    [
      "another verdict, hashed",
      "receipt.differs",
      async () => ({ decision: await rehashed(decision, { verdict: "denied" }) }),
    ],
    [
      "other evidence, hashed",
      "receipt.differs",
      async () => ({ decision: await rehashed(decision, { evidence: null }) }),
    ],
    ["the outcome of another decision", "outcome.other", async () => ({ outcome: otherOutcome })],
    ["the decision for an outcome", "outcome.other", async () => ({ outcome: decision })],
    ["another status", "outcome.altered", async () => ({ outcome: { ...outcome, status: 500 } })],
    [
      "another status, hashed",
      "outcome.differs",
      async () => ({ outcome: await rehashed(outcome, { status: 500 }) }),
    ],
    [
      "another input, hashed",
      "outcome.other",
      async () => ({ outcome: await rehashed(outcome, { input_hash: null }) }),
    ],
    [
      "no outcome",
      "outcome.withheld",
      async () => ({ outcome: null, execution: [decided.text], proof: { ...document.proof, outcome: null } }),
    ],
    [
      "the outcome's proof for the decision",
      "decision.proof.length",
      async () => ({ proof: { decision: document.proof.outcome, outcome: document.proof.outcome } }),
    ],
    [
      "the decision's proof for the outcome",
      "outcome.proof.length",
      async () => ({ proof: { decision: document.proof.decision, outcome: document.proof.decision } }),
    ],
    ["no execution records", "execution.records", async () => ({ execution: [] })],
    ["the execution receipt alone", "execution.records", async () => ({ execution: [executed.text] })],
    [
      "execution records in another order",
      "execution.records",
      async () => ({ execution: [executed.text, decided.text] }),
    ],
  ])("%s", async (_, fault, change) => {
    expect(await judge({ ...document, ...(await change()) })).toBe(fault);
  });

  test("a proof under the checkpoint of another endpoint", async () => {
    const jws = await checkpointOf(heads, { iss: "https://gateway.example/other/mcp" });
    const proof = { ...document.proof, decision: await proofOf(records, 1, heads, jws) };
    expect(await judge({ ...document, proof })).toBe("decision.proof.issuer");
  });

  test("a whole history of somebody's own, that fits together", async () => {
    const mine = await chainOf("chain-c", [draft(), outcomeDraft({ status: 500 })]);
    const under = [headOf(mine)];
    const jws = await checkpointOf(under, {}, stranger);
    const shown: ReceiptDocument = {
      ...document,
      receipt: await signLater(ISSUER, there(mine[0]), there(mine[1]), ours),
      decision: there(mine[0]),
      outcome: there(mine[1]),
      execution: [],
      proof: { decision: await proofOf(mine, 0, under, jws), outcome: null },
    };
    expect(await judge(shown)).toBe("decision.proof.checkpoint");
    // Where the keys are theirs, only a checkpoint that others hold tells.
    const jwsOfOurs = await checkpointOf(under);
    const proof = { decision: await proofOf(mine, 0, under, jwsOfOurs), outcome: null };
    expect(await judge({ ...shown, proof })).toBe("ok");
    expect(await judge({ ...shown, proof }, { checkpoints: [checkpoint] })).toBe("checkpoint.differs");
  });
});

describe("a receipt that is held", () => {
  const against = async (shown: object, held: string | object) =>
    judge({ ...document, ...shown }, { receipt: typeof held === "string" ? held : await sign(held) });

  test("is the same, or that of the header, with white space around", async () => {
    expect(await against({}, receipt)).toBe("ok");
    expect(await against({}, claims)).toBe("ok");
    expect(await against({ receipt: null }, `\n${await sign(claims)}\n`)).toBe("ok");
  });

  test("tells that the log says something else now, whoever signs that again", async () => {
    for (const changes of [
      { verdict: "denied" },
      { seq: 1 },
      { hash: GENESIS },
      { chain: "chain-a" },
      { jti: "other" },
      { sub: "agent:writer" },
      { act: null },
      { iat: T + 1 },
    ])
      expect(await against({}, { ...claims, ...changes }), JSON.stringify(changes)).toBe("held.differs");
    expect(await against({ receipt: null }, claimsIn(ISSUER, there(records[2])))).toBe("held.differs");
    const outcomes = { ...claims, outcome: there(records[4]).hash };
    expect(await against({ receipt: null }, outcomes)).toBe("outcome.differs");
    const withheld = {
      outcome: null,
      execution: [decided.text],
      proof: { ...document.proof, outcome: null },
    };
    expect(await against({ ...withheld, receipt: null }, receipt)).toBe("outcome.withheld");
  });

  test("must itself be one, of the same endpoint", async () => {
    expect(await against({}, "x")).toBe("held.malformed");
    expect(await against({}, "")).toBe("held.malformed");
    expect(await against({}, checkpoint)).toBe("held.type");
    expect(await against({}, await sign(claims, RECEIPT_TYPE, stranger))).toBe("held.signature");
    expect(await against({}, { ...claims, exp: 1 })).toBe("held.claims");
    const elsewhere = { ...claims, iss: "https://gateway.example/other/mcp" };
    expect(await against({}, elsewhere)).toBe("held.issuer");
    // Keys alone do not say whose they are, but all must be of one.
    const keySet = { keys: ours.published.keys };
    const mixed = await judge(document, { receipt: await sign(elsewhere) }, keySet);
    expect(mixed).toBe("held.issuer");
    const apart = await judge({ ...document, receipt: null }, { receipt: await sign(elsewhere) }, keySet);
    expect(apart).toBe("decision.proof.issuer");
  });

  test("has nothing to be held against in another receipt", async () => {
    expect(await judge(receipt, { receipt })).toBe("document.needed");
  });
});

describe("checkpoints that are held", () => {
  const next = async (prev: string) => checkpointOf(heads, { number: 2, prev: await linkTo(prev) });

  test("the same one, or the one after it", async () => {
    expect(await judge(document, { checkpoints: [checkpoint] })).toBe("ok");
    expect(await judge(document, { checkpoints: [await next(checkpoint)] })).toBe("ok");
    expect(await judge(document, { checkpoints: [await next(checkpoint), checkpoint] })).toBe("ok");
  });

  test("another one of the same number, or after another one", async () => {
    const other = await checkpointOf(heads, { time: 1 });
    expect(await judge(document, { checkpoints: [other] })).toBe("checkpoint.differs");
    expect(await judge(document, { checkpoints: [checkpoint, other] })).toBe("checkpoint.differs");
    expect(await judge(document, { checkpoints: [other, checkpoint] })).toBe("checkpoint.differs");
    expect(await judge(document, { checkpoints: [await next(other)] })).toBe("checkpoint.differs");
  });

  test("one that says nothing about the proof is not passed over", async () => {
    const later = await checkpointOf(heads, { number: 9, prev: GENESIS });
    expect(await judge(document, { checkpoints: [later] })).toBe("checkpoint.not_comparable");
    const shown = { ...document, proof: NO_PROOF };
    expect(await judge(shown, { checkpoints: [checkpoint] })).toBe("checkpoint.not_comparable");
  });

  test("one that is none of ours", async () => {
    expect(await judge(document, { checkpoints: [await checkpointOf(heads, {}, stranger)] })).toBe(
      "checkpoint.unsigned",
    );
    expect(await judge(document, { checkpoints: [receipt] })).toBe("checkpoint.unsigned");
    expect(
      await judge(document, { checkpoints: [await checkpointOf(heads, { iss: "https://x.example" })] }),
    ).toBe("checkpoint.issuer");
  });
});

describe("the attestation", () => {
  test("must be the one that was sent, signature and all", async () => {
    expect(await judge(document, { attestation: { ...ATTESTATION, signature: "01" } })).toBe(
      "attestation.differs",
    );
    const { signature: _, ...unsigned } = ATTESTATION;
    expect(await judge(document, { attestation: unsigned })).toBe("attestation.differs");
  });

  test("there was none", async () => {
    const plain = there(records[2]);
    const shown = {
      ...document,
      receipt: await signLater(ISSUER, plain, null, ours),
      decision: plain,
      outcome: null,
      execution: [],
      proof: NO_PROOF,
    };
    expect(await judge(shown)).toBe("ok");
    expect(await judge(shown, { attestation: ATTESTATION })).toBe("attestation.none");
  });
});

describe("execution records", () => {
  const evidence = there(decision.evidence);
  const emit = (nonce: string, changes: object = {}) => ({ ...emission, nonce, ...changes });
  const block = { decision: "block", reason: "policy" } as const;
  const executedUnder = (to: typeof decided, key = es256, changes = {}) =>
    emitReceipt(emit("x", changes), to, { status: "executed", result: null }, key);

  /** A document whose audit records hold these. */
  async function holding(
    first: readonly string[],
    second: readonly string[] | null,
    changes: Partial<AuditRecord> = {},
  ) {
    const chain = await chainOf("chain-y", [
      draft({ evidence, execution: first, ...changes }),
      outcomeDraft({ execution: second }),
    ]);
    const [a, b] = [there(chain[0]), changes.verdict === "denied" ? null : there(chain[1])];
    return {
      ...document,
      receipt: await signLater(ISSUER, a, b, ours),
      decision: a,
      outcome: b,
      execution: [...first, ...(b === null ? [] : (second ?? []))],
      proof: NO_PROOF,
    };
  }

  test("of a call that was blocked are both the decision's", async () => {
    const blocked = await emitDecision(emit("a"), block, es256);
    const refused = await emitReceipt(emit("b"), blocked, { status: "refused", result: null }, es256);
    const denied = { verdict: "denied", reason: "policy.agent_suspended" } as const;
    expect(await judge(await holding([blocked.text, refused.text], null, denied))).toBe("ok");
    expect(await judge(await holding([decided.text], null, denied))).toBe("execution.verdict");
    const other = await executedUnder(blocked);
    expect(await judge(await holding([blocked.text, other.text], null, denied))).toBe("execution.verdict");
  });

  test.each<[string, string, () => Promise<[string, string]>]>([
    [
      "another verdict",
      "execution.verdict",
      async () => {
        const blocked = await emitDecision(emit("a"), block, es256);
        return [blocked.text, (await executedUnder(blocked)).text];
      },
    ],
    [
      "refused after all",
      "execution.verdict",
      async () => [
        decided.text,
        (await emitReceipt(emit("b"), decided, { status: "refused", result: null }, es256)).text,
      ],
    ],
    [
      "a decision record by somebody else",
      "execution.signature",
      async () => [(await emitDecision(emit("a"), { decision: "allow" }, strangers)).text, executed.text],
    ],
    [
      "a receipt by somebody else",
      "execution.signature",
      async () => [decided.text, (await executedUnder(decided, strangers)).text],
    ],
    [
      "records of another endpoint",
      "execution.signature",
      async () => {
        const changes = { iss: "https://gateway.example/other/mcp" };
        const one = await emitDecision(emit("a", changes), { decision: "allow" }, es256);
        return [one.text, (await executedUnder(one, es256, changes)).text];
      },
    ],
    [
      "another principal",
      "execution.subject",
      async () => {
        const one = await emitDecision(emit("a", { sub: "agent:writer" }), { decision: "allow" }, es256);
        return [one.text, (await executedUnder(one)).text];
      },
    ],
    [
      "another attestation",
      "execution.link",
      async () => {
        const changes = { attestation: { digest: `sha256:${"0".repeat(64)}`, nonce: "n-1" } };
        const one = await emitDecision(emit("a", changes), { decision: "allow" }, es256);
        return [one.text, (await executedUnder(one, es256, changes)).text];
      },
    ],
    [
      "another nonce in the receipt",
      "execution.link",
      async () => [
        decided.text,
        (await executedUnder(decided, es256, { attestation: { ...emission.attestation, nonce: "n-2" } }))
          .text,
      ],
    ],
    [
      "a receipt of another decision record",
      "execution.pairing",
      async () => {
        const twin = await emitDecision(emit("twin"), { decision: "allow" }, es256);
        return [decided.text, (await executedUnder(twin)).text];
      },
    ],
    ["two decision records", "execution.malformed", async () => [decided.text, decided.text]],
    ["no JSON", "execution.malformed", async () => ["x", executed.text]],
  ])("%s", async (_, fault, make) => {
    const [first, second] = await make();
    expect(await judge(await holding([first], [second]))).toBe(fault);
  });

  test("of a call without an attestation are about nothing", async () => {
    expect(
      await judge(
        await holding([decided.text], [executed.text], { evidence: { ...evidence, attestation: null } }),
      ),
    ).toBe("execution.link");
  });

  test("three of them", async () => {
    expect(await judge(await holding([decided.text, executed.text], [executed.text]))).toBe(
      "execution.malformed",
    );
  });

  test("an Ed25519 key signs none", async () => {
    const edDsa = await makeKeys("gateway-1", "EdDSA");
    const shown = {
      ...document,
      receipt: await signLater(ISSUER, decision, outcome, edDsa),
      proof: NO_PROOF,
    };
    expect(await judge(shown, {}, { keys: edDsa.published.keys })).toBe("execution.signature");
  });
});

test("claims of a receipt are those of the record, one by one", () => {
  const expected: ReceiptClaims = {
    iss: ISSUER,
    sub: "agent:reader",
    jti: "decision-a",
    iat: T,
    verdict: "admitted",
    reason: null,
    act: "mcp.search",
    inp_hash: GENESIS,
    chain: "chain-c",
    seq: 2,
    hash: decision.hash,
  };
  expect(claims).toEqual(expected);
});
