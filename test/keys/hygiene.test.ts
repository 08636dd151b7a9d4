import { beforeAll, describe, expect, test } from "vitest";
import { toBase64url, utf8 } from "../../src/encoding.ts";
import { importNamedSecret, importSharedSecret, importVerificationKey } from "../../src/keys/hygiene.ts";
import type { KeyAlgorithm } from "../../src/keys/key.ts";
import { MAX_IDENTIFIER_LENGTH } from "../../src/limits.ts";

type Jwk = Record<string, unknown>;

const ALL: KeyAlgorithm[] = ["ES256", "EdDSA", "RS256"];

/** RFC 8037 appendix A.2, with the thumbprint of appendix A.3. */
const ED25519 = { kty: "OKP", crv: "Ed25519", x: "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" };
const ED25519_THUMBPRINT = "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k";

/** RFC 7517 appendix A.1. */
const P256 = {
  kty: "EC",
  crv: "P-256",
  x: "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
  y: "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM",
};

const octets = (length: number, first: number, rest = 0xff): string =>
  toBase64url(new Uint8Array(length).fill(rest).fill(first, 0, 1));

/** The generator of P-384 (FIPS 186, SP 800-186 section 3.2.1.4). */
const P384 = {
  kty: "EC",
  crv: "P-384",
  x: "qofKIr6LBTeOscce8yCtdG4dO2KLp5uYWfdB4IJUKjhVAvJdv1UpbDpUXjhydgq3",
  y: "NhfeSpYmLG9dnpi_kpLcKfj0Hb0omhR86doxE7XwuMAKYLHOHX6BnXpDHXyQ6g5f",
};

/** Any odd number imports as a modulus. */
const RSA = { kty: "RSA", n: octets(256, 0xff), e: "AQAB" };

const fromHex = (hex: string): Uint8Array =>
  new Uint8Array((hex.match(/../g) ?? []).map((octet) => Number.parseInt(octet, 16)));

const refusal = async (jwk: unknown, allowed = ALL): Promise<string> => {
  const result = await importVerificationKey(jwk, allowed);
  return result.ok ? "accepted" : result.error;
};

describe("Ed25519 keys that anybody can sign for", () => {
  const encodings = [
    ["y = 0", "00".repeat(32)],
    ["the identity", `01${"00".repeat(31)}`],
    ["order 8", "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"],
    ["order 8, the other", "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"],
    ["y = -1", `ec${"ff".repeat(30)}7f`],
    ["y = p", `ed${"ff".repeat(30)}7f`],
    ["y = p + 1", `ee${"ff".repeat(30)}7f`],
  ].flatMap(([name = "", hex = ""]) => {
    const clear = fromHex(hex);
    const set = clear.with(31, (clear[31] ?? 0) | 0x80);
    return [
      [name, clear],
      [`${name}, top bit set`, set],
    ] as const;
  });

  test.each(encodings)("%s", async (_, bytes) => {
    expect(await refusal({ ...ED25519, x: toBase64url(bytes) })).toMatch(
      /small order|not the canonical encoding/,
    );
  });

  test("there are 14 of them", () => {
    expect(new Set(encodings.map(([, bytes]) => toBase64url(bytes))).size).toBe(14);
  });

  test.each([0xef, 0xff])("y beyond p is a second spelling (%d)", async (first) => {
    const x = fromHex(`${first.toString(16)}${"ff".repeat(30)}7f`);
    expect(await refusal({ ...ED25519, x: toBase64url(x) })).toMatch(/not the canonical encoding/);
  });
});

