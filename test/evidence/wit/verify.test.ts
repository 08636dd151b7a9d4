/** What a workload identity token has to be (draft-ietf-wimse-workload-creds sections 3 and 5.1). */

import { describe, expect, test } from "vitest";
import { toBase64url, utf8 } from "../../../src/encoding.ts";
import type { JsonValue } from "../../../src/json/strict-json.ts";
import { CLOCK_SKEW, MAX_IDENTIFIER_LENGTH, MAX_TOKEN_BYTES } from "../../../src/limits.ts";
import { ada, adaEd25519, NOW, outcome, tenant as tenantWithKeys, unwrap } from "../../support/acme.ts";
import { compact, hmacSign, NOT_A_TIME, NOT_AN_IDENTIFIER, respell } from "../../support/tokens.ts";
import {
  agents,
  authority,
  call,
  otherAuthority,
  otherWorker,
  SUBJECT,
  tenant06,
  tenant07,
  wimseTenant,
  wit,
  worker,
} from "./helpers.ts";

const withToken = async (token: string | Promise<string>, now = NOW) =>
  outcome(await call({ wit: await token, now }));

const jwk = (changes: Record<string, unknown> = {}) => ({
  cnf: { jwk: JSON.parse(JSON.stringify({ ...worker.jwk, alg: "ES256", ...changes })) },
});

test.each([
  ["wimse-07", tenant07],
  ["wimse-06", tenant06],
])("a good one, in %s: who calls is whose workload it is, by the key in it", async (profile, by) => {
  const caller = unwrap(await call({ by }));
  expect(caller.agent.name).toBe("ada");
  expect(caller.lane).toBe(3);
  expect(caller.signature).toMatchObject({ profile, nonce: "n-1", demandsSignedResponse: false });
  expect(caller.wit).toMatchObject({
    subject: SUBJECT,
    anchor: { trustDomain: "example.org", key: { kid: "authority-1" } },
  });
  expect(caller.ect?.key.thumbprint).toBe(caller.signature?.key.thumbprint);
});

test("a second workload of the same agent has the same ledger", async () => {
  const caller = unwrap(await call({ wit: await wit({ sub: `${SUBJECT}/second` }) }));
  expect([caller.agent.name, caller.lane]).toEqual(["ada", 3]);
});

describe("the token", () => {
  test.each([
    ["none", null, "wit.missing"],
    ["empty", "", "wit.malformed"],
    ["no JWS", "token", "wit.malformed"],
    ["too large", "a".repeat(MAX_TOKEN_BYTES + 1), "wit.too_large"],
  ])("%s", async (_, token, expected) => expect(outcome(await call({ wit: token }))).toBe(expected));

  test("two lines, which arrive joined", async () =>
    expect(await withToken(`${await wit()}, ${await wit()}`)).toBe("wit.malformed"));
  test("an empty signature", async () => {
    const [header, payload] = (await wit()).split(".");
    expect(await withToken(`${header}.${payload}.`)).toBe("wit.malformed");
  });
  test("another spelling of the same octets", async () => {
    const token = await wit();
    for (const part of [0, 1, 2]) {
      if ((token.split(".")[part] ?? "").length % 4 === 0) continue;
      expect(await withToken(respell(token, part))).toBe("wit.malformed");
    }
  });
  test.each(["JWT", "at+jwt", "application/wit+jwt", "WIT+JWT", "act+jwt", undefined])(
    "typ %s",
    async (typ) => expect(await withToken(wit({}, authority, { typ }))).toBe("wit.typ"),
  );
  test.each(["none", "HS256", "RS256", "ES512", "es256", undefined])("alg %s", async (alg) =>
    expect(await withToken(wit({}, authority, { alg }))).toBe("wit.alg"),
  );
  test("alg of another key than it names", async () =>
    expect(await withToken(wit({}, authority, { alg: "EdDSA" }))).toBe("wit.alg"));
  test("a MAC with the public key as its secret", async () => {
    const sign = await hmacSign(utf8(String(authority.jwk.x)));
    const forged = await wit({}, { ...authority, sign }, {});
    expect(await withToken(forged)).toBe("wit.signature");
  });
  test("crit", async () =>
    expect(await withToken(wit({}, authority, { crit: ["exp"], exp: 1 }))).toBe("wit.crit"));
  test.each(NOT_AN_IDENTIFIER)("kid: %s", async (_, kid) =>
    expect(await withToken(wit({}, authority, { kid }))).toBe("wit.kid"),
  );
  test("kid that is unknown", async () =>
    expect(await withToken(wit({}, authority, { kid: "authority-2" }))).toBe("wit.key_unknown"));
  test("one claim changed", async () => {
    const [header, , signature] = (await wit()).split(".");
    const payload = toBase64url(utf8(JSON.stringify({ sub: SUBJECT, exp: NOW + 600, ...jwk() })));
    expect(await withToken(`${header}.${payload}.${signature}`)).toBe("wit.signature");
  });
  test("signed by the authority of another trust domain, which has the same kid", async () => {
    const token = wit({}, otherAuthority, { alg: "ES256" });
    expect(await withToken(token)).toBe("wit.signature");
    expect(await withToken(wit({ sub: "wimse://other.example/ada" }, otherAuthority))).toBe(
      "principal.mismatch",
    );
  });
  test("signed by the workload itself", async () =>
    expect(await withToken(wit({}, { ...worker, kid: authority.kid }))).toBe("wit.signature"));
});

