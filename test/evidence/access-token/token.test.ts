/** Access tokens: where they are found, and which are taken. */

import { describe, expect, test } from "vitest";
import { utf8 } from "../../../src/encoding.ts";
import type { JsonValue } from "../../../src/json/strict-json.ts";
import type { KeyFinder } from "../../../src/keys/source.ts";
import {
  CLOCK_SKEW,
  MAX_AUDIENCES,
  MAX_JTI_LENGTH,
  MAX_PRINCIPAL_LENGTH,
  MAX_TOKEN_BYTES,
  MAX_TOKEN_SUBJECT_LENGTH,
} from "../../../src/limits.ts";
import { REASONS, type Reason } from "../../../src/reasons.ts";
import { fail } from "../../../src/result.ts";
import type { TenantDocument } from "../../../src/tenant/schema/document.ts";
import {
  AUDIENCE,
  ada,
  issuer,
  issuerP256,
  mandate,
  NOW,
  unwrap,
  tenant as withoutTokens,
} from "../../support/acme.ts";
import {
  type Changes,
  compact,
  hmacSign,
  long,
  NOT_A_TIME,
  NOT_AN_IDENTIFIER,
  respell,
} from "../../support/tokens.ts";
import {
  type AnySigner,
  AS,
  accessToken,
  holder,
  judge,
  judgeBound,
  judgeUnbound,
  otherServer,
  outcome,
  proof,
  section,
  server,
  serverEdDsa,
  serverRsa,
  TOKEN,
  tenant,
  tenantTaking,
  tenantUnbound,
  thief,
  thumbprintOf,
  unbound,
} from "./helpers.ts";

const reached = new Set<Reason>();
const seen = <R extends Reason | "ok">(reason: R): R => {
  if (reason !== "ok") reached.add(reason);
  return reason;
};

const T = await accessToken();
const U = await unbound();
const M = await mandate();
const P = await proof(T);
const UP = await proof(U);
const NESTED = await compact({ typ: "at+jwt", alg: "ES256", kid: "as-1", cty: "at+jwt" }, T, server.sign);
const CLAIM_TWICE = await compact(
  { typ: "at+jwt", alg: "ES256", kid: "as-1" },
  `${JSON.stringify(TOKEN).slice(0, -1)},"sub":"client-2"}`,
  server.sign,
);
const HOLDER_JKT = await thumbprintOf(holder);
const THIEF_JKT = await thumbprintOf(thief);
const ofOrganisation = await tenantTaking({
  unsafeBearer: true,
  tenantClaim: { claim: "org", values: ["a", "a2"] },
});
const withClients = await tenantTaking({
  unsafeBearer: true,
  clients: [{ id: "client-1" }, { host: "apps.example" }],
});

