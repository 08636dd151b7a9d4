import { describe, expect, test } from "vitest";
import { toBase64url, toHex, utf8 } from "../../../src/encoding.ts";
import { parseEnvelope } from "../../../src/evidence/attestation/envelope.ts";
import { webCrypto } from "../../../src/evidence/attestation/signature.ts";
import { verifyAttestation } from "../../../src/evidence/attestation/verify.ts";
import { canonical } from "../../../src/json/canonical.ts";
import type { JsonObject } from "../../../src/json/strict-json.ts";
import type { Reason } from "../../../src/reasons.ts";
import { type AttestationKey, attestationIdentity, attestationKeyId } from "../../../src/tenant/tenant.ts";
import { agentNamed } from "../../support/agents.ts";
import { policyOf } from "../../support/attestation-policy.ts";
import {
  type Attempt,
  draft,
  ES256,
  edit,
  HS256,
  headerOf,
  hmacKeys,
  IAT,
  ISS,
  judge,
  type Keys,
  RS256,
  SUB,
  signed,
} from "./attempts.ts";

const dialects = ["A", "B"] as const;
const algorithms = [HS256, ES256, RS256];
const present = (envelope: JsonObject, attempt: Attempt = {}) =>
  judge({ ...attempt, header: headerOf(envelope) });

/** Both places of `alg` in B, the one in A. */
const withAlg = (envelope: JsonObject, alg: string): JsonObject =>
  edit(Object.hasOwn(envelope, "alg") ? edit(envelope, "alg", alg) : envelope, "issuerAsserted.alg", alg);

describe.each(dialects)("keys and algorithms, dialect %s", (dialect) => {
  test.each(algorithms)("$alg verifies", async (keys) => {
    const envelope = await signed(await draft(dialect, keys.alg), keys);
    expect(await present(envelope, { key: keys.verify })).toBe("accepted");
  });

  const unknown: [string, string, Reason][] = [
    ["issuerAsserted.iss", "issuer://other", "attestation.issuer_unknown"],
    ["issuerAsserted.iss", "issuer://tes", "attestation.issuer_unknown"],
    ["issuerAsserted.iss", "issuer://test/", "attestation.issuer_unknown"],
    ["issuerAsserted.iss", "ISSUER://test", "attestation.issuer_unknown"],
    ["issuerAsserted.secretVersion", "v2", "attestation.secret_version_unknown"],
    ["issuerAsserted.secretVersion", "V1", "attestation.secret_version_unknown"],
    ["issuerAsserted.sub", "agent:other", "attestation.identity_unknown"],
    ["issuerAsserted.sub", "Agent:archiver", "attestation.identity_unknown"],
  ];
  test.each(unknown)("%s = %s: %s", async (path, value, reason) => {
    expect(await present(await signed(edit(await draft(dialect), path, value)))).toBe(reason);
  });

  test.each(["none", "HS512", "hs256", "EdDSA", "toString", "__proto__"])(
    "alg %s, signed by HS256",
    async (alg) => {
      expect(await present(await signed(await draft(dialect, alg)))).toBe("attestation.alg_unsupported");
    },
  );

  test("an algorithm that is not the key's", async () => {
    for (const keys of algorithms) {
      for (const other of algorithms.filter(({ alg }) => alg !== keys.alg)) {
        const envelope = await signed(await draft(dialect, keys.alg), keys);
        expect(await present(envelope, { key: other.verify })).toBe("attestation.alg_not_pinned");
      }
    }
  });

  test.each([ES256, RS256])("an HMAC keyed with the public key of $alg", async ({ verify }) => {
    const spki = new Uint8Array((await crypto.subtle.exportKey("spki", verify.key)) as ArrayBuffer);
    const base64 = btoa(String.fromCharCode(...spki)).replace(/.{64}(?=.)/g, "$&\n");
    const pem = `-----BEGIN PUBLIC KEY-----\n${base64}\n-----END PUBLIC KEY-----\n`;
    for (const secret of [spki, utf8(pem)]) {
      const envelope = await signed(await draft(dialect), await hmacKeys(secret));
      expect(await present(envelope, { key: verify })).toBe("attestation.alg_not_pinned");
    }
  });

  test("a dialect the tenant does not take", async () => {
    const other = dialects.filter((name) => name !== dialect);
    const envelope = await signed(await draft(dialect));
    expect(await present(envelope, { policy: { dialects: other } })).toBe("attestation.dialect_not_allowed");
  });
});

test("B: the two alg fields differ, well signed", async () => {
  const envelope = await draft("B");
  expect(await present(await signed(edit(envelope, "alg", "ES256")))).toBe("attestation.alg_fields_differ");
  expect(await present(await signed(edit(envelope, "issuerAsserted.alg", "ES256")))).toBe(
    "attestation.alg_fields_differ",
  );
  expect(await present(await signed(edit(envelope, "alg", "none")))).toBe("attestation.alg_unsupported");
});

