import { describe, expect, test } from "vitest";
import { toBase64url, utf8 } from "../../../src/encoding.ts";
import { parseEnvelope } from "../../../src/evidence/attestation/envelope.ts";
import type { JsonObject, JsonValue } from "../../../src/json/strict-json.ts";
import { MAX_ATTESTATION_BYTES, MAX_ATTESTATION_CALLS } from "../../../src/limits.ts";
import type { Reason } from "../../../src/reasons.ts";
import { policyOf } from "../../support/attestation-policy.ts";
import { commitB, draft, edit, FINGERPRINT, headerOf, judge, signed, TOOL, withCall } from "./attempts.ts";

const A = await draft("A");
const B = await draft("B");
const dialects: [string, JsonObject][] = [
  ["A", A],
  ["B", B],
];

describe.each(dialects)("carriers, dialect %s", (_, unsigned) => {
  test("header, _meta, or both", async () => {
    const envelope = await signed(unsigned);
    const [header, meta] = [headerOf(envelope), JSON.stringify(envelope, null, 2)];
    expect(await judge({})).toBe("absent");
    expect(await judge({ header })).toBe("accepted");
    expect(await judge({ meta })).toBe("accepted");
    expect(await judge({ header, meta })).toBe("accepted");
  });

  test("padding of the right length is tolerated", async () => {
    for (const nonce of ["n", "nn", "nnn"]) {
      const header = headerOf(await signed(edit(unsigned, "issuerAsserted.nonce", nonce)));
      const padded = header.padEnd(Math.ceil(header.length / 4) * 4, "=");
      expect(await judge({ header: padded })).toBe("accepted");
      expect(await judge({ header: `${padded}=` })).toBe("attestation.carrier_undecodable");
      expect(await judge({ header: `${padded}====` })).toBe("attestation.carrier_undecodable");
    }
  });

  test("a header that does not decode", async () => {
    const header = headerOf(await signed(unsigned));
    const broken = [
      "",
      "====",
      " ",
      `${header}, ${header}`,
      `${header} `,
      `+${header}`,
      toBase64url(new Uint8Array([0x7b, 0xff, 0x7d])),
    ];
    for (const value of broken)
      expect(await judge({ header: value })).toBe("attestation.carrier_undecodable");
  });

  test("a header that is not strict JSON", async () => {
    const text = JSON.stringify(await signed(unsigned));
    const faults = [
      `\ufeff${text}`,
      `${text}{}`,
      text.replace('"iss":', '"iss":"issuer://other","iss":'),
      text.replace('"iss":', '"\\u0069ss":"issuer://other","iss":'),
      text.replace('"expSeconds":300', '"expSeconds":9007199254740993'),
      text.replace('"expSeconds":300', '"expSeconds":-0'),
      text.replace('"intent":"', '"intent":"\\ud800'),
    ];
    for (const fault of faults) {
      expect(await judge({ header: toBase64url(utf8(fault)) })).toBe("attestation.not_strict_json");
    }
  });

  test("a header that is JSON, but not canonical", async () => {
    const envelope = await signed(unsigned);
    const text = JSON.stringify(Object.fromEntries(Object.entries(envelope).reverse()));
    const spaced = JSON.stringify(envelope, null, 1);
    const numbered = withFloatToken(headerOf(envelope));
    for (const header of [toBase64url(utf8(text)), toBase64url(utf8(spaced)), numbered]) {
      expect(await judge({ header })).toBe("attestation.carrier_not_canonical");
    }
  });

  test("a header that is not canonical, where the tenant takes it, has all its other checks", async () => {
    const policy = { unsafeNonCanonicalHeader: true };
    const envelope = await signed(unsigned);
    const spaced = JSON.stringify(Object.fromEntries(Object.entries(envelope).reverse()), null, 1);
    const show = (text: string) => judge({ header: toBase64url(utf8(text)), policy });
    expect(await show(spaced)).toBe("accepted");
    expect(await show(spaced.replace('"expSeconds": 300', '"expSeconds": 300.0'))).toBe("attestation.schema");
    expect(await show(`${spaced} {}`)).toBe("attestation.not_strict_json");
    expect(await show(`\ufeff${spaced}`)).toBe("attestation.not_strict_json");
    expect(await show(spaced.replace('"iss":', '"iss": "issuer://other", "iss":'))).toBe(
      "attestation.not_strict_json",
    );
    expect(await show(spaced.replace("archive obsolete", "exfiltrate"))).toBe(
      "attestation.signature_mismatch",
    );
  });

  test("carriers that differ, even if each is well signed", async () => {
    const envelope = await signed(unsigned);
    const other = await signed(edit(unsigned, "issuerAsserted.nonce", "another"));
    const [header, meta, otherMeta] = [headerOf(other), JSON.stringify(envelope), JSON.stringify(other)];
    const metaKeys = ["attestation", "com.example/attestation"];
    const second = { otherMeta: `"com.example/attestation": ${otherMeta}` };
    expect(await judge({ header, meta })).toBe("attestation.carrier_conflict");
    expect(await judge({ meta, ...second })).toBe("accepted");
    expect(await judge({ meta, ...second, policy: { metaKeys } })).toBe("attestation.carrier_conflict");
    expect(await judge({ meta: otherMeta, ...second, policy: { metaKeys } })).toBe("accepted");
    expect(await judge({ ...second, policy: { metaKeys } })).toBe("accepted");
  });

  test("a second spelling of a member of _meta that carries it", async () => {
    const [header, meta] = [headerOf(await signed(unsigned)), JSON.stringify(await signed(unsigned))];
    for (const name of [
      "Attestation",
      "ATTESTATION",
      "atte\u017ftation",
      "attestation\\u0000",
      "attestation\\u0000x",
    ])
      for (const carried of [{ header }, { meta }, {}])
        expect(await judge({ ...carried, otherMeta: `"${name}": ${meta}` })).toBe(
          "attestation.carrier_conflict",
        );
    const metaKeys = ["attestation", "Attestation"];
    expect(await judge({ meta, otherMeta: `"Attestation": ${meta}`, policy: { metaKeys } })).toBe("accepted");
    expect(await judge({ meta, otherMeta: `"attestations": ${meta}` })).toBe("accepted");
  });

  test("a malformed carrier beside a good one is not overlooked", async () => {
    const envelope = await signed(unsigned);
    expect(await judge({ header: "", meta: JSON.stringify(envelope) })).toBe(
      "attestation.carrier_undecodable",
    );
    expect(await judge({ header: headerOf(envelope), meta: "null" })).toBe("attestation.schema");
  });

  test("an envelope that is no object", async () => {
    for (const value of [null, [], "x", 1] as JsonValue[]) {
      expect(await judge({ header: headerOf(value) })).toBe("attestation.schema");
      expect(await judge({ meta: JSON.stringify(value) })).toBe("attestation.schema");
    }
  });

  test("size", async () => {
    const size = (envelope: JsonObject) => utf8(JSON.stringify(envelope)).length;
    const intent = (length: number) => signed(edit(unsigned, "plannerDeclared.intent", "x".repeat(length)));
    const room = MAX_ATTESTATION_BYTES - size(await intent(1)) + 1;
    const [fits, over] = [await intent(room), await intent(room + 1)];
    expect(size(fits)).toBe(MAX_ATTESTATION_BYTES);
    expect(await judge({ header: headerOf(fits), meta: JSON.stringify(fits) })).toBe("accepted");
    expect(await judge({ header: headerOf(over) })).toBe("attestation.too_large");
    expect(await judge({ meta: JSON.stringify(over) })).toBe("attestation.too_large");
    expect(await judge({ header: "A".repeat(2 * MAX_ATTESTATION_BYTES) })).toBe("attestation.too_large");
  });
});