describe("claims", () => {
  const bad = (cases: typeof NOT_A_TIME) => cases.filter(([, value]) => value !== undefined);
  test.each(NOT_A_TIME)("exp: %s", async (_, exp) =>
    expect(await withToken(wit({ exp }))).toBe("wit.claims"),
  );
  test.each(bad(NOT_A_TIME))("iat: %s", async (_, iat) =>
    expect(await withToken(wit({ iat }))).toBe("wit.claims"),
  );
  test.each(bad(NOT_A_TIME))("nbf: %s", async (_, nbf) =>
    expect(await withToken(wit({ nbf }))).toBe("wit.claims"),
  );
  test.each(bad(NOT_AN_IDENTIFIER))("iss: %s", async (_, iss) =>
    expect(await withToken(wit({ iss }))).toBe("wit.claims"),
  );
  test.each(bad(NOT_AN_IDENTIFIER))("jti: %s", async (_, jti) =>
    expect(await withToken(wit({ jti }))).toBe("wit.claims"),
  );
  test("iat, iss and jti can be left out, and unknown claims are ignored", async () =>
    expect(
      await withToken(wit({ iat: undefined, scope: "x", aud: ["y"], iss: "https://a.example", jti: "j" })),
    ).toBe("ok"));
  test.each([
    ["last good second", { iat: NOW - 60, exp: NOW - CLOCK_SKEW }, "ok"],
    ["expired", { iat: NOW - 60, exp: NOW - CLOCK_SKEW - 1 }, "wit.expired"],
    ["over before it was issued", { iat: NOW + 2, exp: NOW + 1 }, "wit.claims"],
    ["over before it begins", { nbf: NOW + 2, exp: NOW + 1 }, "wit.claims"],
    ["over as it begins", { nbf: NOW + 1, exp: NOW + 1 }, "ok"],
    ["iat as far ahead as clocks differ", { iat: NOW + CLOCK_SKEW }, "ok"],
    ["iat in the future", { iat: NOW + CLOCK_SKEW + 1 }, "wit.in_future"],
    ["nbf in the future", { nbf: NOW + CLOCK_SKEW + 1 }, "wit.in_future"],
  ])("%s", async (_, claims, expected) => expect(await withToken(wit(claims))).toBe(expected));
});

describe("sub", () => {
  test.each<[string, JsonValue | undefined]>([
    ["missing", undefined],
    ["no string", 1],
    ["no URI", "ada"],
    ["an upper-case scheme", "WIMSE://example.org/ada"],
    ["an upper-case trust domain", "wimse://Example.org/ada"],
    ["a port", "wimse://example.org:443/ada"],
    ["user information", "wimse://x@example.org/ada"],
    ["no trust domain", "wimse:///ada"],
    ["a dot at the end of the trust domain", "wimse://example.org./ada"],
    ["no path", "wimse://example.org"],
    ["an empty path", "wimse://example.org/"],
    ["a final slash", `${SUBJECT}/`],
    ["an empty segment", "wimse://example.org//ada"],
    ["a dot segment", "wimse://example.org/./ada"],
    ["two dots", "wimse://example.org/x/../ada"],
    ["percent-encoding", "wimse://example.org/%61da"],
    ["a query", `${SUBJECT}?x`],
    ["a fragment", `${SUBJECT}#x`],
    ["a space", `${SUBJECT} `],
    ["a line feed", `${SUBJECT}\n`],
    ["another letter", "wimse://example.org/\u0430da"],
    ["too long", `wimse://example.org/${"a".repeat(MAX_IDENTIFIER_LENGTH)}`],
  ])("%s", async (_, sub) => expect(await withToken(wit({ sub }))).toBe("wit.subject"));

  test.each([
    ["another workload", "wimse://example.org/bob", "principal.mismatch"],
    ["another case", "wimse://example.org/Ada", "principal.mismatch"],
    ["a beginning", "wimse://example.org/ad", "principal.mismatch"],
    ["something below", `${SUBJECT}/x`, "principal.mismatch"],
    ["another scheme", "spiffe://example.org/ada", "principal.mismatch"],
    ["another trust domain", "wimse://unknown.example/ada", "wit.trust_domain_unknown"],
    ["a trust domain below", "wimse://sub.example.org/ada", "wit.trust_domain_unknown"],
  ])("%s", async (_, sub, expected) => expect(await withToken(wit({ sub }))).toBe(expected));
});

