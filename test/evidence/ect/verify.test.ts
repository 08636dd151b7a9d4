import { describe, expect, test } from "vitest";
import { toBase64url, utf8 } from "../../../src/encoding.ts";
import { lastAcceptable } from "../../../src/evidence/ect/verify.ts";
import type { JsonObject } from "../../../src/json/strict-json.ts";
import { CLOCK_SKEW, MAX_ECT_AGE } from "../../../src/limits.ts";
import type { Reason } from "../../../src/reasons.ts";
import {
  AUDIENCE,
  ada,
  adaEd25519,
  adaSecond,
  bob,
  compiled,
  ECT,
  ect,
  issuerP256,
  judgeEct,
  NOW,
  outcome,
  stranger,
  tenant,
  tenantEdDsaEcts,
  unwrap,
} from "../../support/acme.ts";
import { type Changes, merge, type Signer } from "../../support/tokens.ts";
import { VERIFICATION_REASONS } from "./reasons.ts";

/** A tenant that also takes unsigned ECTs. */
const lax = await compiled({ ect: { unsafeUnsigned: true } });

const CASES: [string, Changes, Signer, Changes, Reason][] = [
  ["an algorithm the tenant does not take", {}, adaEd25519, {}, "ect.alg"],
  ["an alg the tenant takes, but not the key's", {}, adaEd25519, { alg: "ES256" }, "ect.alg"],
  ["a kid nobody registered", {}, stranger, {}, "ect.key_unknown"],
  ["an issuer's key", {}, issuerP256, {}, "ect.key_unknown"],
  ["a stranger's signature", {}, stranger, { kid: "ada-1" }, "ect.signature"],
  ["an embedded key", {}, stranger, { kid: "ada-1", jwk: stranger.jwk as JsonObject }, "ect.signature"],
  ["an address of keys", {}, stranger, { kid: "ada-1", jku: "https://evil.example/jwks" }, "ect.signature"],
  ["another key of the same agent under this kid", {}, adaSecond, { kid: "ada-1" }, "ect.signature"],
  ["another agent's key, in this agent's name", {}, bob, {}, "ect.issuer"],
  ["this agent's key, in another agent's name", { iss: "spiffe://example.com/bob" }, ada, {}, "ect.issuer"],
  ["an iss nobody registered", { iss: "spiffe://example.com/eve" }, ada, {}, "ect.issuer"],
  ["the subject, which is no ECT issuer", { iss: "agent:ada" }, ada, {}, "ect.issuer"],
  ["the agent's name, which is no ECT issuer", { iss: "ada" }, ada, {}, "ect.issuer"],
  ["iss in another case", { iss: "spiffe://example.com/Ada" }, ada, {}, "ect.issuer"],
  ["not good yet", { nbf: NOW + 31 }, ada, {}, "ect.in_future"],
  ["from the future", { iat: NOW + 31 }, ada, {}, "ect.in_future"],
  ["too old, though not expired", { iat: NOW - 931, exp: NOW + 600 }, ada, {}, "ect.too_old"],
  ["expired, though not too old", { iat: NOW - 60, exp: NOW - 31 }, ada, {}, "ect.expired"],
  ["another audience", { aud: "https://gateway.example/other/mcp" }, ada, {}, "ect.audience"],
  ["the audience with a slash", { aud: `${AUDIENCE}/` }, ada, {}, "ect.audience"],
];

describe("refused", () => {
  test.each(CASES)("%s", async (_, claims, by, header, expected) => {
    expect(outcome(await judgeEct(await ect(claims, by, header)))).toBe(expected);
  });

  test("every reason has a case", () => {
    const reasons = CASES.map(([, , , , reason]) => reason);
    expect(new Set([...reasons, "ect.unsigned"])).toEqual(VERIFICATION_REASONS);
  });

  test("a payload of another token", async () => {
    const [header, , signature] = (await ect()).split(".");
    const [, payload] = (await ect({ pred: [] })).split(".");
    expect(outcome(await judgeEct(`${header}.${payload}.${signature}`))).toBe("ect.signature");
  });

  test("EdDSA where ES256 is not taken", async () => {
    const by = { ...tenant, ect: { ...tenant.ect, algorithms: new Set(["EdDSA"] as const) } };
    expect(outcome(await judgeEct(await ect(), { by }))).toBe("ect.alg");
    expect(outcome(await judgeEct(await ect({}, adaEd25519), { by }))).toBe("ok");
  });
});

