import { describe, expect, test } from "vitest";
import { utf8 } from "../../../src/encoding.ts";
import { type Mandate, parseMandate } from "../../../src/evidence/act/parse.ts";
import type { JsonObject, JsonValue } from "../../../src/json/strict-json.ts";
import {
  MAX_AUDIENCES,
  MAX_CAPABILITIES,
  MAX_IDENTIFIER_LENGTH,
  MAX_JTI_LENGTH,
  MAX_TOKEN_BYTES,
} from "../../../src/limits.ts";
import { REASONS, type Reason } from "../../../src/reasons.ts";
import { ect, issuer, issuerP256, MANDATE, mandate } from "../../support/acme.ts";
import {
  type Changes,
  compact,
  hmacSign,
  long,
  NOT_A_TIME,
  NOT_AN_IDENTIFIER,
  respell,
} from "../../support/tokens.ts";
import { DELEGATION_REASONS, VERIFICATION_REASONS } from "./reasons.ts";

const parse = (headers: Record<string, string>) => parseMandate(new Map(Object.entries(headers)));

function judge(headers: Record<string, string>): Reason | "absent" | "present" {
  const presented = parse(headers);
  return presented.state === "malformed" ? presented.reason : presented.state;
}

const judgeToken = (token: string) => judge({ authorization: `Bearer ${token}` });
const judgeClaims = async (claims: Changes) => judgeToken(await mandate(claims));

async function parsed(claims: Changes): Promise<Mandate> {
  const presented = parse({ "act-mandate": await mandate(claims) });
  if (presented.state !== "present") throw new Error(JSON.stringify(presented));
  return presented.value;
}

const T = await mandate();
const OTHER = await mandate({ jti: "mandate-2" });
const PARENTS = {
  ect: await ect(),
  withoutIss: await mandate({ iss: undefined }),
  record: await mandate({ exec_act: "mcp.search" }),
  malformed: await mandate({ del: {} }),
};
const reached = new Set<Reason>();

describe("where it is carried", () => {
  test.each<[string, Record<string, string>, Reason | "absent" | "present"]>([
    ["nowhere", {}, "absent"],
    ["in Authorization", { authorization: `Bearer ${T}` }, "present"],
    ["in Authorization, another case", { authorization: `bEARER ${T}` }, "present"],
    ["in Authorization, two spaces", { authorization: `Bearer  ${T}` }, "present"],
    ["in ACT-Mandate", { "act-mandate": T }, "present"],
    ["in both, equal", { authorization: `Bearer ${T}`, "act-mandate": T }, "present"],
    ["in both, different", { authorization: `Bearer ${T}`, "act-mandate": OTHER }, "bearer.conflict"],
    [
      "in both, one with another spelling",
      { authorization: `Bearer ${T}`, "act-mandate": `${T}=` },
      "bearer.conflict",
    ],
    [
      "beside an opaque access token",
      { authorization: "Bearer opaque", "act-mandate": T },
      "bearer.conflict",
    ],
    ["beside Basic", { authorization: "Basic dTpw", "act-mandate": T }, "bearer.scheme"],
    ["as DPoP", { authorization: `DPoP ${T}` }, "bearer.scheme"],
    ["without a scheme", { authorization: T }, "bearer.scheme"],
    ["with nothing after the scheme", { authorization: "Bearer" }, "bearer.scheme"],
    ["as an empty Authorization", { authorization: "" }, "bearer.scheme"],
    ["beside an empty Authorization", { authorization: "", "act-mandate": T }, "bearer.scheme"],
    ["after a tab", { authorization: `Bearer\t${T}` }, "bearer.scheme"],
    ["with a parameter", { authorization: `Bearer ${T} realm=x` }, "bearer.scheme"],
    ["on two Authorization lines", { authorization: `Bearer ${T}, Bearer ${T}` }, "bearer.scheme"],
    ["on two ACT-Mandate lines", { "act-mandate": `${T}, ${T}` }, "act.malformed"],
    ["as an empty ACT-Mandate", { "act-mandate": "" }, "act.malformed"],
    [
      "in Authorization, beside an empty ACT-Mandate",
      { authorization: `Bearer ${T}`, "act-mandate": "" },
      "bearer.conflict",
    ],
    ["with Bearer in ACT-Mandate", { "act-mandate": `Bearer ${T}` }, "act.malformed"],
    ["as an opaque token", { authorization: "Bearer opaque" }, "act.malformed"],
  ])("%s", async (_, headers, expected) => {
    const judged = judge(headers);
    expect(judged).toBe(expected);
    if (judged in REASONS) reached.add(judged as Reason);
  });
});