describe.each(dialects)("signature, dialect %s", (dialect) => {
  const make = async (keys: Keys) => signed(await draft(dialect, keys.alg), keys);
  const signatureOf = ({ signature }: JsonObject): string => (typeof signature === "string" ? signature : "");

  test.each(algorithms)("$alg: one spelling only", async (keys) => {
    const envelope = await make(keys);
    const hex = signatureOf(envelope);
    const letters = hex.replace(/[0-9]/g, "a");
    const spellings = [
      "",
      hex.slice(2),
      hex.slice(1),
      `${hex}00`,
      `00${hex}`,
      ` ${hex}`,
      `${hex}\n`,
      `${hex.slice(0, 10)} ${hex.slice(11)}`,
      `0x${hex.slice(2)}`,
      `${hex.slice(0, -1)}g`,
      letters.toUpperCase(),
      toBase64url(utf8(hex)),
    ];
    for (const signature of spellings) {
      expect(await present({ ...envelope, signature }, { key: keys.verify })).toBe(
        "attestation.signature_encoding",
      );
    }
  });

  test("ES256: not DER", async () => {
    const envelope = await make(ES256);
    const hex = signatureOf(envelope);
    // Both integers with a leading zero byte, which makes them positive whatever their first bit.
    const der = `30460221${"00"}${hex.slice(0, 64)}0221${"00"}${hex.slice(64)}`;
    expect(await present({ ...envelope, signature: der }, { key: ES256.verify })).toBe(
      "attestation.signature_encoding",
    );
  });

  test("ES256: the second signature (r, n - s) verifies, so that only the nonce tells a replay", async () => {
    const envelope = await make(ES256);
    const [r, s] = [signatureOf(envelope).slice(0, 64), signatureOf(envelope).slice(64)];
    const order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
    const signature = r + (order - BigInt(`0x${s}`)).toString(16).padStart(64, "0");
    expect(await present({ ...envelope, signature }, { key: ES256.verify })).toBe("accepted");
  });

  test.each(algorithms)("$alg: a flipped bit, a signature of zeros, another key", async (keys) => {
    const envelope = await make(keys);
    const hex = signatureOf(envelope);
    const flipped = (Number.parseInt(hex.slice(-1), 16) ^ 1).toString(16);
    for (const signature of [hex.slice(0, -1) + flipped, "0".repeat(hex.length)]) {
      expect(await present({ ...envelope, signature }, { key: keys.verify })).toBe(
        "attestation.signature_mismatch",
      );
    }
    const foreign = await hmacKeys(new Uint8Array(32).fill(0x43));
    const forged = await signed(await draft(dialect), foreign);
    expect(await present(forged)).toBe("attestation.signature_mismatch");
  });

  const tampered: [string, string | number][] = [
    ["issuerAsserted.sub", "agent:other"],
    ["issuerAsserted.nonce", "fresh"],
    ["issuerAsserted.expSeconds", 299],
    ["issuerAsserted.iat", "2026-05-29T10:00:01Z"],
    ["plannerDeclared.intent", "exfiltrate data"],
    ["plannerDeclared.plannerRef", "turn-8"],
    ["payloadDerived.toolCalls.0.name", "read_file"],
  ];
  test.each(tampered)("%s changed after signing", async (path, value) => {
    expect(await present(edit(await make(HS256), path, value))).toBe("attestation.signature_mismatch");
  });

  test("the alg changed after signing does not choose another key", async () => {
    const envelope = await make(HS256);
    expect(await present(withAlg(envelope, "none"))).toBe("attestation.alg_unsupported");
    expect(await present(withAlg(envelope, "RS256"))).toBe("attestation.alg_not_pinned");
  });

  test("an envelope signed with `signature` left empty in it", async () => {
    const unsigned = await draft(dialect);
    const bytes = utf8(canonical({ ...unsigned, signature: "" }));
    const mac = new Uint8Array(await crypto.subtle.sign("HMAC", HS256.sign, bytes));
    const signature = Array.from(mac, (byte) => byte.toString(16).padStart(2, "0")).join("");
    expect(await present({ ...unsigned, signature })).toBe("attestation.signature_mismatch");
  });
});

