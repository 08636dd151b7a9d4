import { describe, expect, test } from "vitest";
import { toBase64url, utf8 } from "../../../src/encoding.ts";
import { type Ect, parseEct } from "../../../src/evidence/ect/parse.ts";
import type { JsonObject, JsonValue } from "../../../src/json/strict-json.ts";
import {
  MAX_AUDIENCES,
  MAX_ECT_EXT_BYTES,
  MAX_ECT_EXT_DEPTH,
  MAX_IDENTIFIER_LENGTH,
  MAX_JTI_LENGTH,
  MAX_PRED,
  MAX_TOKEN_BYTES,
} from "../../../src/limits.ts";
import { REASONS, type Reason } from "../../../src/reasons.ts";
import { ada, BODY_SHA256, ECT, ect, mandate } from "../../support/acme.ts";
import {
  type Changes,
  compact,
  hmacSign,
  long,
  merge,
  NOT_A_TIME,
  NOT_AN_IDENTIFIER,
  respell,
} from "../../support/tokens.ts";
import { LATER_REASONS } from "./reasons.ts";

function judge(headers: Record<string, string>): Reason | "absent" | "present" {
  const presented = parseEct(new Map(Object.entries(headers)));
  const judged = presented.state === "malformed" ? presented.reason : presented.state;
  if (presented.state === "malformed") reached.add(presented.reason);
  return judged;
}

const reached = new Set<Reason>();
const judgeToken = (token: string) => judge({ "wimse-ect": token });

async function parsed(claims: Changes): Promise<Ect> {
  const presented = parseEct(new Map([["execution-context", await ect(claims)]]));
  if (presented.state !== "present") throw new Error(JSON.stringify(presented));
  return presented.value;
}

const T = await ect();
const OTHER = await ect({ jti: "ect-2" });
const unsigned = (payload: JsonValue) => toBase64url(utf8(JSON.stringify(payload)));

describe("where it is carried", () => {
  test.each<[string, Record<string, string>, Reason | "absent" | "present"]>([
    ["nowhere", {}, "absent"],
    ["in Wimse-ECT", { "wimse-ect": T }, "present"],
    ["in Execution-Context", { "execution-context": T }, "present"],
    ["in both, equal", { "wimse-ect": T, "execution-context": T }, "present"],
    ["in both, different", { "wimse-ect": T, "execution-context": OTHER }, "ect.conflict"],
    ["in both, one broken", { "wimse-ect": T, "execution-context": "x" }, "ect.conflict"],
    ["in both, one empty", { "wimse-ect": T, "execution-context": "" }, "ect.conflict"],
    ["in both, the other empty", { "wimse-ect": "", "execution-context": T }, "ect.conflict"],
    ["empty", { "wimse-ect": "" }, "ect.malformed"],
    ["empty in the other", { "execution-context": "" }, "ect.malformed"],
    ["on two lines", { "wimse-ect": `${T}, ${T}` }, "ect.malformed"],
    ["on two lines, one for each parent", { "execution-context": `${T}, ${OTHER}` }, "ect.malformed"],
    ["with a scheme", { "wimse-ect": `Bearer ${T}` }, "ect.malformed"],
  ])("%s", (_, headers, expected) => {
    expect(judge(headers)).toBe(expected);
  });
});