describe("header", () => {
  test.each<[string, Changes, Reason]>([
    ["typ of an ECT", { typ: "exec+jwt" }, "act.typ"],
    ["typ of an ECT, first revision", { typ: "wimse-exec+jwt" }, "act.typ"],
    ["typ JWT", { typ: "JWT" }, "act.typ"],
    ["typ missing", { typ: undefined }, "act.typ"],
    ["typ null", { typ: null }, "act.typ"],
    ["typ in capitals", { typ: "ACT+JWT" }, "act.typ"],
    ["typ in a list", { typ: ["act+jwt"] }, "act.typ"],
    ["typ with a space", { typ: "act+jwt " }, "act.typ"],
    ["typ of an access token", { typ: "at+jwt" }, "bearer.access_token"],
    ["typ of an access token in full", { typ: "application/at+jwt" }, "bearer.access_token"],
    ["typ and alg wrong", { typ: "at+jwt", alg: "none" }, "bearer.access_token"],
    ["alg none", { alg: "none" }, "act.alg"],
    ["alg None", { alg: "None" }, "act.alg"],
    ["alg NONE", { alg: "NONE" }, "act.alg"],
    ["alg nOnE", { alg: "nOnE" }, "act.alg"],
    ["alg empty", { alg: "" }, "act.alg"],
    ["alg missing", { alg: undefined }, "act.alg"],
    ["alg null", { alg: null }, "act.alg"],
    ["alg in a list", { alg: ["EdDSA"] }, "act.alg"],
    ["alg RS256", { alg: "RS256" }, "act.alg"],
    ["alg ES384", { alg: "ES384" }, "act.alg"],
    ["alg es256", { alg: "es256" }, "act.alg"],
    ["alg Ed25519", { alg: "Ed25519" }, "act.alg"],
    ["crit", { crit: ["exp"] }, "act.crit"],
    ["crit that is empty", { crit: [] }, "act.crit"],
    ["crit that is null", { crit: null }, "act.crit"],
    ["crit b64", { crit: ["b64"], b64: false }, "act.crit"],
    ...NOT_AN_IDENTIFIER.map(([what, kid]): [string, Changes, Reason] => [
      `kid: ${what}`,
      { kid },
      "act.kid",
    ]),
    ["kid too long", { kid: long(MAX_IDENTIFIER_LENGTH + 1) }, "act.kid"],
  ])("%s", async (_, header, expected) => {
    expect(judgeToken(await mandate({}, issuer, header))).toBe(expected);
    reached.add(expected);
  });

  test("HS256 with a public key as the secret", async () => {
    const sign = await hmacSign(utf8(JSON.stringify(issuerP256.jwk)));
    const token = await compact({ typ: "act+jwt", alg: "HS256", kid: issuerP256.kid }, MANDATE, sign);
    expect(judgeToken(token)).toBe("act.alg");
  });

  test("unsigned, in the two forms", async () => {
    const token = await mandate({}, issuer, { alg: "none" });
    expect(judgeToken(token.slice(0, token.lastIndexOf(".") + 1))).toBe("act.alg");
    expect(judgeToken(token.slice(0, token.lastIndexOf(".")))).toBe("act.malformed");
  });

  test("an ECT is no mandate", async () => {
    expect(judgeToken(await ect())).toBe("act.typ");
  });
});