describe("dialect C: signed with an empty signature member in it", () => {
  /** @param mark how `signature` reads in what is signed */
  async function signedWith(mark: string, dialect: "A" | "B" = "A", keys = HS256): Promise<JsonObject> {
    const unsigned = await draft(dialect, keys.alg);
    const bytes = await crypto.subtle.sign(
      webCrypto(keys.alg),
      keys.sign,
      utf8(canonical({ ...unsigned, signature: mark })),
    );
    return { ...unsigned, signature: toHex(new Uint8Array(bytes)) };
  }
  const flagged: AttestationKey = { alg: "HS256", key: HS256.verify.key, unsafeDialectC: true };

  test("is taken with a key that has the flag alone", async () => {
    expect(await present(await signedWith(""))).toBe("attestation.signature_mismatch");
    expect(await present(await signedWith(""), { key: { ...flagged, unsafeDialectC: false } })).toBe(
      "attestation.signature_mismatch",
    );
    expect(await present(await signedWith(""), { key: flagged })).toBe("accepted");
  });

  test("such a key still takes A and B, each signed its own way", async () => {
    for (const dialect of dialects)
      expect(await present(await signed(await draft(dialect)), { key: flagged })).toBe("accepted");
    expect(await present(await signedWith("", "B"), { key: flagged })).toBe("attestation.signature_mismatch");
  });

  test("nothing else passes for it", async () => {
    const good = await signedWith("");
    expect(await present(await signedWith(" "), { key: flagged })).toBe("attestation.signature_mismatch");
    expect(await present(edit(good, "issuerAsserted.sub", "agent:other"), { key: flagged })).toBe(
      "attestation.signature_mismatch",
    );
    const other = await signedWith("", "A", await hmacKeys(new Uint8Array(32).fill(0x43)));
    expect(await present(other, { key: flagged })).toBe("attestation.signature_mismatch");
    expect(await present(withAlg(good, "HS512"), { key: flagged })).toBe("attestation.alg_unsupported");
    expect(await present(withAlg(good, "ES256"), { key: flagged })).toBe("attestation.alg_not_pinned");
    expect(await present(good, { key: flagged, policy: { dialects: ["B"] } })).toBe(
      "attestation.dialect_not_allowed",
    );
    expect(await present(good, { key: flagged, now: IAT + 331 })).toBe("attestation.ttl_passed");
    expect(await present(good, { key: flagged, args: "{}" })).toBe("attestation.redacted_not_allowed");
  });

  test("the other algorithms have no such form", async () => {
    for (const keys of [ES256, RS256])
      expect(await present(await signedWith("", "A", keys), { key: keys.verify })).toBe(
        "attestation.signature_mismatch",
      );
  });
});

describe.each(dialects)("time, dialect %s", (dialect) => {
  const times: [number, string][] = [
    [-31, "attestation.iat_in_future"],
    [-30, "accepted"],
    [0, "accepted"],
    [330, "accepted"],
    [331, "attestation.ttl_passed"],
  ];
  test.each(times)("%i s after iat: %s", async (offset, verdict) => {
    expect(await present(await signed(await draft(dialect)), { now: IAT + offset })).toBe(verdict);
  });

  test("a fraction in iat moves neither bound inwards", async () => {
    const envelope = await signed(
      edit(await draft(dialect), "issuerAsserted.iat", "2026-05-29T10:00:00.900Z"),
    );
    expect(await present(envelope, { now: IAT - 30 })).toBe("attestation.iat_in_future");
    expect(await present(envelope, { now: IAT - 29 })).toBe("accepted");
    expect(await present(envelope, { now: IAT + 330 })).toBe("accepted");
    expect(await present(envelope, { now: IAT + 331 })).toBe("attestation.ttl_passed");
  });

  test("expSeconds has a cap, which a tenant can only lower", async () => {
    const lasting = async (ttl: number) =>
      signed(edit(await draft(dialect), "issuerAsserted.expSeconds", ttl));
    expect(await present(await lasting(1))).toBe("accepted");
    expect(await present(await lasting(301))).toBe("attestation.ttl_over_cap");
    expect(await present(await lasting(61), { policy: { maxExpSeconds: 60 } })).toBe(
      "attestation.ttl_over_cap",
    );
    expect(await present(await lasting(60), { policy: { maxExpSeconds: 60 } })).toBe("accepted");
  });

  test("the signature is judged before the time", async () => {
    const forged = { ...(await signed(await draft(dialect))), signature: "0".repeat(64) };
    expect(await present(forged, { now: IAT + 5000 })).toBe("attestation.signature_mismatch");
  });
});

test("what is verified comes from the signed envelope", async () => {
  const raw = await signed(edit(await draft("A"), "issuerAsserted.iat", "2026-05-29T10:00:00.250Z"));
  const parsed = parseEnvelope(raw, canonical(raw), policyOf().numbers);
  if (!parsed.ok) throw new Error(parsed.error);
  const agent = agentNamed("archiver");
  const verified = await verifyAttestation(parsed.value, {
    keys: new Map([[attestationKeyId(ISS, "v1"), HS256.verify]]),
    agents: new Map([[attestationIdentity(ISS, SUB), agent]]),
    policy: policyOf(),
    now: IAT,
  });
  expect(verified).toMatchObject({
    ok: true,
    value: {
      agent,
      iss: ISS,
      nonce: "AAECAwQFBgcICQoLDA0ODw",
      iat: IAT + 0.25,
      dialect: "A",
      hasUnknownMembers: false,
    },
  });
  // The last second at which `now <= iat + expSeconds + 30` holds.
  expect(verified).toHaveProperty("value.lastAcceptable", IAT + 330);
});