/** The header with `300` written as `300.0`. */
function withFloatToken(header: string): string {
  const binary = atob(header.replaceAll("-", "+").replaceAll("_", "/"));
  return toBase64url(utf8(binary.replace('"expSeconds":300', '"expSeconds":300.0')));
}

const longText = "x".repeat(2049);

/** Path, value, reason. Every one of these is validly signed. */
const refusedInBoth: [string, JsonValue | undefined, Reason][] = [
  ["issuerAsserted", undefined, "attestation.schema"],
  ["issuerAsserted", [], "attestation.schema"],
  ["issuerAsserted.alg", undefined, "attestation.schema"],
  ["issuerAsserted.alg", 1, "attestation.schema"],
  ["issuerAsserted.iss", undefined, "attestation.schema"],
  ["issuerAsserted.iss", "", "attestation.schema"],
  ["issuerAsserted.iss", longText, "attestation.schema"],
  ["issuerAsserted.sub", null, "attestation.schema"],
  ["issuerAsserted.secretVersion", 1, "attestation.schema"],
  ["issuerAsserted.nonce", undefined, "attestation.schema"],
  ["issuerAsserted.nonce", "", "attestation.schema"],
  ["issuerAsserted.nonce", "n".repeat(129), "attestation.schema"],
  ["issuerAsserted.expSeconds", undefined, "attestation.schema"],
  ["issuerAsserted.expSeconds", 0, "attestation.schema"],
  ["issuerAsserted.expSeconds", -1, "attestation.schema"],
  ["issuerAsserted.expSeconds", 1.5, "attestation.schema"],
  ["issuerAsserted.expSeconds", 1e21, "attestation.schema"],
  ["issuerAsserted.expSeconds", "300", "attestation.schema"],
  ["issuerAsserted.expSeconds", null, "attestation.schema"],
  ["issuerAsserted.iat", 1780048800, "attestation.schema"],
  ["issuerAsserted.iat", "2026-05-29", "attestation.schema"],
  ["issuerAsserted.iat", "May 29, 2026", "attestation.schema"],
  ["issuerAsserted.iat", "2026-05-29T10:00:00", "attestation.schema"],
  ["issuerAsserted.iat", "2026-05-29T10:00Z", "attestation.schema"],
  ["issuerAsserted.iat", "2026-05-29t10:00:00z", "attestation.schema"],
  ["issuerAsserted.iat", "2026-05-29T10:00:00+00:00", "attestation.schema"],
  ["issuerAsserted.iat", "2026-05-29T10:00:00.0000Z", "attestation.schema"],
  ["issuerAsserted.iat", "2026-05-29T10:00:00.Z", "attestation.schema"],
  ["issuerAsserted.iat", "2026-05-29T10:00:00Z\n", "attestation.schema"],
  ["issuerAsserted.iat", "2026-02-30T10:00:00Z", "attestation.schema"],
  ["issuerAsserted.iat", "2026-13-01T10:00:00Z", "attestation.schema"],
  ["issuerAsserted.iat", "2026-05-28T24:00:00Z", "attestation.schema"],
  ["issuerAsserted.iat", "2026-05-29T10:00:60Z", "attestation.schema"],
  ["issuerAsserted.iat", "+002026-05-29T10:00:00Z", "attestation.schema"],
  ["plannerDeclared", undefined, "attestation.schema"],
  ["plannerDeclared.intent", undefined, "attestation.schema"],
  ["plannerDeclared.intent", "", "attestation.schema"],
  ["plannerDeclared.requestedCapability", 1, "attestation.schema"],
  ["plannerDeclared.plannerRef", null, "attestation.schema"],
  ["plannerDeclared.turnId", "turn-7", "attestation.dialect_unknown"],
  ["plannerDeclared.toolCallId", "call-7", "attestation.dialect_unknown"],
  ["plannerDeclared.agentLineage", [], "attestation.dialect_unknown"],
  ["payloadDerived", null, "attestation.schema"],
  ["payloadDerived.toolCalls", undefined, "attestation.schema"],
  ["payloadDerived.toolCalls", {}, "attestation.schema"],
  ["payloadDerived.toolCalls", [], "attestation.schema"],
  ["payloadDerived.toolCalls.0", null, "attestation.schema"],
  ["payloadDerived.toolCalls.0.name", undefined, "attestation.schema"],
  ["payloadDerived.toolCalls.0.name", "t".repeat(129), "attestation.schema"],
  ["payloadDerived.toolCalls.0.serverFingerprint", undefined, "attestation.schema"],
  ["payloadDerived.toolCalls.0.serverFingerprint", longText, "attestation.schema"],
  ["payloadDerived.toolCalls.0.args_ref", {}, "attestation.dialect_unknown"],
  ["payloadDerived.toolCalls.0.args_projection", "{}", "attestation.dialect_unknown"],
];

