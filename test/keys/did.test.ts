import { exportJWK, generateKeyPair } from "jose";
import { describe, expect, test } from "vitest";
import { didDocumentKeys, didKeyJwk, didProblem, didWebUrl } from "../../src/keys/did.ts";
import { importVerificationKey } from "../../src/keys/hygiene.ts";
import { multikeyJwk } from "../../src/keys/multikey.ts";
import { base58, multikey } from "../support/multikey.ts";

const publicJwk = async (alg: "ES256" | "EdDSA") =>
  exportJWK((await generateKeyPair(alg, { extractable: true })).publicKey);

describe("multikeys", () => {
  test.each(["ES256", "EdDSA"] as const)("are what they were made of: %s", async (alg) => {
    // Twenty, so that both signs of y and leading zeros have their turn.
    for (let i = 0; i < 20; i++) {
      const jwk = await publicJwk(alg);
      expect(multikeyJwk(multikey(jwk))).toEqual(jwk);
    }
  });

  test("the examples of the did:key method", () => {
    expect(didKeyJwk("did:key:zDnaerDaTF5BXEavCrfRZEk316dpbLsfPDZ3WJ5hRTPFU2169")).toEqual({
      kty: "EC",
      crv: "P-256",
      x: "fyNYMN0976ci7xqiSdag3buk-ZCwgXU4kz9XNkBlNUI",
      y: "hW2ojTNfH7Jbi8--CJUo3OCbH3y5n91g-IMA9MLMbTU",
      kid: "did:key:zDnaerDaTF5BXEavCrfRZEk316dpbLsfPDZ3WJ5hRTPFU2169#zDnaerDaTF5BXEavCrfRZEk316dpbLsfPDZ3WJ5hRTPFU2169",
    });
    expect(didKeyJwk("did:key:z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK")).toMatchObject({
      crv: "Ed25519",
      kid: "did:key:z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK#z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK",
    });
  });

  const ed = Uint8Array.of(0xed, 0x01, ...new Uint8Array(32).fill(7));
  test.each<[string, string]>([
    ["another base", `m${btoa(String.fromCharCode(...ed))}`],
    ["no base", base58(ed)],
    ["a character outside the alphabet", `z${base58(ed).replace(/.$/, "0")}`],
    ["a leading zero octet", `z1${base58(ed)}`],
    ["nothing", "z"],
    ["an Ed25519 key that is too short", `z${base58(ed.subarray(0, 33))}`],
    ["one that is too long", `z${base58(Uint8Array.of(...ed, 1))}`],
    ["X25519", `z${base58(Uint8Array.of(0xec, 0x01, ...new Uint8Array(32).fill(7)))}`],
    ["secp256k1", `z${base58(Uint8Array.of(0xe7, 0x01, 2, ...new Uint8Array(32).fill(7)))}`],
    ["an uncompressed point", `z${base58(Uint8Array.of(0x80, 0x24, 4, ...new Uint8Array(32).fill(7)))}`],
    ["no point: x has none", `z${base58(Uint8Array.of(0x80, 0x24, 2, ...new Uint8Array(31), 1))}`],
    [
      "no point: x beyond the field",
      `z${base58(Uint8Array.of(0x80, 0x24, 2, ...new Uint8Array(32).fill(255)))}`,
    ],
    ["megabytes", `z${"2".repeat(1_000_000)}`],
  ])("refused: %s", (_name, text) => {
    expect(multikeyJwk(text)).toBeNull();
  });

  test("what anybody can sign for is left to the checks of all keys", async () => {
    const identity = didKeyJwk(`did:key:z${base58(Uint8Array.of(0xed, 0x01, 1, ...new Uint8Array(31)))}`);
    expect(identity).not.toBeNull();
    expect(await importVerificationKey(identity, ["EdDSA"])).toMatchObject({ ok: false });
  });
});

describe("DIDs of a tenant document", () => {
  test.each([
    ["did:web:example.com", "https://example.com/.well-known/did.json"],
    ["did:web:example.com:issuers:one", "https://example.com/issuers/one/did.json"],
  ])("%s stands for %s", (did, url) => {
    expect(didWebUrl(did)).toBe(url);
    expect(didProblem(did)).toBeNull();
  });

  test.each([
    ["did:example:123", "must be a did:key or did:web"],
    ["https://example.com", "must be a did:key or did:web"],
    ["did:key:z6Mk", "must be a did:key of"],
    ["did:key:", "must be a did:key of"],
    ["did:web:", "must be did:web:"],
    ["did:web:example.com%3A8443", "must be did:web:"],
    ["did:web:example.com/path", "must be did:web:"],
    ["did:web:example.com#key", "must be did:web:"],
    ["did:web:example.com:", "must be did:web:"],
    ["did:web:EXAMPLE.com", "must be did:web:"],
    ["did:web:user@example.com", "must be did:web:"],
    ["did:web:localhost", "which must have a host name with a dot"],
    ["did:web:127.0.0.1", "IP address"],
    ["did:web:2130706433", "IP address"],
    ["did:web:keys.internal", ".internal"],
    ["did:web:example.com:..", "must be written as"],
    ["did:web:example.com:a:..:b", "must be written as"],
  ])("%s: %s", (did, problem) => {
    expect(didProblem(did)).toContain(problem);
  });
});