describe("where it is carried", () => {
  test.each<[string, Record<string, string>, Reason | "ok"]>([
    ["nowhere", {}, "bearer.missing"],
    ["a proof alone", { dpop: P }, "bearer.missing"],
    ["with the scheme DPoP and a proof", { authorization: `DPoP ${T}`, dpop: P }, "ok"],
    ["with the scheme in another case", { authorization: `dpop ${T}`, dpop: P }, "ok"],
    ["with two spaces", { authorization: `DPoP  ${T}`, dpop: P }, "ok"],
    ["bound, as Bearer", { authorization: `Bearer ${T}` }, "token.bound"],
    ["bound, as Bearer with a proof", { authorization: `Bearer ${T}`, dpop: P }, "token.bound"],
    ["bound, without a proof", { authorization: `DPoP ${T}` }, "dpop.missing"],
    ["not bound, as Bearer", { authorization: `Bearer ${U}` }, "token.unbound"],
    ["not bound, as DPoP", { authorization: `DPoP ${U}`, dpop: UP }, "dpop.unbound"],
    ["on two lines", { authorization: `DPoP ${T}, DPoP ${T}`, dpop: P }, "bearer.scheme"],
    ["beside a mandate on a second line", { authorization: `DPoP ${T}, Bearer ${M}` }, "bearer.scheme"],
    ["as Basic", { authorization: `Basic ${T}` }, "bearer.scheme"],
    ["without a scheme", { authorization: T }, "bearer.scheme"],
    ["after a tab", { authorization: `DPoP\t${T}`, dpop: P }, "bearer.scheme"],
    ["beside ACT-Mandate", { authorization: `DPoP ${T}`, dpop: P, "act-mandate": M }, "bearer.two_kinds"],
    ["beside an empty ACT-Mandate", { authorization: `Bearer ${U}`, "act-mandate": "" }, "bearer.two_kinds"],
    ["in ACT-Mandate", { "act-mandate": T }, "bearer.access_token"],
    ["a mandate as DPoP", { authorization: `DPoP ${M}`, dpop: P }, "token.typ"],
    ["a mandate as Bearer", { authorization: `Bearer ${M}` }, "ok"],
    ["an opaque token", { authorization: "Bearer opaque" }, "act.malformed"],
  ])("%s", async (_, headers, expected) => {
    expect(seen(outcome(await judge(headers)))).toBe(expected);
  });

  test("a tenant that takes none stays as it is", async () => {
    const by = withoutTokens;
    const judged = async (headers: Record<string, string>) => outcome(await judge(headers, { by }));
    expect(await judged({ authorization: `Bearer ${U}` })).toBe("bearer.access_token");
    expect(await judged({ authorization: `DPoP ${T}`, dpop: P })).toBe("bearer.scheme");
  });
});