describe("cnf", () => {
  test.each<[string, Record<string, JsonValue | undefined>]>([
    ["missing", { cnf: undefined }],
    ["no object", { cnf: "x" }],
    ["a thumbprint alone", { cnf: { jkt: "x" } }],
    ["a key without alg", jwk({ alg: undefined })],
    ["alg none", jwk({ alg: "none" })],
    ["a symmetric alg", jwk({ alg: "HS256" })],
    ["an algorithm for encryption", jwk({ alg: "ECDH-ES" })],
    ["alg of another curve", jwk({ alg: "ES384" })],
    ["the name of RFC 9421", jwk({ alg: "ecdsa-p256-sha256" })],
    ["another key, encrypted", { cnf: { ...jwk().cnf, jwe: "x" } }],
    ["a URL of other keys", { cnf: { ...jwk().cnf, jku: "https://keys.example/jwks" } }],
    ["the thumbprint of a key", { cnf: { ...jwk().cnf, jkt: "x" } }],
    ["that of a certificate", { cnf: { ...jwk().cnf, "x5t#S256": "x" } }],
    ["a shared secret", { cnf: { jwk: { kty: "oct", k: "AAAA", alg: "HS256" } } }],
    ["a private key", jwk({ d: "AAAA" })],
    ["P-256 labelled P-384", jwk({ crv: "P-384", alg: "ES384" })],
    [
      "a key that anybody can sign for",
      { cnf: { jwk: { kty: "OKP", crv: "Ed25519", alg: "EdDSA", x: toBase64url(new Uint8Array(32)) } } },
    ],
  ])("%s", async (_, claims) => expect(await withToken(wit(claims))).toBe("wit.confirmation"));

  test("an algorithm that the tenant does not take", async () => {
    const [workload] = agents();
    if (workload === undefined) throw new Error("there is one");
    const bob = { name: "bob", subjects: ["agent:bob"], keys: [{ jwk: adaEd25519.jwk }] };
    const by = await wimseTenant("wimse-07", {
      agents: [workload, bob],
      signature: { algorithms: ["EdDSA"] },
      ect: { algorithms: ["ES256", "EdDSA"] },
    });
    expect(outcome(await call({ by }))).toBe("wit.confirmation");
  });
  test("the key of another: who has the token alone cannot use it", async () => {
    expect(outcome(await call({ signedBy: otherWorker }))).toBe("signature.mismatch");
  });
  test("a key that the document registers for another agent", async () => {
    const [workload, bob] = agents();
    if (workload === undefined || bob === undefined) throw new Error("there are two");
    const by = await wimseTenant("wimse-07", {
      agents: [workload, { ...bob, keys: [{ jwk: worker.jwk }] }],
    });
    expect(outcome(await call({ by }))).toBe("wit.confirmation");
  });
  test("RFC 9864's name of EdDSA, in token and key", async () => {
    const payload = { sub: "wimse://other.example/ada", exp: NOW + 600, ...jwk() };
    const header = { typ: "wit+jwt", alg: "Ed25519", kid: otherAuthority.kid };
    const token = await compact(header, payload, otherAuthority.sign);
    expect(await withToken(token)).toBe("principal.mismatch");
  });
});

describe("which proof an agent gives is not the caller's choice", () => {
  test("a workload's agent with a registered key of another agent", async () => {
    const attempt = { signedBy: ada, parameters: { keyid: "ada-1", tag: undefined }, ect: null };
    expect(outcome(await call(attempt))).toBe("signature.missing");
  });
  test("an agent with keys that sends a WIT: the token is no evidence of it", async () => {
    // In the tenant of the other tests ada has keys.
    expect(outcome(await call({ by: { ...tenantWithKeys, trustDomains: tenant07.trustDomains } }))).toBe(
      "signature.key_unknown",
    );
  });
  test("nor does it matter what is wrong with it", async () => {
    const by = { ...tenantWithKeys, trustDomains: tenant07.trustDomains };
    expect(outcome(await call({ by, wit: "token" }))).toBe("signature.key_unknown");
  });
});