describe("refused", () => {
  test.each<[string, unknown, RegExp]>([
    ["null", null, /JSON object/],
    ["an array", [ED25519], /JSON object/],
    ["a string", JSON.stringify(ED25519), /JSON object/],
    ["no kty", { crv: "Ed25519", x: ED25519.x }, /kty/],
    ["a symmetric key", { kty: "oct", k: octets(32, 1) }, /private member k/],
    ["a post-quantum key", { kty: "AKP", alg: "ML-DSA-44", pub: "AA" }, /kty/],

    ["P-256 labelled P-384", { ...P256, crv: "P-384" }, /48 octets/],
    ["P-256 labelled P-521", { ...P256, crv: "P-521" }, /crv/],
    ["P-256 without crv", { kty: "EC", x: P256.x, y: P256.y }, /crv/],
    ["crv in lower case", { ...P256, crv: "p-256" }, /crv/],
    ["Ed25519 labelled EC", { ...ED25519, kty: "EC" }, /crv/],
    ["Ed25519 labelled X25519", { ...ED25519, crv: "X25519" }, /crv/],
    ["P-256 labelled OKP", { ...P256, kty: "OKP" }, /crv/],

    ["P-256 for EdDSA", { ...P256, alg: "EdDSA" }, /alg of this key must be ES256/],
    ["Ed25519 for ES256", { ...ED25519, alg: "ES256" }, /alg of this key must be EdDSA/],
    ["Ed25519 as ed25519", { ...ED25519, alg: "ed25519" }, /alg of this key must be EdDSA/],
    ["RSA for PS256", { ...RSA, alg: "PS256" }, /alg of an RSA key must be PS512 or RS256/],
    ["RSA for HS256", { ...RSA, alg: "HS256" }, /alg of an RSA key must be PS512 or RS256/],
    ["RSA for PS512, which is not allowed", { ...RSA, alg: "PS512" }, /for PS512; accepted here/],
    ["alg null", { ...RSA, alg: null }, /alg of an RSA key/],
    ["P-384 for ES256", { ...P384, alg: "ES256" }, /alg of this key must be ES384/],
    ["P-384 labelled P-256", { ...P384, crv: "P-256" }, /32 octets/],
    ["P-384 that is not allowed", P384, /for ES384; accepted here/],
    ["a point off P-384", { ...P384, y: P384.x, alg: "ES384" }, /accepted here|not a point of P-384/],
    ["use enc", { ...P256, use: "enc" }, /^use must/],
    ["key_ops sign", { ...P256, key_ops: ["sign"] }, /^key_ops/],
    ["key_ops empty", { ...P256, key_ops: [] }, /^key_ops/],
    ["key_ops text", { ...P256, key_ops: "verify" }, /^key_ops/],

    ["x missing", { kty: "EC", crv: "P-256", y: P256.y }, /32 octets/],
    ["x of another type", { ...ED25519, x: 1 }, /32 octets/],
    ["x padded", { ...ED25519, x: `${ED25519.x}=` }, /32 octets/],
    ["y padded", { ...P256, y: `${P256.y}=` }, /32 octets/],
    ["x in the standard alphabet", { ...ED25519, x: ED25519.x.replace("_", "/") }, /32 octets/],
    ["x with white space", { ...ED25519, x: ` ${ED25519.x}` }, /32 octets/],
    ["x with an unused bit set", { ...ED25519, x: ED25519.x.replace(/o$/, "p") }, /32 octets/],
    ["x of 31 octets", { ...ED25519, x: octets(31, 2, 2) }, /32 octets/],
    ["x with a leading zero octet", { ...P256, x: octets(33, 0, 1) }, /32 octets/],
    ["a point off the curve", { ...P256, y: P256.x }, /not a point of P-256/],
    ["the point (0, 0)", { ...P256, x: octets(32, 0, 0), y: octets(32, 0, 0) }, /not a point of P-256/],

    ["RSA 1024", { ...RSA, n: octets(128, 0xff) }, /has 1024 bits; 2048 is the least/],
    ["RSA 2047", { ...RSA, n: octets(256, 0x7f) }, /has 2047 bits/],
    ["RSA 8193", { ...RSA, n: octets(1025, 1) }, /has 8193 bits; 8192 is the most/],
    ["n with a leading zero octet", { ...RSA, n: octets(257, 0) }, /leading zero/],
    ["n padded", { ...RSA, n: `${RSA.n}==` }, /canonical/],
    ["n missing", { kty: "RSA", e: "AQAB" }, /canonical/],
    ["n empty", { ...RSA, n: "" }, /canonical/],
    ["n even", { ...RSA, n: octets(256, 0xff, 0xfe) }, /even/],
    ["e = 1", { ...RSA, e: "AQ" }, /exponent/],
    ["e = 1 with a leading zero octet", { ...RSA, e: "AAE" }, /leading zero/],
    ["e = 0", { ...RSA, e: "AA" }, /leading zero/],
    ["e = 2", { ...RSA, e: "Ag" }, /exponent/],
    ["e = 65536", { ...RSA, e: "AQAA" }, /exponent/],
    ["e = 2^32 + 1", { ...RSA, e: "AQAAAAE" }, /exponent/],
    ["e missing", { kty: "RSA", n: RSA.n }, /canonical/],

    ["kid empty", { ...ED25519, kid: "" }, /^kid/],
    ["kid a number", { ...ED25519, kid: 7 }, /^kid/],
    ["kid null", { ...ED25519, kid: null }, /^kid/],
    ["kid not ASCII", { ...ED25519, kid: "clé" }, /^kid/],
    ["kid with a line feed", { ...ED25519, kid: "a\n" }, /^kid/],
    ["kid too long", { ...ED25519, kid: "k".repeat(MAX_IDENTIFIER_LENGTH + 1) }, /^kid/],
  ])("%s", async (_, jwk, message) => {
    expect(await refusal(jwk)).toMatch(message);
  });

  test.each(["d", "p", "q", "dp", "dq", "qi", "oth", "k"])("the private member %s", async (name) => {
    for (const jwk of [ED25519, P256, RSA]) {
      expect(await refusal({ ...jwk, [name]: "AQ" })).toContain(`private member ${name};`);
      expect(await refusal({ ...jwk, [name]: null })).toContain(`private member ${name};`);
    }
  });

  test.each<[Jwk, KeyAlgorithm[]]>([
    [P256, ["EdDSA", "RS256"]],
    [ED25519, ["ES256"]],
    [RSA, ["ES256", "EdDSA"]],
    [ED25519, []],
  ])("an algorithm that is not allowed here", async (jwk, allowed) => {
    expect(await refusal(jwk, allowed)).toMatch(/accepted here/);
  });
});