describe("form", () => {
  const sign = issuer.sign;
  const header = '{"typ":"act+jwt","alg":"EdDSA","kid":"issuer-1"';
  const claims = JSON.stringify(MANDATE).slice(0, -1);
  test.each<[string, () => Promise<string>, Reason]>([
    [
      "a member twice in the header",
      () => compact(`${header},"alg":"ES256"}`, MANDATE, sign),
      "act.malformed",
    ],
    ["kid twice", () => compact(`${header},"kid":"issuer-1"}`, MANDATE, sign), "act.malformed"],
    ["sub twice", () => compact(`${header}}`, `${claims},"sub":"agent:bob"}`, sign), "act.malformed"],
    [
      "a member twice in a capability",
      () => compact(`${header}}`, `${claims.replace("[{", '[{"action":"x",')}}`, sign),
      "act.malformed",
    ],
    ["an unsafe exp", () => compact(`${header}}`, `${claims},"x":9007199254740993}`, sign), "act.malformed"],
    ["padding", async () => `${await mandate()}=`, "act.malformed"],
    ["too many bytes", async () => long(MAX_TOKEN_BYTES + 1), "act.too_large"],
    ["a padded mandate beyond the cap", () => mandate({ x: long(MAX_TOKEN_BYTES) }), "act.too_large"],
  ])("%s", async (_, token, expected) => {
    expect(judgeToken(await token())).toBe(expected);
    reached.add(expected);
  });

  test("another spelling of a valid token", async () => {
    // Signatures have 64 octets, so the last of 86 characters has four unused bits.
    expect(judgeToken(respell(T, 2))).toBe("act.malformed");
  });
});

