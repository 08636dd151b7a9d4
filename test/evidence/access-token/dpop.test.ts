/** DPoP proofs: each of the checks of RFC 9449 section 4.3, and server nonces. */

import { describe, expect, test } from "vitest";
import { fromBase64url, toBase64url, utf8 } from "../../../src/encoding.ts";
import type { JsonObject, JsonValue } from "../../../src/json/strict-json.ts";
import { DPOP_NONCE_WINDOW, DPOP_WINDOW, MAX_JTI_LENGTH, MAX_TOKEN_BYTES } from "../../../src/limits.ts";
import { REASONS, type Reason } from "../../../src/reasons.ts";
import { newTrail } from "../../../src/trail.ts";
import { AUDIENCE, ada, NOW, unwrap } from "../../support/acme.ts";
import { otherSignature } from "../../support/malleable.ts";
import {
  type Changes,
  compact,
  hmacSign,
  long,
  NOT_A_TIME,
  NOT_AN_IDENTIFIER,
  respell,
  signer,
} from "../../support/tokens.ts";
import {
  type AnySigner,
  accessToken,
  type Circumstances,
  hashOf,
  holder,
  holderRsa,
  holderWeakRsa,
  judge,
  outcome,
  proof,
  publicJwk,
  SESSION_KEYS,
  server,
  tenantTaking,
  thief,
  thumbprintOf,
} from "./helpers.ts";

const T = await accessToken();
const OTHER = await accessToken({ jti: "token-2" });
const P = await proof(T);
const TOO_LARGE = await proof(T, { x: long(MAX_TOKEN_BYTES) });
const MEMBER_TWICE = await compact(`{"typ":"dpop+jwt","typ":"dpop+jwt"}`, {}, holder.sign);
const CLAIMS_IN_A_LIST = await compact(
  { typ: "dpop+jwt", alg: "ES256", jwk: publicJwk(holder) },
  [],
  holder.sign,
);
const asking = await tenantTaking({ dpop: { requireNonce: true } });

const reached = new Set<Reason>();

async function judged(dpop: string, circumstances: Circumstances = {}, token = T): Promise<Reason | "ok"> {
  const reason = outcome(await judge({ authorization: `DPoP ${token}`, dpop }, circumstances));
  if (reason !== "ok") reached.add(reason);
  return reason;
}
const judgeClaims = async (claims: Changes) => judged(await proof(T, claims));
const judgeHeader = async (header: Changes, by: AnySigner = holder) => judged(await proof(T, {}, by, header));

test("a good one", async () => {
  const verified = unwrap(await judge({ authorization: `DPoP ${T}`, dpop: await proof(T) }));
  expect(verified).toMatchObject({
    token: { confirmation: await thumbprintOf(holder), proof: { jti: "proof-1", iat: NOW } },
  });
});

describe("1 and 2: one header, one well-formed JWT", () => {
  test.each<[string, string]>([
    ["two headers", `${P}, ${P}`],
    ["two headers, of which one is good", `${P}, x`],
    ["empty", ""],
    ["no JWS", "proof"],
    ["two parts", P.split(".").slice(0, 2).join(".")],
    ["padding", `${P}=`],
    ["another spelling of the signature", respell(P, 2)],
    ["too large", TOO_LARGE],
    ["a member twice", MEMBER_TWICE],
    ["claims that are a list", CLAIMS_IN_A_LIST],
  ])("%s", async (_, dpop) => expect(await judged(dpop)).toBe("dpop.malformed"));
});

describe("3: claims", () => {
  const CLAIMS = ["jti", "htm", "htu", "ath"] as const;
  test.each(
    CLAIMS.flatMap((claim) => NOT_AN_IDENTIFIER.map(([what, value]) => [claim, what, value] as const)),
  )("%s: %s", async (claim, _, value) => expect(await judgeClaims({ [claim]: value })).toBe("dpop.claims"));
  test.each(NOT_A_TIME)("iat: %s", async (_, iat) => expect(await judgeClaims({ iat })).toBe("dpop.claims"));
  test.each<[string, Changes, Reason | "ok"]>([
    ["too long a jti", { jti: long(MAX_JTI_LENGTH + 1) }, "dpop.claims"],
    ["a nonce that is no text", { nonce: 7 }, "dpop.claims"],
    ["a nonce nobody asked for", { nonce: "of-another-server" }, "ok"],
    ["an exp that is no time", { exp: "never" }, "dpop.claims"],
    ["an exp that is over", { exp: NOW - 1 }, "dpop.too_old"],
    ["an exp to come", { exp: NOW + 10 }, "ok"],
  ])("%s", async (_, claims, expected) => expect(await judgeClaims(claims)).toBe(expected));
});