describe.each(dialects)("shape, dialect %s", (_, unsigned) => {
  test.each(refusedInBoth)("%s = %j: %s", async (path, value, reason) => {
    const envelope = await signed(edit(unsigned, path, value));
    expect(await judge({ header: headerOf(envelope) })).toBe(reason);
    expect(await judge({ meta: JSON.stringify(envelope) })).toBe(reason);
  });

  test.each(["300.0", "3e2", "3E+2", "30e1"])("expSeconds is an integer token, not %s", async (token) => {
    const envelope = await signed(unsigned);
    const meta = JSON.stringify(envelope).replace('"expSeconds":300', `"expSeconds":${token}`);
    expect(await judge({ meta })).toBe("attestation.schema");
    expect(await judge({ meta, header: headerOf(envelope) })).toBe("attestation.schema");
  });

  test("a signature that is no string", async () => {
    for (const signature of [undefined, null, 1]) {
      const meta = JSON.stringify({ ...unsigned, signature });
      expect(await judge({ meta })).toBe("attestation.schema");
    }
  });

  test("too many planned calls", async () => {
    const call = { name: TOOL, serverFingerprint: "mcp://elsewhere.example", ...(await commitFor(unsigned)) };
    const plan = (length: number) => edit(unsigned, "payloadDerived.toolCalls", Array(length).fill(call));
    const [most, over] = [
      await signed(plan(MAX_ATTESTATION_CALLS)),
      await signed(plan(MAX_ATTESTATION_CALLS + 1)),
    ];
    expect(await judge({ meta: JSON.stringify(most) })).toBe("attestation.fingerprint_not_found");
    expect(await judge({ meta: JSON.stringify(over) })).toBe("attestation.too_large");
  });

  test("a time with a fraction of a second is read", async () => {
    for (const iat of ["2026-05-29T10:00:00.5Z", "2026-05-29T10:00:00.123Z", "2024-02-29T23:59:59Z"]) {
      const envelope = await signed(edit(unsigned, "issuerAsserted.iat", iat));
      expect(await judge({ meta: JSON.stringify(envelope), now: Date.parse(iat) / 1000 })).toBe("accepted");
    }
  });

  test("unknown members are signed data, whatever their name", async () => {
    const unknown = JSON.parse('{"__proto__":{"alg":"none"},"toJSON":"x","constructor":1}');
    const paths = ["issuerAsserted.kid", "plannerDeclared.note", "payloadDerived.note"];
    for (const path of paths) {
      const envelope = await signed(edit(unsigned, path, unknown));
      expect(await judge({ header: headerOf(envelope), meta: JSON.stringify(envelope) })).toBe("accepted");
      const tampered = edit(envelope, path, "changed");
      expect(await judge({ meta: JSON.stringify(tampered) })).toBe("attestation.signature_mismatch");
    }
  });
});

