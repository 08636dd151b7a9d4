import { describe, expect, test } from "vitest";
import { toBase64url, utf8 } from "../../src/encoding.ts";
import { readIdentifier, readIdentifiers, readTime } from "../../src/evidence/claims.ts";
import { claimsDigest, decodeJws, verifyJws, verifyReusableJws } from "../../src/evidence/jws.ts";
import type { JsonValue } from "../../src/json/strict-json.ts";
import { importVerificationKey } from "../../src/keys/hygiene.ts";
import { MAX_AUDIENCES, MAX_IDENTIFIER_LENGTH, MAX_TOKEN_BYTES } from "../../src/limits.ts";
import { unwrap } from "../support/acme.ts";
import {
  compact,
  hmacSign,
  long,
  NOT_A_TIME,
  NOT_AN_IDENTIFIER,
  respell,
  signer,
} from "../support/tokens.ts";

const b64 = (text: string) => toBase64url(utf8(text));
const GOOD = `${b64('{"alg":"none"}')}.${b64('{"a":1}')}.${b64("sig")}`;

describe("decodeJws", () => {
  test("takes a token whole, and keeps its text", () => {
    expect(decodeJws(GOOD)).toEqual({
      ok: true,
      value: { token: GOOD, header: { alg: "none" }, payload: { a: 1 }, signature: utf8("sig") },
    });
  });

  test("an empty signature is a form, not a verdict", () => {
    expect(decodeJws(`${b64("{}")}.${b64("{}")}.`).ok).toBe(true);
  });

  test.each([
    ["nothing", ""],
    ["one part", b64("{}")],
    ["two parts", `${b64("{}")}.${b64("{}")}`],
    ["four parts", `${GOOD}.`],
    ["five parts (JWE)", "e30.e30.e30.e30.e30"],
    ["an empty header", `.${b64("{}")}.c2ln`],
    ["an empty payload", `${b64("{}")}..c2ln`],
    ["padding", `${b64("{}")}.${b64("{}")}.c2lnbg==`],
    ["the standard alphabet", `${b64("{}")}.${b64("{}")}.+/+/`],
    ["a space at the end", `${GOOD} `],
    ["a line feed at the end", `${GOOD}\n`],
    ["a joined second line", `${GOOD}, ${GOOD}`],
    ["a header that is not JSON", `${b64("{")}.${b64("{}")}.c2ln`],
    ["a header that is an array", `${b64("[]")}.${b64("{}")}.c2ln`],
    ["a header that is null", `${b64("null")}.${b64("{}")}.c2ln`],
    ["a payload that is a string", `${b64("{}")}.${b64('"{}"')}.c2ln`],
    ["a payload that is an array", `${b64("{}")}.${b64("[{}]")}.c2ln`],
    ["a payload that is not UTF-8", `${b64("{}")}.${toBase64url(new Uint8Array([0x22, 0xff, 0x22]))}.c2ln`],
    ["a byte order mark", `${b64("{}")}.${b64("\uFEFF{}")}.c2ln`],
    ["a member twice in the header", `${b64('{"alg":"none","alg":"ES256"}')}.${b64("{}")}.c2ln`],
    ["a member twice in the payload", `${b64("{}")}.${b64('{"sub":"a","sub":"b"}')}.c2ln`],
    ["a member twice by its escape", `${b64("{}")}.${b64('{"sub":"a","\\u0073ub":"b"}')}.c2ln`],
    ["an unsafe integer", `${b64("{}")}.${b64('{"exp":9007199254740993}')}.c2ln`],
    ["a number beyond all range", `${b64("{}")}.${b64('{"exp":1e999}')}.c2ln`],
    ["a lone surrogate", `${b64("{}")}.${b64('{"a":"\\ud800"}')}.c2ln`],
    ["65 levels", `${b64("{}")}.${b64(`{"a":${"[".repeat(64)}${"]".repeat(64)}}`)}.c2ln`],
  ])("refuses %s", (_, token) => {
    expect(decodeJws(token)).toEqual({ ok: false, error: "malformed" });
  });

  test.each([0, 1, 2])("refuses a second spelling of part %i", (n) => {
    // Lengths that leave unused bits in each part.
    const token = `${b64('{"a":12}')}.${b64('{"a":12}')}.${b64("sign")}`;
    expect(decodeJws(token).ok).toBe(true);
    expect(decodeJws(respell(token, n))).toEqual({ ok: false, error: "malformed" });
  });

  test("the size cap is exact", () => {
    const token = (size: number) => `${b64("{}")}.${b64("{}")}.`.padEnd(size, "A");
    expect(decodeJws(token(MAX_TOKEN_BYTES)).ok).toBe(true);
    expect(decodeJws(token(MAX_TOKEN_BYTES + 1))).toEqual({ ok: false, error: "too_large" });
  });

  test("members named like those of every object are data", () => {
    const token = `${b64('{"__proto__":{"alg":"ES256"}}')}.${b64('{"__proto__":{"sub":"x"}}')}.c2ln`;
    const jws = unwrap(decodeJws(token));
    expect(jws.header.alg).toBeUndefined();
    expect(jws.payload.sub).toBeUndefined();
  });
});