describe("the document of a did:web", () => {
  const did = "did:web:example.com";
  const jwk = { kty: "OKP", crv: "Ed25519", x: "A".repeat(43) };
  const method = (id: string, changes: object = {}) => ({
    id,
    type: "JsonWebKey2020",
    controller: did,
    publicKeyJwk: jwk,
    ...changes,
  });
  const kids = async (document: object): Promise<readonly string[] | string> => {
    const read = await didDocumentKeys(JSON.parse(JSON.stringify(document)), did, "assertionMethod");
    return read.ok ? [...read.value.keys()] : read.error;
  };

  test("has the keys that its subject allows for the purpose, under their DID URLs", async () => {
    const document = {
      id: did,
      verificationMethod: [method(`${did}#a`), method("#b"), method(`${did}#c`), method(`${did}#d`)],
      assertionMethod: [`${did}#a`, "#b", method("#e")],
      authentication: [`${did}#c`, method("#f")],
    };
    expect(await kids(document)).toEqual([`${did}#a`, `${did}#b`, `${did}#e`]);
  });

  test("takes a key as JWK or Multikey, whatever kid the JWK has", async () => {
    const p256 = await publicJwk("ES256");
    const read = await didDocumentKeys(
      {
        id: did,
        assertionMethod: [
          method("#jwk", { publicKeyJwk: { ...jwk, kid: "other" } }),
          method("#multi", { publicKeyJwk: undefined, publicKeyMultibase: multikey(p256) }),
        ].map((entry) => JSON.parse(JSON.stringify(entry))),
      },
      did,
      "assertionMethod",
    );
    expect(read).toEqual({
      ok: true,
      value: new Map([
        [`${did}#jwk`, { ...jwk, kid: `${did}#jwk` }],
        [`${did}#multi`, { ...p256, kid: `${did}#multi` }],
      ]),
    });
  });

  test.each<[string, object]>([
    ["another controller", method("#k", { controller: "did:web:other.example" })],
    ["no controller", method("#k", { controller: undefined })],
    ["two controllers", method("#k", { controller: [did] })],
    ["an id of another DID", method("did:web:other.example#k")],
    ["an id that only begins like the DID", method(`${did}.evil.example#k`)],
    ["no fragment", method(did)],
    ["no key", method("#k", { publicKeyJwk: undefined })],
    ["two keys that could differ", method("#k", { publicKeyMultibase: multikey(jwk) })],
    ["a Multikey of another kind", method("#k", { publicKeyJwk: undefined, publicKeyMultibase: "z6LS" })],
    ["no method", []],
    ["revoked", method("#k", { revoked: "2020-01-01T00:00:00Z" })],
    ["revoked: null", method("#k", { revoked: null })],
    [
      "revoked, a Multikey",
      method("#k", { publicKeyJwk: undefined, publicKeyMultibase: multikey(jwk), revoked: false }),
    ],
    ["expires without a zone", method("#k", { expires: "2030-01-01T00:00:00" })],
    ["expires in another zone", method("#k", { expires: "2030-01-01T00:00:00+01:00" })],
    ["expires on no day", method("#k", { expires: "2030-02-31T00:00:00Z" })],
    ["expires as a number", method("#k", { expires: 9e9 })],
    ["expires null", method("#k", { expires: null })],
    [
      "expires, and an exp of the key that is no number",
      method("#k", { expires: "2030-01-01T00:00:00Z", publicKeyJwk: { ...jwk, exp: "never" } }),
    ],
  ])("leaves out: %s", async (_name, entry) => {
    expect(await kids({ id: did, assertionMethod: [entry] })).toEqual([]);
  });

  test.each<[string, object, string]>([
    ["another id", { id: "did:web:example.org" }, "not_owned"],
    ["an id in other letters", { id: "did:web:Example.com" }, "not_owned"],
    ["no id", {}, "not_owned"],
    ["methods that are no list", { id: did, verificationMethod: {} }, "malformed"],
    ["a relationship that is no list", { id: did, assertionMethod: `${did}#a` }, "malformed"],
    [
      "a private key",
      { id: did, assertionMethod: [method("#k", { publicKeyJwk: { ...jwk, d: "AA" } })] },
      "private_key",
    ],
  ])("is refused with %s", async (_name, document, fault) => {
    expect(await kids(document)).toBe(fault);
  });

  test.each([
    ["2030-01-01T00:00:00Z", {}, 1893456000],
    ["2030-01-01T00:00:00.5Z", {}, 1893456000],
    ["2030-01-01T00:00:00Z", { exp: 1800000000 }, 1800000000],
    ["2030-01-01T00:00:00Z", { exp: 1900000000 }, 1893456000],
  ])("a method that expires at %s with a key %j ends at %d", async (expires, members, exp) => {
    const entry = method("#k", { expires, publicKeyJwk: { ...jwk, ...members } });
    const document = JSON.parse(JSON.stringify({ id: did, assertionMethod: [entry] }));
    const read = await didDocumentKeys(document, did, "assertionMethod");
    expect(read.ok && read.value.get(`${did}#k`)).toEqual({ ...jwk, kid: `${did}#k`, exp });
  });

  test.each<[string, object]>([
    ["a private JWK", { privateKeyJwk: { ...jwk, d: "AA" } }],
    ["a secret Multikey", { secretKeyMultibase: "z3u2" }],
    ["a secret JWK", { secretKeyJwk: {} }],
    ["a private member of the public JWK", { publicKeyJwk: { ...jwk, d: "AA" } }],
  ])("is spoilt by %s, whatever the key is for", async (_name, changes) => {
    for (const place of ["verificationMethod", "assertionMethod", "keyAgreement"]) {
      const entry = method("#s", { controller: "did:web:other.example", ...changes });
      expect(await kids({ id: did, assertionMethod: [method("#k")], [place]: [entry] })).toBe("private_key");
    }
  });

  test("an id that is there twice means no key", async () => {
    expect(
      await kids({ id: did, assertionMethod: [method("#a"), method(`${did}#a`), method("#b")] }),
    ).toEqual([`${did}#b`]);
  });
});