test.each<[string, Changes, Reason]>([
  ["4: typ missing", { typ: undefined }, "dpop.typ"],
  ["4: typ JWT", { typ: "JWT" }, "dpop.typ"],
  ["4: typ of an access token", { typ: "at+jwt" }, "dpop.typ"],
  ["4: typ in capitals", { typ: "DPOP+JWT" }, "dpop.typ"],
  ["5: alg none", { alg: "none" }, "dpop.alg"],
  ["5: alg HS256", { alg: "HS256" }, "dpop.alg"],
  ["5: alg missing", { alg: undefined }, "dpop.alg"],
  ["5: an alg that is not taken", { alg: "ES512" }, "dpop.alg"],
  ["5: alg of another key", { alg: "EdDSA" }, "dpop.key"],
  ["crit", { crit: ["exp"] }, "dpop.crit"],
  ["6: a key that did not sign", { jwk: publicJwk(thief) }, "dpop.confirmation"],
  ["7: no key", { jwk: undefined }, "dpop.key"],
  ["7: a key in a list", { jwk: [publicJwk(holder)] }, "dpop.key"],
  ["7: the address of a key", { jwk: undefined, jku: "https://evil.example/jwks" }, "dpop.key"],
  ["7: a private key", { jwk: { ...publicJwk(holder), d: "AAAA" } }, "dpop.key"],
  ["7: a secret", { jwk: { kty: "oct", k: "AAAA" } }, "dpop.key"],
  ["7: a key for encryption", { jwk: { ...publicJwk(holder), use: "enc" } }, "dpop.key"],
  [
    "7: a coordinate that is padded",
    { jwk: { ...publicJwk(holder), x: `${publicJwk(holder).x}=` } },
    "dpop.key",
  ],
  ["7: a key for another alg", { jwk: { ...publicJwk(holder), alg: "ES384" } }, "dpop.key"],
  ["7: another label of the curve", { jwk: { ...publicJwk(holder), crv: "P-384" } }, "dpop.key"],
  ["7: off the curve", { jwk: { ...publicJwk(holder), y: publicJwk(holder).x ?? null } }, "dpop.key"],
])("%s", async (_, header, expected) => expect(await judgeHeader(header)).toBe(expected));

describe("5 to 7: forgeries", () => {
  test("HMAC with the public key as the secret", async () => {
    const sign = await hmacSign(utf8(JSON.stringify(publicJwk(holder))));
    const claims = { jti: "x", htm: "POST", htu: AUDIENCE, iat: NOW, ath: await hashOf(T) };
    for (const [alg, expected] of [
      ["HS256", "dpop.alg"],
      ["ES256", "dpop.signature"],
    ]) {
      const header: JsonObject = { typ: "dpop+jwt", alg: alg ?? "", jwk: publicJwk(holder) };
      expect(await judged(await compact(header, claims, sign))).toBe(expected);
    }
  });

  test("a key of small order, for which anybody can sign", async () => {
    const jwk = { kty: "OKP", crv: "Ed25519", x: toBase64url(new Uint8Array([1, ...new Uint8Array(31)])) };
    const header = { typ: "dpop+jwt", alg: "EdDSA", jwk };
    const forged = await compact(header, { jti: "x" }, async () => new Uint8Array(64));
    expect(await judged(forged)).toBe("dpop.claims");
    const whole = { jti: "x", htm: "POST", htu: AUDIENCE, iat: NOW, ath: await hashOf(T) };
    expect(await judged(await compact(header, whole, async () => new Uint8Array(64)))).toBe("dpop.key");
  });

  test("an RSA key that is too short, and one that is not", async () => {
    expect(await judgeHeader({}, holderWeakRsa)).toBe("dpop.key");
    const token = await accessToken({ cnf: { jkt: await thumbprintOf(holderRsa) } });
    expect(await judged(await proof(token, {}, holderRsa), {}, token)).toBe("ok");
  });

  test("one bit of the signature", async () => {
    const [header, claims, signature = ""] = (await proof(T)).split(".");
    const changed = signature.startsWith("A") ? `B${signature.slice(1)}` : `A${signature.slice(1)}`;
    expect(await judged(`${header}.${claims}.${changed}`)).toBe("dpop.signature");
  });

  test("a key that the document has for something else", async () => {
    for (const one of [ada, server]) {
      const token = await accessToken({ cnf: { jkt: await thumbprintOf(one) } });
      expect(await judged(await proof(token, {}, one), {}, token)).toBe("dpop.key");
    }
  });
});