describe("accepted", () => {
  test.each<[string, Jwk, KeyAlgorithm]>([
    ["Ed25519", ED25519, "EdDSA"],
    ["Ed25519 for EdDSA", { ...ED25519, alg: "EdDSA" }, "EdDSA"],
    ["Ed25519 for Ed25519", { ...ED25519, alg: "Ed25519" }, "EdDSA"],
    ["P-256", { ...P256, alg: "ES256", use: "sig", key_ops: ["verify"] }, "ES256"],
    ["RSA", { ...RSA, alg: "RS256" }, "RS256"],
    ["RSA 8192, exponent 3", { ...RSA, n: octets(1024, 0xff), e: "Aw" }, "RS256"],
    ["members we do not know, or undefined", { ...P256, x5t: "AA", ext: true, d: undefined }, "ES256"],
  ])("%s", async (_, jwk, alg) => {
    const result = await importVerificationKey(jwk, [alg]);
    expect(result).toMatchObject({ ok: true, value: { alg } });
    if (!result.ok) return;
    expect(result.value.key).toMatchObject({ type: "public", extractable: false, usages: ["verify"] });
  });

  test("no kid that a token could not name", async () => {
    expect((await importVerificationKey({ ...ED25519, kid: "key 1" }, ALL)).ok).toBe(false);
  });

  test("kid is as registered, else the thumbprint", async () => {
    const thumbprint = ED25519_THUMBPRINT;
    const named = await importVerificationKey({ ...ED25519, kid: "key-1" }, ALL);
    const unnamed = await importVerificationKey(ED25519, ALL);
    expect(named).toMatchObject({ ok: true, value: { kid: "key-1", thumbprint } });
    expect(unnamed).toMatchObject({ ok: true, value: { kid: thumbprint, thumbprint } });
  });
});

describe("fresh keys verify what they signed", () => {
  const generators: [KeyAlgorithm, SubtleCryptoGenerateKeyAlgorithm, { name: string; hash?: string }][] = [
    ["ES256", { name: "ECDSA", namedCurve: "P-256" }, { name: "ECDSA", hash: "SHA-256" }],
    ["EdDSA", { name: "Ed25519" }, { name: "Ed25519" }],
    [
      "RS256",
      {
        name: "RSASSA-PKCS1-v1_5",
        hash: "SHA-256",
        modulusLength: 2048,
        publicExponent: new Uint8Array([1, 0, 1]),
      },
      { name: "RSASSA-PKCS1-v1_5" },
    ],
  ];

  test.each(generators)("%s", async (alg, generate, use) => {
    const pair = (await crypto.subtle.generateKey(generate, true, ["sign", "verify"])) as CryptoKeyPair;
    const imported = await importVerificationKey(await crypto.subtle.exportKey("jwk", pair.publicKey), [alg]);
    if (!imported.ok) throw new Error(imported.error);
    const signature = await crypto.subtle.sign(use, pair.privateKey, utf8("message"));
    expect(await crypto.subtle.verify(use, imported.value.key, signature, utf8("message"))).toBe(true);
    expect(await crypto.subtle.verify(use, imported.value.key, signature, utf8("massage"))).toBe(false);
  });
});