describe("header", () => {
  const headers: [string, Changes, Reason | "ok"][] = [
    ["application/at+jwt", { typ: "application/at+jwt" }, "ok"],
    ["typ JWT", { typ: "JWT" }, "token.typ"],
    ["typ in capitals", { typ: "AT+JWT" }, "token.typ"],
    ["typ with a parameter", { typ: "application/at+jwt;x=1" }, "token.typ"],
    ["typ with a space", { typ: "at+jwt " }, "token.typ"],
    ["typ missing", { typ: undefined }, "token.typ"],
    ["typ of a proof", { typ: "dpop+jwt" }, "token.typ"],
    ["typ of a mandate", { typ: "act+jwt" }, "token.typ"],
    ["typ in a list", { typ: ["at+jwt"] }, "token.typ"],
    ["alg none", { alg: "none" }, "token.alg"],
    ["alg HS256", { alg: "HS256" }, "token.alg"],
    ["alg missing", { alg: undefined }, "token.alg"],
    ["alg in lower case", { alg: "es256" }, "token.alg"],
    ["alg of another key", { alg: "EdDSA" }, "token.alg"],
    ["alg of the other server key", { alg: "RS256" }, "token.alg"],
    ["crit", { crit: ["b64"], b64: false }, "token.crit"],
    ["crit, empty", { crit: [] }, "token.crit"],
    ["no kid", { kid: undefined }, "token.kid"],
    ["kid not a string", { kid: 1 }, "token.kid"],
    ["kid of another key", { kid: "as-2" }, "token.alg"],
    ["kid nobody has", { kid: "as-9" }, "token.key_unknown"],
    ["kid of an agent", { kid: "ada-1" }, "token.key_unknown"],
    ["kid as a path", { kid: "../as-1" }, "token.key_unknown"],
    ["its own key", { jwk: thief.jwk as JsonValue, jku: "https://evil.example/jwks" }, "ok"],
    ["its own certificates", { x5u: "https://evil.example/chain", x5c: ["AA=="] }, "ok"],
    ["its own key, and a kid nobody has", { jwk: server.jwk as JsonValue, kid: "as-9" }, "token.key_unknown"],
    ["a payload that is not encoded, without crit", { b64: false }, "ok"],
  ];
  test.each(headers)("%s", async (_, header, expected) => {
    expect(seen(await judgeBound(await accessToken({}, server, header)))).toBe(expected);
  });

  test.each<[string, Changes]>([
    ["an ID token", { typ: "JWT" }],
    ["a token of no type", { typ: undefined }],
    ["typ in capitals", { typ: "AT+JWT" }],
  ])("%s, as Bearer, is neither token nor mandate", async (_, header) => {
    const token = await accessToken({ cnf: undefined }, server, header);
    expect(await judgeUnbound(token)).toBe("act.typ");
  });

  test("an authorization server that is an issuer of mandates too: neither key does for the other kind", async () => {
    const iss = "https://issuer.example";
    const issuers = [{ iss, keys: [server.jwk] }];
    const by = await tenantTaking({ issuers, unsafeBearer: true });
    const judged = async (token: string) =>
      outcome(await judge({ authorization: `Bearer ${token}` }, { by }));
    expect(await judged(await unbound({ iss }))).toBe("ok");
    expect(await judged(await mandate({ iss }))).toBe("ok");
    expect(await judged(await unbound({ iss }, issuerP256))).toBe("token.key_unknown");
    expect(await judged(await mandate({ iss }, server))).toBe("act.key_unknown");
    const claims = { client_id: "client-1", scope: "tools", sub: "client-1" };
    const asToken = { typ: "at+jwt", alg: server.alg, kid: server.kid };
    expect(await judged(await mandate({ iss, ...claims }, server, asToken))).toBe("ok");
    expect(await judged(await mandate({ iss, ...claims }, issuer, { typ: "at+jwt" }))).toBe(
      "token.key_unknown",
    );
  });

  test("unsigned", async () => {
    const token = await compact(
      { typ: "at+jwt", alg: "none", kid: "as-1" },
      TOKEN,
      async () => new Uint8Array(),
    );
    expect(await judgeBound(token)).toBe("token.alg");
  });

  test("HS256 with the server's public key as the secret", async () => {
    const sign = await hmacSign(utf8(JSON.stringify(server.jwk)));
    for (const alg of ["HS256", "ES256"]) {
      const token = await compact({ typ: "at+jwt", alg, kid: "as-1" }, TOKEN, sign);
      expect(seen(await judgeBound(token))).toBe(alg === "HS256" ? "token.alg" : "token.signature");
    }
  });

  test.each<[string, string]>([
    ["nothing but its header", T.split(".")[0] ?? ""],
    ["two parts", T.split(".").slice(0, 2).join(".")],
    ["four parts", `${T}.x`],
    ["encrypted", `${T.split(".")[0]}.AA.AA.AA.AA`],
    ["a token in a token", NESTED],
    ["a claim twice", CLAIM_TWICE],
    ["another spelling of the signature", respellSignature(T)],
    ["padding", `${T}=`],
    ["a member twice", `${btoa('{"typ":"at+jwt","typ":"at+jwt","alg":"ES256"}')}.e30.AA`.replaceAll("=", "")],
  ])("%s", async (_, token) => {
    expect(["token.malformed", "act.malformed"]).toContain(
      seen(outcome(await judge({ authorization: `DPoP ${token}` }))),
    );
  });

  test("larger than is read", async () => {
    const token = await accessToken({ extra: long(MAX_TOKEN_BYTES) });
    expect(await judgeBound(token)).toBe("token.malformed");
  });
});

/** ES256 signatures have 64 bytes, whose last character has unused bits. */
function respellSignature(token: string): string {
  return respell(token, 2);
}