describe("header", () => {
  test.each(["exec+jwt", "wimse-exec+jwt"])("typ %s", async (typ) => {
    expect(judgeToken(await ect({}, ada, { typ }))).toBe("present");
  });

  test.each<[string, Changes, Reason]>([
    ["typ of a mandate", { typ: "act+jwt" }, "ect.typ"],
    ["typ of an access token", { typ: "at+jwt" }, "ect.typ"],
    ["typ JWT", { typ: "JWT" }, "ect.typ"],
    ["typ missing", { typ: undefined }, "ect.typ"],
    ["typ null", { typ: null }, "ect.typ"],
    ["typ in capitals", { typ: "EXEC+JWT" }, "ect.typ"],
    ["typ in full", { typ: "application/exec+jwt" }, "ect.typ"],
    ["typ in a list", { typ: ["exec+jwt"] }, "ect.typ"],
    ...["none", "None", "NONE", "nOnE", "", "HS256", "RS256", "PS256", "es256", "Ed25519"].map(
      (alg): [string, Changes, Reason] => [`alg ${alg}`, { alg }, "ect.alg"],
    ),
    ["alg missing", { alg: undefined }, "ect.alg"],
    ["alg null", { alg: null }, "ect.alg"],
    ["alg in a list", { alg: ["ES256"] }, "ect.alg"],
    ["crit", { crit: ["exp"] }, "ect.crit"],
    ["crit that is empty", { crit: [] }, "ect.crit"],
    ["crit that is null", { crit: null }, "ect.crit"],
    ["crit b64", { crit: ["b64"], b64: false }, "ect.crit"],
    ...NOT_AN_IDENTIFIER.map(([what, kid]): [string, Changes, Reason] => [
      `kid: ${what}`,
      { kid },
      "ect.kid",
    ]),
    ["kid too long", { kid: long(MAX_IDENTIFIER_LENGTH + 1) }, "ect.kid"],
  ])("%s", async (_, header, expected) => {
    expect(judgeToken(await ect({}, ada, header))).toBe(expected);
  });

  test("HS256 with the public key as the secret", async () => {
    const sign = await hmacSign(utf8(JSON.stringify(ada.jwk)));
    const token = await compact({ typ: "exec+jwt", alg: "HS256", kid: ada.kid }, ECT, sign);
    expect(judgeToken(token)).toBe("ect.alg");
  });

  test("a mandate is no ECT", async () => {
    expect(judgeToken(await mandate())).toBe("ect.typ");
  });
});

describe("form", () => {
  const { sign } = ada;
  const header = '{"typ":"exec+jwt","alg":"ES256","kid":"ada-1"';
  const claims = JSON.stringify(ECT).slice(0, -1);
  test.each<[string, () => Promise<string>, Reason]>([
    ["alg twice", () => compact(`${header},"alg":"ES256"}`, ECT, sign), "ect.malformed"],
    ["pred twice", () => compact(`${header}}`, `${claims},"pred":["x"]}`, sign), "ect.malformed"],
    [
      "a member twice in ect_ext",
      () => compact(`${header}}`, `${claims},"ect_ext":{"a":1,"a":2}}`, sign),
      "ect.malformed",
    ],
    ["padding", async () => `${T}=`, "ect.malformed"],
    ["another spelling of a valid token", async () => respell(T, 2), "ect.malformed"],
    ["too many bytes", async () => long(MAX_TOKEN_BYTES + 1), "ect.too_large"],
    [
      "alg none and no signature",
      async () => `${unsigned({ alg: "none", typ: "exec+jwt" })}.${unsigned(ECT)}.`,
      "ect.alg",
    ],
    [
      "alg none and a signature of something else",
      async () => `${unsigned({ alg: "none", typ: "exec+jwt" })}.${unsigned(ECT)}.${T.split(".")[2]}`,
      "ect.alg",
    ],
    [
      "no alg and no signature",
      async () => `${unsigned({ typ: "exec+jwt", kid: ada.kid })}.${unsigned(ECT)}.`,
      "ect.alg",
    ],
    ["a JWS without its signature", async () => T.split(".").slice(0, 2).join("."), "ect.malformed"],
    ["the payload of a JWS in dots", async () => `.${T.split(".")[1]}.`, "ect.malformed"],
    ["level 1 with nothing in it", async () => unsigned({}), "ect.claims"],
    ["level 1 with padding", async () => `${unsigned(merge(ECT, { x: 1 }))}==`, "ect.malformed"],
    ["level 1 that is no object", async () => unsigned([ECT]), "ect.malformed"],
    ["level 1 in plain", async () => JSON.stringify(ECT), "ect.malformed"],
    ["level 1 with a member twice", async () => toBase64url(utf8('{"jti":"a","jti":"b"}')), "ect.malformed"],
    [
      "level 1 beyond the cap",
      async () => unsigned(merge(ECT, { x: long(MAX_TOKEN_BYTES) })),
      "ect.too_large",
    ],
  ])("%s", async (_, token, expected) => {
    expect(judgeToken(await token())).toBe(expected);
  });
});