describe("shared secrets", () => {
  let signature: ArrayBuffer;
  const secret = new Uint8Array(32).fill(0x42);

  beforeAll(async () => {
    const algorithm = { name: "HMAC", hash: "SHA-256" };
    const key = await crypto.subtle.importKey("raw", secret, algorithm, false, ["sign"]);
    signature = await crypto.subtle.sign("HMAC", key, utf8("message"));
  });

  test.each([
    ["too short", octets(31, 0x42), /has 31 bytes; 32 is the least/],
    ["empty", "", /has 0 bytes/],
    ["padded", `${octets(32, 0x42)}=`, /base64url/],
    ["standard alphabet", octets(32, 0xff).replaceAll("_", "/"), /base64url/],
    ["unused bits set", `${octets(32, 0x42, 0x42).slice(0, -1)}J`, /base64url/],
    ["not base64url", "correct horse battery staple, and again", /base64url/],
  ])("%s is refused", async (_, text, message) => {
    const result = await importSharedSecret(text);
    expect(result.ok ? "accepted" : result.error).toMatch(message);
  });

  test("32 bytes verify", async () => {
    const result = await importSharedSecret(toBase64url(secret));
    if (!result.ok) throw new Error(result.error);
    expect(result.value).toMatchObject({ alg: "HS256", key: { extractable: false, usages: ["verify"] } });
    expect(await crypto.subtle.verify("HMAC", result.value.key, signature, utf8("message"))).toBe(true);
  });
});

describe("algorithms of one kind of key", () => {
  test("P-384 is for ES384", async () => {
    const result = await importVerificationKey(P384, ["ES256", "ES384"]);
    expect(result).toMatchObject({ ok: true, value: { alg: "ES384" } });
    expect(await refusal({ ...P384, y: P384.x }, ["ES384"])).toBe("x and y are not a point of P-384.");
    expect(await refusal({ ...P384, x: octets(49, 0, 1) }, ["ES384"])).toMatch(/48 octets/);
  });

  test.each<[string, Record<string, unknown>, KeyAlgorithm[], KeyAlgorithm | null]>([
    ["alg chooses", { ...RSA, alg: "PS512" }, ["PS512", "RS256"], "PS512"],
    ["alg chooses the other", { ...RSA, alg: "RS256" }, ["PS512", "RS256"], "RS256"],
    ["without alg, what alone is allowed", RSA, ["ES256", "PS512"], "PS512"],
    ["without alg, what alone is allowed: the other", RSA, ["RS256"], "RS256"],
    ["without alg, two are allowed", RSA, ["PS512", "RS256"], null],
    ["without alg, none is allowed", RSA, ["ES256"], null],
  ])("RSA: %s", async (_, jwk, allowed, expected) => {
    const result = await importVerificationKey(jwk, allowed);
    expect(result.ok ? result.value.alg : null).toBe(expected);
  });

  test("an RSA key is imported for its algorithm alone", async () => {
    const of = async (alg: KeyAlgorithm) => {
      const result = await importVerificationKey({ ...RSA, alg }, [alg]);
      return result.ok ? result.value.key.algorithm : null;
    };
    expect(await of("PS512")).toMatchObject({ name: "RSA-PSS", hash: { name: "SHA-512" } });
    expect(await of("RS256")).toMatchObject({ name: "RSASSA-PKCS1-v1_5", hash: { name: "SHA-256" } });
  });
});

describe("a shared secret in the place of a key", () => {
  const SECRET = { kty: "oct", k: octets(32, 1), kid: "shared" };
  test.each<[string, Jwk, RegExp]>([
    ["another kty", { ...SECRET, kty: "OKP" }, /kty oct/],
    ["no k", { kty: "oct", kid: "shared" }, /kty oct/],
    ["no kid: a thumbprint would show something of it", { kty: "oct", k: SECRET.k }, /^kid/],
    ["another alg", { ...SECRET, alg: "HS512" }, /HS256/],
    ["use enc", { ...SECRET, use: "enc" }, /^use/],
    ["key_ops sign", { ...SECRET, key_ops: ["sign"] }, /^key_ops/],
    ["too short", { ...SECRET, k: octets(31, 1) }, /31 bytes/],
    ["padded", { ...SECRET, k: `${SECRET.k}=` }, /canonical/],
  ])("%s", async (_, jwk, problem) => {
    const result = await importNamedSecret(jwk);
    expect(result.ok ? "accepted" : result.error).toMatch(problem);
  });

  test("two secrets that make the same MACs have one thumbprint, others do not", async () => {
    const thumbprintOf = async (k: string) => {
      const result = await importNamedSecret({ ...SECRET, k });
      return result.ok ? result.value.thumbprint : result.error;
    };
    // HMAC pads a short secret with zero octets (RFC 2104 section 2).
    const padded = toBase64url(new Uint8Array(33).fill(0xff, 1, 32).fill(1, 0, 1));
    expect(await thumbprintOf(padded)).toBe(await thumbprintOf(SECRET.k));
    expect(await thumbprintOf(octets(32, 2))).not.toBe(await thumbprintOf(SECRET.k));
  });
});
