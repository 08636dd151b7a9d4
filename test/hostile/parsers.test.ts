/** What strangers choose freely: every parser gives an answer, and one value has one spelling. */

import fc from "fast-check";
import { type Dictionary, serializeDictionary } from "structured-headers";
import { describe, expect, test } from "vitest";
import { toBase64url, utf8 } from "../../src/encoding.ts";
import { verifyProof } from "../../src/evidence/access-token/dpop.ts";
import { parseAccessToken } from "../../src/evidence/access-token/parse.ts";
import { parseMandate } from "../../src/evidence/act/parse.ts";
import { parseRecord } from "../../src/evidence/act/record.ts";
import { parseAttestation } from "../../src/evidence/attestation/parse.ts";
import { parseEct } from "../../src/evidence/ect/parse.ts";
import { checkContentDigest } from "../../src/evidence/http-signature/content-digest.ts";
import { strictDictionary } from "../../src/evidence/http-signature/dictionary.ts";
import { parseHttpSignature } from "../../src/evidence/http-signature/parse.ts";
import { decodeJws } from "../../src/evidence/jws.ts";
import { parseWit } from "../../src/evidence/wit/parse.ts";
import { parseStrictJson } from "../../src/json/strict-json.ts";
import { policyOf } from "../support/attestation-policy.ts";
import { SEED, SIZE } from "./size.ts";

const RUNS = { seed: SEED, numRuns: 500 * SIZE };

const policy = policyOf();
/** What a DPoP proof is held against; none of these is ever made here. */
const PROVEN = {
  method: "POST",
  target: "https://gateway.example/acme/mcp",
  token: "token",
  confirmation: "k",
  pinned: new Set<string>(),
  now: 1_772_064_000,
};
const inHeader = (name: string) => (text: string) => new Map([[name, text]]);

/** What reads a header's value that anybody may have written. */
const PARSERS: Readonly<Record<string, (text: string) => unknown>> = {
  "Authorization, as sent": (text) => parseMandate(inHeader("authorization")(text)),
  Authorization: (text) => parseMandate(inHeader("authorization")(`Bearer ${text}`)),
  "Authorization, with an access token": (text) =>
    parseAccessToken(inHeader("authorization")(`DPoP ${text}`)),
  DPoP: (text) => verifyProof(text, PROVEN),
  "ACT-Mandate": (text) => parseMandate(inHeader("act-mandate")(text)),
  "ACT-Record": (text) => parseRecord(inHeader("act-record")(text)),
  "Wimse-ECT": (text) => parseEct(inHeader("wimse-ect")(text)),
  "Workload-Identity-Token": (text) => parseWit(inHeader("workload-identity-token")(text)),
  "Signature-Input": (text) =>
    parseHttpSignature(
      new Map([
        ["signature-input", text],
        ["signature", "sig=:AAAA:"],
      ]),
    ),
  Signature: (text) =>
    parseHttpSignature(
      new Map([
        ["signature-input", "sig=()"],
        ["signature", text],
      ]),
    ),
  "X-MCP-Attestation": (text) => parseAttestation({ header: text, meta: undefined, bodyText: "", policy }),
  "Content-Digest": (text) => checkContentDigest(text, new Uint8Array(), new Uint8Array(32)),
  "a Dictionary": strictDictionary,
  "a body": (text) => parseStrictJson(text),
};