test.each<[string, Changes, Circumstances, Reason | "ok"]>([
  ["8: another method", { htm: "GET" }, {}, "dpop.method"],
  ["8: the method in lower case", { htm: "post" }, {}, "dpop.method"],
  ["8: of a GET", { htm: "GET" }, { method: "GET" }, "ok"],
  ["8: of a POST, with a DELETE", {}, { method: "DELETE" }, "dpop.method"],
  ["9: another host", { htu: "https://evil.example/acme/mcp" }, {}, "dpop.target"],
  ["9: another tenant", { htu: "https://gateway.example/other/mcp" }, {}, "dpop.target"],
  ["9: another scheme", { htu: "http://gateway.example/acme/mcp" }, {}, "dpop.target"],
  ["9: another port", { htu: "https://gateway.example:8443/acme/mcp" }, {}, "dpop.target"],
  ["9: a longer path", { htu: `${AUDIENCE}/x` }, {}, "dpop.target"],
  ["9: a slash more", { htu: `${AUDIENCE}/` }, {}, "dpop.target"],
  ["9: a path in capitals", { htu: "https://gateway.example/ACME/mcp" }, {}, "dpop.target"],
  ["9: a query", { htu: `${AUDIENCE}?x=1` }, {}, "dpop.target"],
  ["9: an empty query", { htu: `${AUDIENCE}?` }, {}, "dpop.target"],
  ["9: a fragment", { htu: `${AUDIENCE}#x` }, {}, "dpop.target"],
  ["9: a user", { htu: "https://x@gateway.example/acme/mcp" }, {}, "dpop.target"],
  ["9: backslashes", { htu: "https:\\\\gateway.example\\acme\\mcp" }, {}, "dpop.target"],
  ["9: a letter of the path in hex", { htu: "https://gateway.example/acme/%6dcp" }, {}, "dpop.target"],
  ["9: a slash of the path in hex", { htu: "https://gateway.example/acme%2Fmcp" }, {}, "dpop.target"],
  [
    "9: an address of an endpoint beside it",
    { htu: "https://gateway.example/acme/records" },
    {},
    "dpop.target",
  ],
  ["9: no URL", { htu: "/acme/mcp" }, {}, "dpop.target"],
  ["9: the host in capitals", { htu: "HTTPS://GATEWAY.example/acme/mcp" }, {}, "ok"],
  ["9: the default port", { htu: "https://gateway.example:443/acme/mcp" }, {}, "ok"],
  ["9: of a target with a query", {}, { target: `${AUDIENCE}?from=1` }, "ok"],
  ["11: as old as may be", { iat: NOW - DPOP_WINDOW }, {}, "ok"],
  ["11: too old", { iat: NOW - DPOP_WINDOW - 1 }, {}, "dpop.too_old"],
  ["11: as far ahead as may be", { iat: NOW + DPOP_WINDOW }, {}, "ok"],
  ["11: in the future", { iat: NOW + DPOP_WINDOW + 1 }, {}, "dpop.in_future"],
  ["12a: of another token", { ath: await hashOf(OTHER) }, {}, "dpop.token"],
  ["12a: of nothing", { ath: await hashOf("") }, {}, "dpop.token"],
  ["12a: padded", { ath: `${await hashOf(T)}=` }, {}, "dpop.token"],
])("%s", async (_, claims, circumstances, expected) => {
  expect(await judged(await proof(T, claims), circumstances)).toBe(expected);
});

test("7: what else is in the key says nothing about whose it is", async () => {
  const jwk = { kid: await thumbprintOf(thief), x5c: ["AA=="], ...publicJwk(holder), use: "sig" };
  expect(await judgeHeader({ jwk })).toBe("ok");
});

test("6: the holder's key, but the thief's signature", async () => {
  expect(await judgeHeader({ jwk: publicJwk(holder) }, thief)).toBe("dpop.signature");
});

test("12b: by a key that the token is not bound to, which a thief has", async () => {
  expect(await judged(await proof(T, {}, thief))).toBe("dpop.confirmation");
});