describe("claims", () => {
  const REQUIRED = ["iss", "sub", "aud", "jti", "client_id"] as const;
  test.each(
    REQUIRED.flatMap((claim) => NOT_AN_IDENTIFIER.map(([what, value]) => [claim, what, value] as const)),
  )("%s: %s", async (claim, what, value) => {
    // A list is one of the forms of aud.
    if (claim === "aud" && what === "an array") return;
    expect(seen(await judgeBound(await accessToken({ [claim]: value })))).toBe("token.claims");
  });

  test.each(
    ["iat", "exp"].flatMap((claim) => NOT_A_TIME.map(([what, value]) => [claim, what, value] as const)),
  )("%s: %s", async (claim, _what, value) => {
    expect(await judgeBound(await accessToken({ [claim]: value }))).toBe("token.claims");
  });

  test.each<[string, Changes, Reason | "ok"]>([
    ["exp before iat", { exp: NOW - 1 }, "token.claims"],
    ["too long a jti", { jti: long(MAX_JTI_LENGTH + 1) }, "token.claims"],
    ["too long a sub", { sub: long(MAX_TOKEN_SUBJECT_LENGTH + 1) }, "token.claims"],
    ["a sub as long as may be", { sub: long(MAX_TOKEN_SUBJECT_LENGTH) }, "ok"],
    ["too many audiences", { aud: Array(MAX_AUDIENCES + 1).fill(AUDIENCE) }, "token.claims"],
    ["nbf not a time", { nbf: "now" }, "token.claims"],
    ["somebody else's wid", { wid: 7 }, "ok"],
    ["scope missing", { scope: undefined }, "ok"],
    ["scope empty", { scope: "" }, "ok"],
    ["scope in a list", { scope: ["tools"] }, "token.claims"],
    ["scope null", { scope: null }, "token.claims"],
    ["scope with two spaces", { scope: "tools  other" }, "token.claims"],
    ["scope with a tab", { scope: "tools\tother" }, "token.claims"],
    ["scope with a space in front", { scope: " tools" }, "token.claims"],
    ["scope with a space behind", { scope: "tools " }, "token.claims"],
    ["scope with a line feed", { scope: "tools\nother" }, "token.claims"],
    ["scope with a NUL", { scope: "tools\u0000" }, "token.claims"],
    ["scope with a no-break space", { scope: "tools\u00a0other" }, "token.claims"],
    ["scope twice", { scope: "tools tools" }, "ok"],
    ["scope with a quote", { scope: 'tools "' }, "token.claims"],
    ["cnf null", { cnf: null }, "token.confirmation"],
    ["cnf a string", { cnf: "x" }, "token.confirmation"],
    ["cnf empty", { cnf: {} }, "token.confirmation"],
    ["cnf in a list", { cnf: [TOKEN.cnf ?? null] }, "token.confirmation"],
    ["cnf of mutual TLS", { cnf: { "x5t#S256": HOLDER_JKT } }, "token.confirmation"],
    ["cnf of both kinds", { cnf: { jkt: HOLDER_JKT, "x5t#S256": "x" } }, "token.confirmation"],
    ["cnf with a key", { cnf: { jwk: holder.jwk as JsonValue } }, "token.confirmation"],
    ["jkt empty", { cnf: { jkt: "" } }, "token.confirmation"],
    ["jkt padded", { cnf: { jkt: `${HOLDER_JKT}=` } }, "token.confirmation"],
    ["jkt too short", { cnf: { jkt: "AAAA" } }, "token.confirmation"],
    ["jkt not a string", { cnf: { jkt: 7 } }, "token.confirmation"],
    ["jkt of another key", { cnf: { jkt: THIEF_JKT } }, "dpop.confirmation"],
  ])("%s", async (_, claims, expected) => {
    expect(seen(await judgeBound(await accessToken(claims)))).toBe(expected);
  });

  test.each<[string, Changes, AnySigner, Reason | "ok"]>([
    ["another issuer", { iss: "https://evil.example" }, server, "token.issuer_unknown"],
    ["the issuer with a slash", { iss: "https://auth.example/" }, server, "token.issuer_unknown"],
    ["the issuer in capitals", { iss: "https://AUTH.example" }, server, "token.issuer_unknown"],
    ["an issuer of mandates", { iss: "https://issuer.example" }, server, "token.issuer_unknown"],
    ["another issuer's key of the same name", {}, otherServer, "token.signature"],
    ["in the name of the other issuer", { iss: "https://other.example" }, server, "token.signature"],
    ["a key of its own", { iss: "https://other.example" }, serverEdDsa, "token.key_unknown"],
    ["an agent's key", {}, ada, "token.key_unknown"],
    ["EdDSA", {}, serverEdDsa, "ok"],
    ["RS256, by a key that does not say what it is for", {}, serverRsa, "ok"],
    ["expired", { iat: NOW - 700, exp: NOW - CLOCK_SKEW - 1 }, server, "token.expired"],
    ["expired, within the skew", { iat: NOW - 700, exp: NOW - CLOCK_SKEW }, server, "ok"],
    ["from the future", { iat: NOW + CLOCK_SKEW + 1, exp: NOW + 700 }, server, "token.in_future"],
    ["not good yet", { nbf: NOW + CLOCK_SKEW + 1 }, server, "token.in_future"],
    ["too long a life", { exp: NOW + 3601 }, server, "token.lifetime"],
    ["a life without end", { exp: Number.MAX_SAFE_INTEGER }, server, "token.lifetime"],
    ["another audience", { aud: "https://gateway.example/other/mcp" }, server, "token.audience"],
    ["the audience with a slash", { aud: `${AUDIENCE}/` }, server, "token.audience"],
    ["the host alone", { aud: ["https://gateway.example"] }, server, "token.audience"],
    ["one audience of several", { aud: ["https://a.example", AUDIENCE] }, server, "ok"],
  ])("%s", async (_, claims, by, expected) => {
    expect(seen(await judgeBound(await accessToken(claims, by)))).toBe(expected);
  });

  test("the algorithm of EdDSA under its other name", async () => {
    expect(await judgeBound(await accessToken({}, serverEdDsa, { alg: "Ed25519" }))).toBe("ok");
  });

  test("what it becomes", async () => {
    const judged = unwrap(await judge({ authorization: `Bearer ${U}` }, { by: tenantUnbound }));
    expect(judged).toMatchObject({
      kind: "token",
      token: { sub: "client-1", clientId: "client-1", confirmation: null, proof: null, tenantName: null },
    });
    if (judged.kind === "token") expect([...judged.token.scopes]).toEqual(["tools", "other"]);
  });

  test("a bound one is not taken as Bearer where others are", async () => {
    expect(await judgeUnbound(T)).toBe("token.bound");
    expect(await judgeUnbound(U)).toBe("ok");
    const withProof = await judge(
      { authorization: `Bearer ${U}`, dpop: await proof(U) },
      { by: tenantUnbound },
    );
    expect(outcome(withProof)).toBe("dpop.unbound");
  });
});