describe("verifyJws", async () => {
  const ed = await signer("EdDSA", "ed");
  const p256 = await signer("ES256", "p256");
  const keyOf = async (jwk: unknown) => unwrap(await importVerificationKey(jwk, ["EdDSA", "ES256"]));
  const verify = async (token: string, jwk: unknown) => verifyJws(unwrap(decodeJws(token)), await keyOf(jwk));

  test.each([ed, p256])("$alg verifies", async ({ alg, jwk, sign }) => {
    expect(await verify(await compact({ alg }, {}, sign), jwk)).toBe(true);
  });

  test("Ed25519 is another name of EdDSA (RFC 9864)", async () => {
    expect(await verify(await compact({ alg: "Ed25519" }, {}, ed.sign), ed.jwk)).toBe(true);
    expect(await verify(await compact({ alg: "Ed25519" }, {}, p256.sign), p256.jwk)).toBe(false);
  });

  test.each(["none", "None", "HS256", "RS256", "es256", "ES256", "ed25519", ""])(
    "the key's algorithm counts, not alg %j",
    async (alg) => {
      expect(await verify(await compact({ alg }, {}, ed.sign), ed.jwk)).toBe(false);
    },
  );

  test.each([
    ["missing", "{}"],
    ["null", '{"alg":null}'],
    ["an array", '{"alg":["EdDSA"]}'],
    ["an object", '{"alg":{}}'],
  ])("alg %s does not verify, and is no bug", async (_, header) => {
    expect(await verify(await compact(header, {}, ed.sign), ed.jwk)).toBe(false);
  });

  test("HS256 with the public key as its secret", async () => {
    const { x, y } = p256.jwk;
    for (const secret of [JSON.stringify(p256.jwk), `${x}`, `${x}${y}`]) {
      const token = await compact({ alg: "HS256" }, {}, await hmacSign(utf8(secret)));
      expect(await verify(token, p256.jwk)).toBe(false);
    }
  });

  test("an empty, short, DER or foreign signature", async () => {
    const [header, payload, signature = ""] = (await compact({ alg: "ES256" }, {}, p256.sign)).split(".");
    const foreign = (await compact({ alg: "ES256" }, {}, (await signer("ES256", "x")).sign)).split(".")[2];
    const der = toBase64url(new Uint8Array([0x30, 0x06, 2, 1, 1, 2, 1, 1]));
    const zeros = toBase64url(new Uint8Array(64));
    for (const bad of ["", signature.slice(0, 40), der, zeros, foreign]) {
      expect(await verify(`${header}.${payload}.${bad}`, p256.jwk)).toBe(false);
    }
  });
});