describe("dialects", () => {
  const call = { name: TOOL, serverFingerprint: FINGERPRINT };
  const refused: [string, JsonObject, Reason][] = [
    ["A with a version", edit(A, "version", 1), "attestation.dialect_unknown"],
    ["A with an outer alg", edit(A, "alg", "HS256"), "attestation.dialect_unknown"],
    ["A with both", { ...A, version: 1, alg: "HS256" }, "attestation.dialect_unknown"],
    ["A with args", withCall(A, { argsProjection: "{}", args: {} }), "attestation.dialect_unknown"],
    ["A with args of an early revision", withCall(A, { args: "{}" }), "attestation.dialect_unknown"],
    ["B without version", edit(B, "version", undefined), "attestation.dialect_unknown"],
    ["B without outer alg", edit(B, "alg", undefined), "attestation.dialect_unknown"],
    ["B, version 2", edit(B, "version", 2), "attestation.dialect_unknown"],
    ["B, version as a string", edit(B, "version", "1"), "attestation.dialect_unknown"],
    ["B, outer alg not a string", edit(B, "alg", null), "attestation.schema"],
    ["B, unknown top-level member", edit(B, "kid", "v1"), "attestation.dialect_unknown"],
    [
      "B with argsProjection",
      edit(B, "payloadDerived.toolCalls.0.argsProjection", "{}"),
      "attestation.dialect_unknown",
    ],
    ["B with argsRef", edit(B, "payloadDerived.toolCalls.0.argsRef", {}), "attestation.dialect_unknown"],
    ["B, args not an object", withCall(B, { args: "{}" }), "attestation.dialect_unknown"],
    [
      "flat form of an early revision",
      { iss: "i", sub: "s", exp: 1, toolCalls: [{ ...call, args: "{}" }] },
      "attestation.schema",
    ],
  ];
  test.each(refused)("%s", async (_, envelope, reason) => {
    expect(await judge({ meta: JSON.stringify(await signed(envelope)) })).toBe(reason);
  });

  test("unknown top-level members are signed data in A", async () => {
    const envelope = await signed(edit(A, "kid", "v1"));
    expect(await judge({ header: headerOf(envelope) })).toBe("accepted");
    expect(await judge({ header: headerOf(edit(envelope, "kid", "v2")) })).toBe(
      "attestation.signature_mismatch",
    );
  });
});