describe("which tenant of the issuer it is for", () => {
  const by = ofOrganisation;
  test.each<[string, Changes, Record<string, string>, Reason | "ok"]>([
    ["the claim", { org: "a" }, {}, "ok"],
    ["claim and header", { org: "a" }, { "x-tenant-id": "a" }, "ok"],
    ["another of its names", { org: "a2" }, { "x-tenant-id": "a2" }, "ok"],
    ["no claim", {}, {}, "token.tenant"],
    ["no claim, but the header", {}, { "x-tenant-id": "a" }, "token.tenant"],
    ["another tenant", { org: "b" }, {}, "token.tenant"],
    ["another tenant, in both", { org: "b" }, { "x-tenant-id": "b" }, "token.tenant"],
    ["in capitals", { org: "A" }, {}, "token.tenant"],
    ["in a list", { org: ["a"] }, {}, "token.tenant"],
    ["a header for another", { org: "a" }, { "x-tenant-id": "b" }, "token.tenant_header"],
    ["a header for its other name", { org: "a" }, { "x-tenant-id": "a2" }, "token.tenant_header"],
    ["an empty header", { org: "a" }, { "x-tenant-id": "" }, "token.tenant_header"],
    ["two headers", { org: "a" }, { "x-tenant-id": "a, a" }, "token.tenant_header"],
    ["a header in capitals", { org: "a" }, { "x-tenant-id": "A" }, "token.tenant_header"],
  ])("%s", async (_, claims, headers, expected) => {
    const token = await unbound(claims);
    expect(seen(outcome(await judge({ authorization: `Bearer ${token}`, ...headers }, { by })))).toBe(
      expected,
    );
  });

  test("a claim that every object has is not there", async () => {
    const odd = await tenantTaking({
      unsafeBearer: true,
      tenantClaim: { claim: "constructor", values: ["a"] },
    });
    expect(await judgeUnbound(U, { by: odd })).toBe("token.tenant");
  });

  test("where no claim is asked for, the header is nobody's business", async () => {
    const judged = await judge({ authorization: `Bearer ${U}`, "x-tenant-id": "b" }, { by: tenantUnbound });
    expect(outcome(judged)).toBe("ok");
  });
});