describe("verifyReusableJws", async () => {
  const ours = await signer("EdDSA", "ours");
  const keyOf = async (jwk: unknown) => unwrap(await importVerificationKey(jwk, ["EdDSA"]));
  const key = await keyOf(ours.jwk);
  const verify = (token: string, by = key) => verifyReusableJws(unwrap(decodeJws(token)), by);

  test("what was verified is good again, by the same key alone", async () => {
    const token = await compact({ alg: "EdDSA" }, { a: 1 }, ours.sign);
    const other = await keyOf((await signer("EdDSA", "other")).jwk);
    for (let i = 0; i < 3; i++) {
      expect(await verify(token)).toBe(true);
      expect(await verify(token, other)).toBe(false);
    }
    expect(decodeJws(token)).toEqual(decodeJws(token));
    expect(unwrap(decodeJws(token)).payload).toEqual({ a: 1 });
  });

  test("nothing that shares a part with it is", async () => {
    const [header, payload, signature = ""] = (await compact({ alg: "EdDSA" }, { a: 2 }, ours.sign)).split(
      ".",
    );
    expect(await verify(`${header}.${payload}.${signature}`)).toBe(true);
    const changed = b64('{"a":3}');
    const unsigned = signature.replace(/^./, (first) => (first === "A" ? "B" : "A"));
    for (const token of [
      `${header}.${changed}.${signature}`,
      `${header}.${payload}.${unsigned}`,
      `${header}.${payload}.`,
    ])
      for (let i = 0; i < 2; i++) expect(await verify(token)).toBe(false);
  });

  test("a token that does not verify is not remembered", async () => {
    const forged = `${await compact({ alg: "EdDSA" }, {}, ours.sign)}`.replace(
      /[^.]*$/,
      toBase64url(new Uint8Array(64)),
    );
    expect(await verify(forged)).toBe(false);
    expect(unwrap(decodeJws(forged))).not.toBe(unwrap(decodeJws(forged)));
  });

  test("the digest of the claims is over their canonical form, first and later", async () => {
    const claims = { b: 1, a: "x" };
    const jws = unwrap(decodeJws(await compact({ alg: "EdDSA" }, claims, ours.sign)));
    const digest = toBase64url(
      new Uint8Array(await crypto.subtle.digest("SHA-256", utf8('{"a":"x","b":1}'))),
    );
    expect([await claimsDigest(jws), await claimsDigest(jws)]).toEqual([digest, digest]);
  });
});

describe("claims", () => {
  test.each(NOT_AN_IDENTIFIER)("%s is no identifier", (_, value) => {
    expect(readIdentifier(value)).toBeNull();
  });

  test.each(["x", "!", "~", "https://a.example/?b=c#d", long(MAX_IDENTIFIER_LENGTH)])(
    "%s is one",
    (value) => {
      expect(readIdentifier(value)).toBe(value);
    },
  );

  test("its length is capped, by default and as asked", () => {
    expect(readIdentifier(long(MAX_IDENTIFIER_LENGTH + 1))).toBeNull();
    expect(readIdentifier(long(5), 5)).toBe("xxxxx");
    expect(readIdentifier(long(6), 5)).toBeNull();
  });

  test.each([...NOT_A_TIME, ["unsafe", 2 ** 53], ["NaN", Number.NaN]] as const)(
    "%s is no time",
    (_, value) => {
      expect(readTime(value)).toBeNull();
    },
  );

  test.each([0, 1, 1_772_064_000, Number.MAX_SAFE_INTEGER])("%i is one", (value) => {
    expect(readTime(value)).toBe(value);
  });

  test.each<[string, JsonValue | undefined, readonly string[] | null]>([
    ["a string", "a", ["a"]],
    ["several", ["a", "b"], ["a", "b"]],
    ["as many as may be", Array(MAX_AUDIENCES).fill("a"), Array(MAX_AUDIENCES).fill("a")],
    ["one more", Array(MAX_AUDIENCES + 1).fill("a"), null],
    ["none", [], null],
    ["a number among them", ["a", 1], null],
    ["an empty one", [""], null],
    ["nested", [["a"]], null],
    ["an object", { 0: "a" }, null],
    ["missing", undefined, null],
  ])("identifiers: %s", (_, value, expected) => {
    expect(readIdentifiers(value, MAX_AUDIENCES)).toEqual(expected);
  });
});