describe("commitments", () => {
  const sha = `sha256:${"a".repeat(64)}`;
  const refused: [string, JsonObject, JsonObject, Reason][] = [
    ["A, none", A, {}, "attestation.args_missing"],
    ["A, projection not a string", A, { argsProjection: {} }, "attestation.schema"],
    [
      "A, projection null beside a reference",
      A,
      { argsProjection: null, argsRef: { uri: "u", digest: "d" } },
      "attestation.schema",
    ],
    ["A, reference a string", A, { argsRef: "https://blobs.example/1" }, "attestation.schema"],
    ["A, reference without uri", A, { argsRef: { digest: "A".repeat(43) } }, "attestation.schema"],
    ["A, reference to nothing", A, { argsRef: { uri: "", digest: "A".repeat(43) } }, "attestation.schema"],
    ["A, reference by a hex digest", A, { argsRef: { uri: "u", digest: sha } }, "attestation.schema"],
    ["A, reference by a short digest", A, { argsRef: { uri: "u", digest: "AAAA" } }, "attestation.schema"],
    ["A, reference without digest", A, { argsRef: { uri: "https://blobs.example/1" } }, "attestation.schema"],
    ["B, none", B, {}, "attestation.args_missing"],
    ["B, empty args", B, { args: {} }, "attestation.args_missing"],
    ["B, args with neither form", B, { args: { unknownField: "value" } }, "attestation.args_missing"],
    [
      "B, both forms",
      B,
      { args: { ref: "cid://x", digest: sha, projection: "{}", projectionDigest: sha } },
      "attestation.schema",
    ],
    ["B, projection without digest", B, { args: { projection: "{}" } }, "attestation.schema"],
    [
      "B, projection not a string",
      B,
      { args: { projection: {}, projectionDigest: sha } },
      "attestation.schema",
    ],
    [
      "B, digest in upper case",
      B,
      { args: { projection: "{}", projectionDigest: sha.toUpperCase() } },
      "attestation.schema",
    ],
    [
      "B, digest without prefix",
      B,
      { args: { projection: "{}", projectionDigest: "a".repeat(64) } },
      "attestation.schema",
    ],
    ["B, reference without digest", B, { args: { ref: "cid://x" } }, "attestation.schema"],
    [
      "B, reference of another canonicalisation",
      B,
      { args: { ref: "cid://x", digest: sha, canonicalization: "c14n" } },
      "attestation.schema",
    ],
  ];
  test.each(refused)("%s", async (_, unsigned, members, reason) => {
    expect(await judge({ meta: JSON.stringify(await signed(withCall(unsigned, members))) })).toBe(reason);
  });
});