describe("level 1", () => {
  const claims = (changes: Changes) => unsigned(merge(ECT, changes));

  test.each<[string, Changes, Reason | "present"]>([
    ["with all claims", {}, "present"],
    ["without iss and aud", { iss: undefined, aud: undefined }, "present"],
    ["iss that is none", { iss: 7 }, "ect.claims"],
    ["iss null", { iss: null }, "ect.claims"],
    ["aud that is none", { aud: [] }, "ect.claims"],
    ["aud null", { aud: null }, "ect.claims"],
    ["without jti", { jti: undefined }, "ect.claims"],
    ["without iat", { iat: undefined }, "ect.claims"],
    ["without exp", { exp: undefined }, "ect.claims"],
    ["without exec_act", { exec_act: undefined }, "ect.claims"],
    ["without pred", { pred: undefined }, "ect.claims"],
    ["with a bad hash", { inp_hash: "x" }, "ect.claims"],
    ["with too many parents", { pred: Array(MAX_PRED + 1).fill("j") }, "ect.pred_too_long"],
    ["with a large extension", { ect_ext: { a: long(MAX_ECT_EXT_BYTES) } }, "ect.extension"],
  ])("%s", (_, changes, expected) => {
    expect(judgeToken(claims(changes))).toBe(expected);
  });

  test("says that nobody signed it, and in which headers it came", () => {
    const token = claims({});
    const read = (...names: string[]) => parseEct(new Map(names.map((name) => [name, token])));
    expect(read("execution-context")).toMatchObject({
      value: { signed: null, carriers: ["execution-context"], iss: ECT.iss, jti: "ect-1" },
    });
    expect(read("execution-context", "wimse-ect")).toMatchObject({
      value: { carriers: ["wimse-ect", "execution-context"] },
    });
  });
});