test("a proof of one key for a token of another", async () => {
  const second = await signer("EdDSA", "second");
  const token = await accessToken({ cnf: { jkt: await thumbprintOf(second) } });
  expect(await judged(await proof(token), {}, token)).toBe("dpop.confirmation");
  expect(await judged(await proof(token, {}, second), {}, token)).toBe("ok");
});

test("the other form of an ES256 signature has the same jti, so it is of no use", async () => {
  const [header = "", claims = "", signature = ""] = (await proof(T)).split(".");
  const other = toBase64url(otherSignature(fromBase64url(signature) ?? new Uint8Array()));
  const verified = unwrap(await judge({ authorization: `DPoP ${T}`, dpop: `${header}.${claims}.${other}` }));
  expect(verified).toMatchObject({ token: { proof: { jti: "proof-1" } } });
});

describe("10: the nonce of the server", () => {
  const by = asking;
  const other = `k2:${toBase64url(new Uint8Array(32).fill(2))}`;

  /** What is said to a proof with this nonce, and the nonce that goes with the answer. */
  async function asked(nonce: JsonValue | undefined, now = NOW, secret = SESSION_KEYS) {
    const trail = newTrail(0);
    const dpop = await proof(T, { nonce, iat: now });
    const reason = await judged(dpop, { by, now, trail, secret });
    return { reason, next: trail.dpopNonce };
  }
  const fresh = async (now = NOW, secret = SESSION_KEYS) => (await asked(undefined, now, secret)).next ?? "";

  test("is asked for, and then taken", async () => {
    const first = await asked(undefined);
    expect(first.reason).toBe("dpop.nonce");
    expect(first.next).toMatch(/^[\w-]{43}$/);
    expect(await asked(first.next ?? "")).toEqual({ reason: "ok", next: null });
  });

  test("is good for one span more, and the next comes with the answer", async () => {
    const begin = NOW - (NOW % DPOP_NONCE_WINDOW);
    const nonce = await fresh(begin);
    expect(await asked(nonce, begin + DPOP_NONCE_WINDOW - 1)).toEqual({ reason: "ok", next: null });
    const later = await asked(nonce, begin + DPOP_NONCE_WINDOW);
    expect(later).toEqual({ reason: "ok", next: await fresh(begin + DPOP_NONCE_WINDOW) });
    expect(later.next).not.toBe(nonce);
  });

  test("of two spans ago, or of one to come", async () => {
    const begin = NOW - (NOW % DPOP_NONCE_WINDOW);
    const now = begin + 2 * DPOP_NONCE_WINDOW;
    const next = await fresh(now);
    expect(await asked(await fresh(begin), now)).toEqual({ reason: "dpop.nonce", next });
    const early = await asked(next, now - DPOP_NONCE_WINDOW);
    expect(early).toEqual({ reason: "dpop.nonce", next: await fresh(now - DPOP_NONCE_WINDOW) });
  });

  test.each(["x", "0".repeat(43), AUDIENCE])("forged: %s", async (nonce) => {
    expect((await asked(nonce)).reason).toBe("dpop.nonce");
  });

  test("of another deployment", async () => {
    expect((await asked(await fresh(NOW, other))).reason).toBe("dpop.nonce");
  });

  test("of a key that is rotated: taken while the key is there, and replaced", async () => {
    const old = await fresh();
    const rotated = `${other},${SESSION_KEYS}`;
    expect(await asked(old, NOW, rotated)).toEqual({ reason: "ok", next: await fresh(NOW, other) });
    expect((await asked(old, NOW, other)).reason).toBe("dpop.nonce");
  });

  test("cannot be asked for without a secret", async () => {
    expect((await asked(undefined, NOW, "")).reason).toBe("session.unconfigured");
  });

  test("is not told to whoever has no good proof", async () => {
    const trail = newTrail(0);
    expect(await judged(await proof(T, {}, thief), { by, trail })).toBe("dpop.confirmation");
    expect(trail.dpopNonce).toBeNull();
  });
});

test("every reason about proofs is reached here", () => {
  const elsewhere = ["dpop.replay", "dpop.missing", "dpop.unbound"];
  const all = Object.keys(REASONS).filter((code) => code.startsWith("dpop.") && !elsewhere.includes(code));
  expect(all.filter((code) => !reached.has(code as Reason))).toEqual([]);
});