/** Claims and members that the parsers look at, with whatever values. */
const NAMES = [
  ..."typ alg kid crit iss sub aud iat exp nbf jti wid task purpose cap action constraints del depth parent".split(
    " ",
  ),
  ..."pred par exec_act exec_ts status inp_hash ect_ext ext cnf jwk kty crv x y __proto__ constructor".split(
    " ",
  ),
  ..."client_id scope cnf jkt htm htu ath nonce n e d k use alg".split(" "),
  ..."version plannerDeclared issuerAsserted payloadDerived toolCalls args argsProjection signature iat".split(
    " ",
  ),
];
const value: fc.Arbitrary<unknown> = fc.letrec((again) => ({
  value: fc.oneof(
    { depthSize: "small" },
    fc.constantFrom<unknown>(
      "act+jwt",
      "exec+jwt",
      "wit+jwt",
      "at+jwt",
      "dpop+jwt",
      "EC",
      "P-256",
      "RSA",
      "ES256",
      "RS256",
      "none",
      "",
      0,
      -1,
      1.5,
      2 ** 53,
      null,
      true,
    ),
    fc.string(),
    fc.array(again("value"), { maxLength: 3 }),
    fc.dictionary(fc.constantFrom(...NAMES), again("value"), { maxKeys: 12 }),
  ),
})).value;
const json = value.map((one) => JSON.stringify(one));
const base64 = json.map((text) => toBase64url(utf8(text)));
const token = fc.tuple(base64, base64, fc.string()).map((parts) => parts.join("."));
const field = fc.stringMatching(/^[a-z]=[("a-z:@?;=,)0-9 %\\]{0,60}$/);
const hostile = fc.oneof(
  json,
  base64,
  token,
  field,
  fc.string({ unit: "binary" }),
  fc.constantFrom(
    ...["[", '{"a":', "(", '"', "..", ".", '\\"', ";a", "a,", ":", "é"].map((text) => text.repeat(5000)),
  ),
);

test.each(Object.entries(PARSERS))("%s: an answer to whatever it says", async (_name, parse) => {
  await fc.assert(
    fc.asyncProperty(hostile, async (text) => {
      await parse(text);
    }),
    RUNS,
  );
});

test("a token that is read has one spelling", () => {
  const parts = fc.tuple(base64, base64, fc.uint8Array({ minLength: 1 }).map(toBase64url));
  const object = parts.filter(([head, claims]) => head.startsWith("ey") && claims.startsWith("ey"));
  const padding = fc.constantFrom("", "=", "==", "A", " ", "\n", ".");
  const respelt = fc.tuple(object, fc.nat(2), padding, fc.nat(63)).map(([three, at, put, bits]) => {
    const part = three[at] ?? "";
    const last = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"[bits];
    return three.with(at, put === "" ? part.slice(0, -1) + last : part + put).join(".");
  });
  fc.assert(
    fc.property(respelt, (text) => {
      const decoded = decodeJws(text);
      if (!decoded.ok) return;
      for (const part of text.split(".")) {
        expect(Buffer.from(part, "base64url").toString("base64url")).toBe(part);
      }
    }),
    RUNS,
  );
});

describe("a strict Dictionary", () => {
  const key = fc.stringMatching(/^[a-z*][a-z0-9_.*-]{0,5}$/);
  const bare = fc.oneof(
    fc.integer({ min: -999, max: 999 }),
    fc.boolean(),
    // What would end a String, a member or a parameter, were it not in one.
    fc.stringMatching(/^[a-z",;=\\()@%:? ]{0,8}$/),
    fc.uint8Array({ maxLength: 8 }).map((bytes) => new Uint8Array(bytes).buffer),
  );
  const parameters = fc.uniqueArray(fc.tuple(key, bare), { maxLength: 3, selector: ([name]) => name });
  const item = fc.tuple(
    bare,
    parameters.map((pairs) => new Map(pairs)),
  );
  const list = fc.tuple(
    fc.array(item, { maxLength: 3 }),
    parameters.map((pairs) => new Map(pairs)),
  );
  const members = fc.uniqueArray(fc.tuple(key, fc.oneof(item, list)), {
    minLength: 1,
    maxLength: 4,
    selector: ([name]) => name,
  });
  const dictionary: fc.Arbitrary<Dictionary> = members.map((pairs) => new Map(pairs));

  test("is read as it was written", () => {
    fc.assert(
      fc.property(dictionary, (written) => {
        const text = serializeDictionary(written);
        const read = strictDictionary(text);
        expect(read && serializeDictionary(read)).toBe(text);
      }),
      RUNS,
    );
  });

  test("with a key twice is none, wherever the two are and whatever they say", () => {
    fc.assert(
      fc.property(dictionary, item, fc.nat(), fc.nat(), (written, second, from, to) => {
        const texts = [...written].map(([name, member]) => serializeDictionary(new Map([[name, member]])));
        const [name = ""] = [...written.keys()].slice(from % written.size);
        texts.splice(to % (texts.length + 1), 0, serializeDictionary(new Map([[name, second]])));
        expect(strictDictionary(texts.join(", "))).toBeNull();
      }),
      RUNS,
    );
  });

  test("with a parameter twice is none", () => {
    fc.assert(
      fc.property(dictionary, key, bare, bare, (written, name, one, two) => {
        const [first = ""] = written.keys();
        const last = (value: typeof one) =>
          serializeDictionary(new Map([["x", [true, new Map([[name, value]])]]])).slice(1);
        const text = serializeDictionary(new Map([[first, [1, new Map()]]]));
        expect(strictDictionary(text + last(one))).not.toBeNull();
        expect(strictDictionary(text + last(one) + last(two))).toBeNull();
      }),
      RUNS,
    );
  });
});