describe("levels", () => {
  const unsigned = (changes: Changes = {}) => toBase64url(utf8(JSON.stringify({ ...merge(ECT, changes) })));

  test("what is signed is taken at the tenant's level", async () => {
    expect(unwrap(await judgeEct(await ect())).level).toBe(2);
    const strict = await compiled({ ect: { level: 3 } });
    expect(unwrap(await judgeEct(await ect(), { by: strict })).level).toBe(3);
    expect(unwrap(await judgeEct(await ect(), { by: lax })).level).toBe(2);
  });

  test.each<[string, Changes, Reason | "ok", Partial<Parameters<typeof judgeEct>[1]>]>([
    ["as it is", {}, "ok", {}],
    ["without iss and aud", { iss: undefined, aud: undefined }, "ok", {}],
    ["where the tenant takes none", {}, "ect.unsigned", { by: tenant }],
    ["that the signature does not cover", {}, "ect.unsigned", { covered: [] }],
    ["while the other header is covered", {}, "ect.unsigned", { covered: ['"execution-context"'] }],
    ["that is covered in part", {}, "ect.unsigned", { covered: ['"wimse-ect";key="jti"'] }],
    ["in another agent's name", { iss: "spiffe://example.com/bob" }, "ect.issuer", {}],
    ["in the name of nobody registered", { iss: "spiffe://example.com/eve" }, "ect.issuer", {}],
    ["for another audience", { aud: "https://gateway.example/other/mcp" }, "ect.audience", {}],
    ["that is expired", {}, "ect.expired", { now: NOW + 631 }],
    ["that is too old", { exp: NOW + 9999 }, "ect.too_old", { now: NOW + MAX_ECT_AGE + CLOCK_SKEW + 1 }],
    ["from the future", {}, "ect.in_future", { now: NOW - 31 }],
  ])("an unsigned one %s", async (_, changes, expected, options) => {
    expect(outcome(await judgeEct(unsigned(changes), { by: lax, ...options }))).toBe(expected);
  });

  test("an unsigned one is of level 1, and of the key that signed the message", async () => {
    const { level, key, lastAcceptable: until } = unwrap(await judgeEct(unsigned(), { by: lax }));
    expect([level, key.kid]).toEqual([1, ada.kid]);
    expect(until).toBe(lastAcceptable({ iat: NOW, exp: NOW + 600 }));
  });

  test("where unsigned ones are taken, a bad signature is none the less one", async () => {
    const [header, payload] = (await ect()).split(".");
    const [, , other] = (await ect({ jti: "other" })).split(".");
    const broken = await judgeEct(`${header}.${payload}.${other}`, { by: lax });
    expect(outcome(broken)).toBe("ect.signature");
    expect(outcome(await judgeEct(`${header}.${payload}.`, { by: lax }))).toBe("ect.signature");
  });
});

describe("time, to the second", () => {
  test.each<[string, Changes, number, Reason | "ok"]>([
    ["first second of iat", {}, NOW - CLOCK_SKEW, "ok"],
    ["one less", {}, NOW - CLOCK_SKEW - 1, "ect.in_future"],
    ["last second of exp", { exp: NOW + 60 }, NOW + 60 + CLOCK_SKEW, "ok"],
    ["one more", { exp: NOW + 60 }, NOW + 60 + CLOCK_SKEW + 1, "ect.expired"],
    ["last second of the age", { exp: NOW + 9999 }, NOW + MAX_ECT_AGE + CLOCK_SKEW, "ok"],
    ["one more", { exp: NOW + 9999 }, NOW + MAX_ECT_AGE + CLOCK_SKEW + 1, "ect.too_old"],
  ])("%s", async (_, claims, now, expected) => {
    expect(outcome(await judgeEct(await ect(claims), { now }))).toBe(expected);
  });

  test.each<[string, number, Reason | "ok"]>([
    ["last second of the tenant's age", NOW + 60 + CLOCK_SKEW, "ok"],
    ["one more", NOW + 60 + CLOCK_SKEW + 1, "ect.too_old"],
  ])("%s", async (_, now, expected) => {
    expect(outcome(await judgeEct(await ect(), { now, by: tenantEdDsaEcts }))).toBe(expected);
  });

  test.each<[string, Changes]>([
    ["exp ends it", { exp: NOW + 60 }],
    ["its age ends it", { exp: NOW + 9999 }],
    ["exp beyond every clock", { exp: Number.MAX_SAFE_INTEGER }],
  ])("what is remembered outlives what is accepted: %s", async (_, claims) => {
    const { lastAcceptable: last } = unwrap(await judgeEct(await ect(claims)));
    expect(outcome(await judgeEct(await ect(claims), { now: last }))).toBe("ok");
    expect(outcome(await judgeEct(await ect(claims), { now: last + 1 }))).not.toBe("ok");
  });

  test("a tenant that narrows the age does not shorten the memory", async () => {
    const token = await ect({ exp: NOW + 9999 });
    const narrow = unwrap(await judgeEct(token, { by: tenantEdDsaEcts }));
    expect(narrow.lastAcceptable).toBe(lastAcceptable({ iat: NOW, exp: NOW + 9999 }));
    expect(narrow.lastAcceptable).toBe(NOW + MAX_ECT_AGE + CLOCK_SKEW);
  });
});

describe("accepted", () => {
  test.each([ada, adaSecond])("a key of the agent: $kid", async (by) => {
    expect(unwrap(await judgeEct(await ect({}, by))).key.kid).toBe(by.kid);
  });

  test("EdDSA where the tenant takes it", async () => {
    const result = await judgeEct(await ect({}, adaEd25519), { by: tenantEdDsaEcts });
    expect(outcome(result)).toBe("ok");
  });

  test("an audience in a list", async () => {
    expect(outcome(await judgeEct(await ect({ aud: ["x", AUDIENCE] })))).toBe("ok");
  });

  test("no raw token text leaves", async () => {
    const value = unwrap(await judgeEct(await ect()));
    expect(Object.keys(value).sort()).toEqual(
      [
        "aud",
        "execAct",
        "exp",
        "iat",
        "inpHash",
        "iss",
        "jti",
        "key",
        "lastAcceptable",
        "level",
        "notBefore",
        "pred",
        "wid",
      ].sort(),
    );
  });
});