describe("numbers in the envelope", () => {
  test.each([
    ["15", "integer"],
    ["1.5", "canonical"],
    ["1.50", "any"],
    ["1.0", "any"],
    ["1e0", "any"],
  ] as const)("%s is taken by %s, and by what asks for less", async (token, strictest) => {
    const policies = ["any", "canonical", "integer"] as const;
    const note = async (unsigned: JsonObject) => {
      const envelope = await signed(edit(unsigned, "plannerDeclared.note", Number(token)));
      return JSON.stringify(envelope).replace(/"note":[^,}]+/, `"note":${token}`);
    };
    for (const policy of policies) {
      const taken = policies.indexOf(policy) <= policies.indexOf(strictest);
      const expected = taken ? "accepted" : "attestation.envelope_number";
      expect(await judge({ meta: await note(A), policy: { numbersA: policy } })).toBe(expected);
      expect(await judge({ meta: await note(B), policy: { unsafeNumbersB: policy } })).toBe(expected);
    }
    expect(await judge({ meta: await note(A) })).toBe("accepted");
    expect(await judge({ meta: await note(B) })).toBe(
      strictest === "integer" ? "accepted" : "attestation.envelope_number",
    );
  });
});

describe("unknown members are noticed", () => {
  const known = async (envelope: JsonObject) => {
    const parsed = parseEnvelope(envelope, JSON.stringify(envelope), policyOf().numbers);
    return parsed.ok ? !parsed.value.hasUnknownMembers : parsed.error;
  };
  const digest = toBase64url(new Uint8Array(32));

  test("there are none", async () => {
    const planner = { intent: "i", requestedCapability: "c", plannerRef: "r" };
    for (const unsigned of [A, B])
      expect(await known(await signed({ ...unsigned, plannerDeclared: planner }))).toBe(true);
    const both = { argsRef: { uri: "u", digest }, argsProjection: "{}" };
    expect(await known(await signed(withCall(A, both)))).toBe(true);
    const reference = { ref: "u", digest: `sha256:${"a".repeat(64)}`, canonicalization: "jcs" };
    expect(await known(await signed(withCall(B, { args: reference })))).toBe(true);
  });

  test.each([
    "issuerAsserted.kid",
    "plannerDeclared.note",
    "payloadDerived.note",
    "payloadDerived.toolCalls.0.note",
  ])("%s", async (path) => {
    for (const unsigned of [A, B]) expect(await known(await signed(edit(unsigned, path, 1)))).toBe(false);
  });

  test("in A at top level and in argsRef, in B in args", async () => {
    expect(await known(await signed({ ...A, kid: "v1" }))).toBe(false);
    expect(await known(await signed(withCall(A, { argsRef: { uri: "u", digest, note: 1 } })))).toBe(false);
    expect(await known(await signed(edit(B, "payloadDerived.toolCalls.0.args.note", 1)))).toBe(false);
  });
});

async function commitFor(unsigned: JsonObject): Promise<JsonObject> {
  return Object.hasOwn(unsigned, "version") ? commitB("{}") : { argsProjection: "{}" };
}