describe("clients", () => {
  const by = withClients;
  test.each<[string, Reason | "ok"]>([
    ["client-1", "ok"],
    ["client-2", "token.client"],
    ["CLIENT-1", "token.client"],
    ["https://apps.example/reader.json", "ok"],
    ["https://apps.example/", "token.client"],
    ["https://apps.example", "token.client"],
    ["http://apps.example/reader.json", "token.client"],
    ["https://APPS.example/reader.json", "token.client"],
    ["https://apps.example:8443/reader.json", "token.client"],
    ["https://apps.example@evil.example/reader.json", "token.client"],
    ["https://x@apps.example/reader.json", "token.client"],
    ["https://evil.example/?apps.example/reader.json", "token.client"],
    ["https://apps.example.evil.example/reader.json", "token.client"],
    ["https://sub.apps.example/reader.json", "token.client"],
    ["https://apps.example/a/../reader.json", "token.client"],
    ["https://apps.example/reader.json#x", "token.client"],
    ["apps.example", "token.client"],
  ])("%s", async (client_id, expected) => {
    expect(seen(await judgeUnbound(await unbound({ client_id }), { by }))).toBe(expected);
  });

  test("a list of none lets in none", async () => {
    expect(await judgeUnbound(U, { by: await tenantTaking({ unsafeBearer: true, clients: [] }) })).toBe(
      "token.client",
    );
  });
});

describe("subjects", () => {
  const grantTo = (...subjects: { issuer: string; subject?: string }[]): Partial<TenantDocument> => ({
    policy: { unsafeUnlistedTools: "read", grants: [{ subjects, scope: "read" }] },
  });
  const knowing = (...subjects: { issuer: string; subject?: string }[]) =>
    tenantTaking({ unsafeBearer: true }, grantTo(...subjects));

  test.each<[string, Changes, Reason | "ok"]>([
    ["the one that is granted something", {}, "ok"],
    ["another", { sub: "client-2" }, "token.subject"],
    ["in capitals", { sub: "CLIENT-1" }, "token.subject"],
    ["that begins alike", { sub: "client-10" }, "token.subject"],
    ["whose client alone has the name", { sub: "x", client_id: "client-1" }, "token.subject"],
  ])("%s", async (_, claims, expected) => {
    const by = await knowing({ issuer: AS, subject: "client-1" });
    expect(seen(await judgeUnbound(await unbound(claims), { by }))).toBe(expected);
  });

  test("of the same name at another issuer", async () => {
    const by = await knowing({ issuer: "https://other.example", subject: "client-1" });
    expect(await judgeUnbound(U, { by })).toBe("token.subject");
    const theirs = await unbound({ iss: "https://other.example" }, otherServer);
    expect(await judgeUnbound(theirs, { by })).toBe("ok");
  });

  test("all of an issuer", async () => {
    const by = await knowing({ issuer: AS });
    expect(await judgeUnbound(await unbound({ sub: "anybody" }), { by })).toBe("ok");
    const theirs = await unbound({ iss: "https://other.example" }, otherServer);
    expect(await judgeUnbound(theirs, { by })).toBe("token.subject");
  });

  test("a policy that grants nothing lets in nobody", async () => {
    const by = await tenantTaking({ unsafeBearer: true }, { policy: {} });
    expect(await judgeUnbound(U, { by })).toBe("token.subject");
  });

  test("a name that is too long for a ledger's", async () => {
    const judged = async (sub: string) => judgeUnbound(await unbound({ sub }));
    const room = MAX_PRINCIPAL_LENGTH - `"oauth:${AS}:"`.length;
    expect(room).toBeGreaterThan(MAX_TOKEN_SUBJECT_LENGTH);
    expect(await judged(":".repeat(Math.floor(room / 3)))).toBe("ok");
    expect(await judged(":".repeat(Math.floor(room / 3) + 1))).toBe("token.claims");
    expect(await judged('"'.repeat(Math.floor(room / 2)))).toBe("ok");
    expect(await judged('"'.repeat(Math.floor(room / 2) + 1))).toBe("token.claims");
  });
});