describe("claims", () => {
  const text = (claim: string, cap = MAX_IDENTIFIER_LENGTH): [string, Changes][] => [
    ...NOT_AN_IDENTIFIER.map(([what, value]): [string, Changes] => [`${claim}: ${what}`, { [claim]: value }]),
    [`${claim}: too long`, { [claim]: long(cap + 1) }],
  ];
  const hash = toBase64url(BODY_SHA256);
  test.each<[string, Changes]>([
    ...text("iss"),
    ...text("jti", MAX_JTI_LENGTH),
    ...text("exec_act"),
    ...text("wid", MAX_JTI_LENGTH).filter(([what]) => what !== "wid: missing"),
    ...text("aud").filter(([what]) => what !== "aud: an array"),
    ["aud: too many", { aud: Array(MAX_AUDIENCES + 1).fill("a") }],
    ...NOT_A_TIME.flatMap(([what, value]): [string, Changes][] => [
      [`iat: ${what}`, { iat: value }],
      [`exp: ${what}`, { exp: value }],
    ]),
    ["exp: equal to iat", { exp: ECT.iat }],
    ["exp: before iat", { exp: 1 }],
    ["pred: missing", { pred: undefined }],
    ["pred: null", { pred: null }],
    ["pred: a string", { pred: "mandate-1" }],
    ["pred: a number", { pred: 1 }],
    ["pred: an object", { pred: { 0: "mandate-1" } }],
    ["pred: nested", { pred: [["mandate-1"]] }],
    ["pred: with null", { pred: ["mandate-1", null] }],
    ["pred: with a number", { pred: [1] }],
    ["pred: with an empty one", { pred: [""] }],
    ["pred: with a space", { pred: ["mandate 1"] }],
    ["pred: with one too long", { pred: [long(MAX_JTI_LENGTH + 1)] }],
    ["pred and par, equal", { par: ["mandate-1"] }],
    ["pred and par, different", { par: [] }],
    ["pred null beside par", { pred: null, par: ["mandate-1"] }],
    ["par null beside pred", { par: null }],
    ["par: a string", { pred: undefined, par: "mandate-1" }],
    ...[
      null,
      1,
      true,
      [],
      {},
      "",
      hash.slice(1),
      `${hash}A`,
      `${hash}=`,
      `sha-256:${hash}`,
      "é".repeat(43),
    ].map((inp_hash): [string, Changes] => [
      `inp_hash: ${JSON.stringify(inp_hash)}`,
      { inp_hash: inp_hash as JsonValue },
    ]),
    ["out_hash: null", { out_hash: null }],
    ["out_hash: with a prefix", { out_hash: `sha-256:${hash}` }],
    ["out_hash: too short", { out_hash: hash.slice(1) }],
    ["inp_hash: another spelling", { inp_hash: respell(hash, 0) }],
    ["inp_hash: the standard alphabet", { inp_hash: `+${hash.slice(1)}` }],
    ["inp_hash: hex", { inp_hash: "ab".repeat(32) }],
  ])("%s", async (_, claims) => {
    expect(judgeToken(await ect(claims))).toBe("ect.claims");
  });

  test.each<[string, Changes, Reason | "present"]>([
    ["as many as may be", { pred: Array.from({ length: MAX_PRED }, (_, i) => `j${i}`) }, "present"],
    ["one more", { pred: Array.from({ length: MAX_PRED + 1 }, (_, i) => `j${i}`) }, "ect.pred_too_long"],
    ["one more, all the same", { pred: Array(MAX_PRED + 1).fill("j") }, "ect.pred_too_long"],
    ["one more in par", { pred: undefined, par: Array(MAX_PRED + 1).fill("j") }, "ect.pred_too_long"],
    ["none: a root", { pred: [] }, "present"],
    ["the longest jti", { pred: [long(MAX_JTI_LENGTH)] }, "present"],
  ])("pred: %s", async (_, claims, expected) => {
    expect(judgeToken(await ect(claims))).toBe(expected);
  });

  test("pred is a set, and par is its older name", async () => {
    expect((await parsed({ pred: ["b", "a", "b", "a"] })).pred).toEqual(["b", "a"]);
    expect((await parsed({ pred: undefined, par: ["a"] })).pred).toEqual(["a"]);
  });

  /** Objects in objects: `ect_ext` itself is the first level. */
  const nested = (levels: number): JsonObject => (levels === 1 ? {} : { a: nested(levels - 1) });
  const lists = (levels: number): JsonValue => (levels === 0 ? 1 : [lists(levels - 1)]);
  /** `{"a":"x…"}` of that many octets. */
  const sized = (octets: number): JsonObject => ({ a: long(octets - 8) });
  test.each<[string, JsonValue, Reason | "present"]>([
    ["an empty object", {}, "present"],
    ["as deep as may be", nested(MAX_ECT_EXT_DEPTH), "present"],
    ["one level more", nested(MAX_ECT_EXT_DEPTH + 1), "ect.extension"],
    ["as deep as may be, in lists", { a: lists(MAX_ECT_EXT_DEPTH - 1) }, "present"],
    ["one level more, in lists", { a: lists(MAX_ECT_EXT_DEPTH) }, "ect.extension"],
    ["as large as may be", sized(MAX_ECT_EXT_BYTES), "present"],
    ["one octet more", sized(MAX_ECT_EXT_BYTES + 1), "ect.extension"],
    ["octets count, not characters", { a: `${long(MAX_ECT_EXT_BYTES - 9)}é` }, "ect.extension"],
    ["null", null, "ect.extension"],
    ["a list", [], "ect.extension"],
    ["a string", "x", "ect.extension"],
    ["a number", 1, "ect.extension"],
  ])("ect_ext: %s", async (_, ect_ext, expected) => {
    expect(judgeToken(await ect({ ect_ext }))).toBe(expected);
    // The first revision's name of the same claim.
    expect(judgeToken(await ect({ ext: ect_ext }))).toBe(expected);
  });

  test.each<[string, JsonValue, JsonValue]>([
    ["equal", {}, {}],
    ["one of them null", {}, null],
    ["the other null", null, {}],
  ])("ect_ext and ext, %s", async (_, ect_ext, ext) => {
    expect(judgeToken(await ect({ ect_ext, ext }))).toBe("ect.extension");
  });

  test("every claim is read as it is", async () => {
    const { signed, ...claims } = await parsed({ wid: "w", aud: ["a", "b"], out_hash: hash });
    expect(signed).toMatchObject({ alg: "ES256", kid: "ada-1", jws: { header: { kid: "ada-1" } } });
    expect(claims).toEqual({
      carriers: ["execution-context"],
      iss: ECT.iss,
      aud: ["a", "b"],
      iat: ECT.iat,
      notBefore: ECT.iat,
      exp: ECT.exp,
      jti: "ect-1",
      wid: "w",
      execAct: "mcp.search",
      pred: ["mandate-1"],
      inpHash: BODY_SHA256,
    });
    expect((await parsed({ inp_hash: undefined })).inpHash).toBeNull();
    expect((await parsed({})).wid).toBeNull();
  });
});

test("every reason has a case", () => {
  const own = Object.keys(REASONS).filter((code): code is Reason => code.startsWith("ect."));
  expect(own.filter((code) => !reached.has(code) && !LATER_REASONS.has(code))).toEqual([]);
});