describe("claims", () => {
  const text = (claim: string, cap = MAX_IDENTIFIER_LENGTH): [string, Changes][] => [
    ...NOT_AN_IDENTIFIER.map(([what, value]): [string, Changes] => [`${claim}: ${what}`, { [claim]: value }]),
    [`${claim}: too long`, { [claim]: long(cap + 1) }],
  ];
  const capabilities: [string, JsonValue | undefined][] = [
    ["missing", undefined],
    ["null", null],
    ["a string", "mcp.search"],
    ["an object", { action: "mcp.search" }],
    ["a number", 1],
    ["empty", []],
    ["a list of strings", ["mcp.search"]],
    ["a list with null", [{ action: "mcp.search" }, null]],
    ["nested lists", [[{ action: "mcp.search" }]]],
    ["without action", [{}]],
    ["action null", [{ action: null }]],
    ["action a number", [{ action: 1 }]],
    ["action a list", [{ action: ["mcp.search"] }]],
    ["action empty", [{ action: "" }]],
    ["action with a space", [{ action: "mcp. search" }]],
    ["action not ASCII", [{ action: "mcp.s\u00e9arch" }]],
    ["action too long", [{ action: long(MAX_IDENTIFIER_LENGTH + 1) }]],
    ["too many", Array(MAX_CAPABILITIES + 1).fill({ action: "a" })],
  ];
  test.each<[string, Changes]>([
    ...text("iss"),
    ...text("sub"),
    ...text("jti", MAX_JTI_LENGTH),
    ...text("wid", MAX_JTI_LENGTH).filter(([what]) => what !== "wid: missing"),
    ...text("aud").filter(([what]) => what !== "aud: an array"),
    ["aud: too many", { aud: Array(MAX_AUDIENCES + 1).fill("a") }],
    ["aud: one of another type", { aud: ["a", null] }],
    ...NOT_A_TIME.flatMap(([what, value]): [string, Changes][] => [
      [`iat: ${what}`, { iat: value }],
      [`exp: ${what}`, { exp: value }],
    ]),
    ["exp: equal to iat", { exp: MANDATE.iat }],
    ["exp: before iat", { exp: 1 }],
    ...capabilities.map(([what, cap]): [string, Changes] => [`cap: ${what}`, { cap }]),
    ...([undefined, null, "x", 1, [], ["x"], {}] as const).map((task): [string, Changes] => [
      `task: ${JSON.stringify(task)}`,
      { task },
    ]),
    ...([null, 1, [], {}, true] as const).map((purpose): [string, Changes] => [
      `task.purpose: ${JSON.stringify(purpose)}`,
      { task: { purpose } },
    ]),
  ])("%s", async (_, claims) => {
    expect(await judgeClaims(claims)).toBe("act.claims");
    reached.add("act.claims");
  });

  test.each<[string, Changes]>([
    ["exec_act", { exec_act: "mcp.search" }],
    ["exec_act null", { exec_act: null }],
    ["exec_ts", { exec_ts: 1 }],
    ["status", { status: "completed" }],
    ["pred", { pred: [] }],
    ["par", { par: [] }],
    ["err", { err: {} }],
    ["inp_hash", { inp_hash: long(43) }],
    ["out_hash", { out_hash: long(43) }],
    ["a whole record", { exec_act: "mcp.search", pred: [], exec_ts: 1, status: "completed" }],
    ["a record with other faults", { status: "completed", sub: 1 }],
  ])("a record is no mandate: %s", async (_, claims) => {
    expect(await judgeClaims(claims)).toBe("act.phase");
    reached.add("act.phase");
  });

  test.each<[string, Changes]>([
    ["jti", { jti: long(MAX_JTI_LENGTH) }],
    ["wid", { wid: long(MAX_JTI_LENGTH) }],
    ["iss", { iss: long(MAX_IDENTIFIER_LENGTH) }],
    ["aud", { aud: Array(MAX_AUDIENCES).fill("a") }],
    ["cap", { cap: Array(MAX_CAPABILITIES).fill({ action: "a" }) }],
    ["exp", { exp: Number.MAX_SAFE_INTEGER }],
    ["claims that are not known", { oversight: {}, x: [1, { y: null }] }],
  ])("as long as it may be: %s", async (_, claims) => {
    expect(await judgeClaims(claims)).toBe("present");
  });

  test("every claim is read as it is", async () => {
    const { jws, ...claims } = await parsed({ wid: "w", aud: ["a", "b"], del: { depth: 0, max_depth: 2 } });
    expect(jws.payload.task).toEqual({ purpose: "test_task" });
    expect(claims).toEqual({
      alg: "EdDSA",
      kid: "issuer-1",
      iss: MANDATE.iss,
      sub: MANDATE.sub,
      purpose: "test_task",
      aud: ["a", "b"],
      iat: MANDATE.iat,
      notBefore: MANDATE.iat,
      exp: MANDATE.exp,
      jti: MANDATE.jti,
      wid: "w",
      cap: [{ action: "mcp.search", constraints: { arguments: null, maxCalls: null } }],
      delegation: { depth: 0, maxDepth: 2, parent: null },
    });
  });

  test.each<[string, JsonObject]>([
    ["a member that is not known", { max: 1 }],
    ["a constraint that is not known", { constraints: { max: 1 } }],
    ["a constraint in capitals", { constraints: { Arguments: {} } }],
    ["a kind that is not known", { constraints: { arguments: { "/q": { like: "x" } } } }],
    [
      "a kind that is not known beside one that is",
      { constraints: { arguments: { "/q": { equals: 1, like: "x" } } } },
    ],
    ["a name that every object has", { constraints: { arguments: { "/q": { toString: "x" } } } }],
  ])("cannot be evaluated, so the entry allows nothing: %s", async (_, members) => {
    const { cap } = await parsed({ cap: [{ action: "a", ...members }] });
    expect(cap).toEqual([{ action: "a", constraints: null }]);
  });

  test.each<[string, JsonValue]>([
    ["null", null],
    ["a list", ["x"]],
    ["text", ""],
    ["false", false],
    ["zero", 0],
    ["max_calls zero", { max_calls: 0 }],
    ["max_calls negative", { max_calls: -1 }],
    ["max_calls a fraction", { max_calls: 1.5 }],
    ["max_calls text", { max_calls: "1" }],
    ["max_calls null", { max_calls: null }],
    ["additional text", { additional: "no" }],
    ["additional null", { additional: null }],
    ["arguments null", { arguments: null }],
    ["arguments a list", { arguments: [] }],
    ["a path that is a plain name", { arguments: { q: {} } }],
    ["an empty path", { arguments: { "": {} } }],
    ["a path with a bare ~", { arguments: { "/a~b": {} } }],
    ["a path with an unknown escape", { arguments: { "/a~2": {} } }],
    ["a path in URI form", { arguments: { "#/a": {} } }],
    ["a rule that is a value", { arguments: { "/q": "x" } }],
    ["a rule that is null", { arguments: { "/q": null } }],
    ["in without values", { arguments: { "/q": { in: [] } } }],
    ["in of no list", { arguments: { "/q": { in: "x" } } }],
    ["in null", { arguments: { "/q": { in: null } } }],
    ["minimum text", { arguments: { "/q": { minimum: "1" } } }],
    ["maximum null", { arguments: { "/q": { maximum: null } } }],
    ["prefix a number", { arguments: { "/q": { prefix: 1 } } }],
    ["pattern a number", { arguments: { "/q": { pattern: 1 } } }],
    ["presence of no kind", { arguments: { "/q": { presence: "maybe" } } }],
    ["presence null", { arguments: { "/q": { presence: null } } }],
    ["forbidden, with a value", { arguments: { "/q": { presence: "forbidden", equals: 1 } } }],
    ["one malformed beside one that is not known", { arguments: { "/q": { in: [] } }, max: 1 }],
  ])("constraints malformed: %s", async (_, constraints) => {
    expect(await judgeClaims({ cap: [{ action: "a", constraints }] })).toBe("act.constraint_malformed");
    reached.add("act.constraint_malformed");
  });

  test.each<[string, JsonValue]>([
    ["null", null],
    ["true", true],
    ["a list", []],
    ["empty", {}],
    ["without max_depth", { depth: 0 }],
    ["without depth", { max_depth: 1 }],
    ["depth negative", { depth: -1, max_depth: 1 }],
    ["depth a fraction", { depth: 0.5, max_depth: 1 }],
    ["depth text", { depth: "0", max_depth: 1 }],
    ["max_depth null", { depth: 0, max_depth: null }],
    ["a member that is not known", { depth: 0, max_depth: 1, chain: [] }],
    ["a root with a parent", { depth: 0, max_depth: 1, parent: T }],
    ["a root with a parent that is null", { depth: 0, max_depth: 1, parent: null }],
    ["delegated, without a parent", { depth: 1, max_depth: 1 }],
    ["a parent that is an object", { depth: 1, max_depth: 1, parent: {} }],
    ["a parent that is no token", { depth: 1, max_depth: 1, parent: "x" }],
    ["a parent that is an ECT", { depth: 1, max_depth: 1, parent: PARENTS.ect }],
    ["a parent without iss", { depth: 1, max_depth: 1, parent: PARENTS.withoutIss }],
    ["a parent that is a record", { depth: 1, max_depth: 1, parent: PARENTS.record }],
    ["a parent with del malformed", { depth: 1, max_depth: 1, parent: PARENTS.malformed }],
    ["a parent in padded base64url", { depth: 1, max_depth: 1, parent: `${T}=` }],
  ])("del malformed: %s", async (_, del) => {
    expect(await judgeClaims({ del })).toBe("act.delegation_malformed");
    reached.add("act.delegation_malformed");
  });
});

test("every reason has a case", () => {
  const own = Object.keys(REASONS).filter((code) => /^(act|bearer)\./.test(code));
  // bearer.missing is the gate's word for absent; the other is about access tokens.
  const missing = own.filter(
    (code) =>
      !["bearer.missing", "bearer.two_kinds"].includes(code) &&
      ![reached, VERIFICATION_REASONS, DELEGATION_REASONS].some((tested) => tested.has(code as Reason)),
  );
  expect(missing).toEqual([]);
});