test.each<[string, Changes]>([
  ["expired", { iat: NOW - 700, exp: NOW - 600 }],
  ["of the future", { iat: NOW + 100, exp: NOW + 700 }],
  ["for too long", { exp: NOW + 3601 }],
  ["for somebody else", { aud: "https://else.example" }],
  ["of a subject that nobody has heard of", { sub: "client-2" }],
  ["not bound", { cnf: undefined }],
])("for a token that is %s nobody looks for a key", async (_, claims) => {
  let asked = 0;
  const keys: KeyFinder = async () => {
    asked++;
    return fail("unavailable");
  };
  const by = await tenantTaking(
    { issuers: [{ iss: AS, keySources: [{ type: "jwks", url: "https://auth.example/jwks" }] }] },
    {
      policy: {
        unsafeUnlistedTools: "read",
        grants: [{ subjects: [{ issuer: AS, subject: "client-1" }], scope: "read" }],
      },
    },
  );
  const scheme = "cnf" in claims ? "Bearer" : "DPoP";
  const judged = async (token: string) =>
    outcome(await judge({ authorization: `${scheme} ${token}`, dpop: await proof(token) }, { by, keys }));
  expect(await judged(await accessToken(claims))).toMatch(/^token\./);
  expect(asked).toBe(0);
});

test("the key of the issuer is known by its thumbprint", async () => {
  for (const one of [server, serverEdDsa, serverRsa]) {
    const judged = unwrap(
      await judge({ authorization: `Bearer ${await unbound({}, one)}` }, { by: tenantUnbound }),
    );
    expect(judged).toMatchObject({ token: { key: await thumbprintOf(one) } });
  }
});

test("an issuer's own bound on lifetimes", async () => {
  const issuers = section().issuers.map((issuer) => ({ ...issuer, maxLifetimeSeconds: 60 }));
  const by = await tenantTaking({ issuers });
  expect(await judgeBound(T, { by })).toBe("token.lifetime");
  expect(await judgeBound(await accessToken({ exp: NOW + 60 }), { by })).toBe("ok");
  expect(await judgeBound(T, { by: tenant })).toBe("ok");
});

test("every reason about tokens is reached here", () => {
  const elsewhere = [
    "token.key_untrusted",
    "token.client_key",
    "token.evidence_beside",
    "token.no_rule",
    "token.scope",
  ];
  const all = Object.keys(REASONS).filter((code) => code.startsWith("token.") && !elsewhere.includes(code));
  expect(all.filter((code) => !reached.has(code as Reason))).toEqual([]);
});
