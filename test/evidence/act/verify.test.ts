import { describe, expect, test } from "vitest";
import type { JsonObject, JsonValue } from "../../../src/json/strict-json.ts";
import { CLOCK_SKEW } from "../../../src/limits.ts";
import type { Reason } from "../../../src/reasons.ts";
import {
  AUDIENCE,
  ada,
  compiled,
  issuer,
  issuerP256,
  judgeMandate,
  MANDATE,
  mandate,
  NOW,
  otherIssuer,
  outcome,
  stranger,
  tenant,
  unwrap,
} from "../../support/acme.ts";
import { type Changes, merge, type Signer, signer } from "../../support/tokens.ts";
import { VERIFICATION_REASONS } from "./reasons.ts";

const bobByOther = { iss: "https://other.example", sub: "agent:bob" };

const CASES: [string, Changes, Signer, Changes, Reason][] = [
  ["an issuer nobody registered", { iss: "https://evil.example" }, issuer, {}, "act.issuer_unknown"],
  ["the issuer's name with a slash", { iss: "https://issuer.example/" }, issuer, {}, "act.issuer_unknown"],
  ["the issuer's name in capitals", { iss: "https://ISSUER.example" }, issuer, {}, "act.issuer_unknown"],
  ["an agent as its own issuer", { iss: "agent:ada" }, ada, {}, "act.issuer_unknown"],
  ["a kid nobody registered", {}, issuer, { kid: "issuer-9" }, "act.key_unknown"],
  ["an agent's own key", {}, ada, {}, "act.key_unknown"],
  ["a key of another issuer", { iss: "https://other.example" }, issuerP256, {}, "act.key_unknown"],
  ["the same kid at another issuer", {}, otherIssuer, {}, "act.signature"],
  ["an alg that is not the key's", {}, issuer, { alg: "ES256" }, "act.alg"],
  ["a key of the other type under its kid", {}, issuer, { kid: "issuer-2" }, "act.alg"],
  ["a stranger's signature", {}, stranger, { kid: "issuer-2" }, "act.signature"],
  ["an embedded key", {}, stranger, { kid: "issuer-2", jwk: stranger.jwk as JsonObject }, "act.signature"],
  [
    "an address of keys",
    {},
    stranger,
    { kid: "issuer-2", jku: "https://evil.example/jwks", x5u: "https://evil.example/x" },
    "act.signature",
  ],
  ["an embedded chain", {}, stranger, { kid: "issuer-2", x5c: ["AAAA"] }, "act.signature"],
  ["expired", { iat: NOW - 931, exp: NOW - 31 }, issuer, {}, "act.expired"],
  ["from the future", { iat: NOW + 31, exp: NOW + 60 }, issuer, {}, "act.in_future"],
  ["not good yet", { nbf: NOW + 31 }, issuer, {}, "act.in_future"],
  ["too long a life", { exp: NOW + 901 }, issuer, {}, "act.lifetime"],
  ["a life without end", { exp: Number.MAX_SAFE_INTEGER }, issuer, {}, "act.lifetime"],
  ["another audience", { aud: "https://gateway.example/other/mcp" }, issuer, {}, "act.audience"],
  ["the audience with a slash", { aud: `${AUDIENCE}/` }, issuer, {}, "act.audience"],
  ["the audience in capitals", { aud: AUDIENCE.toUpperCase() }, issuer, {}, "act.audience"],
  ["only a part of the audience", { aud: ["https://gateway.example"] }, issuer, {}, "act.audience"],
  ["one that may be delegated", { del: { depth: 0, max_depth: 1 } }, issuer, {}, "act.delegation_off"],
  ["an agent nobody registered", { sub: "agent:eve" }, issuer, {}, "act.subject_unknown"],
  ["the agent's name, which is no subject", { sub: "ada" }, issuer, {}, "act.subject_unknown"],
  [
    "the ECT issuer, which is no subject",
    { sub: "spiffe://example.com/ada" },
    issuer,
    {},
    "act.subject_unknown",
  ],
  [
    "an agent this issuer may not authorise",
    { ...bobByOther, sub: "agent:ada" },
    otherIssuer,
    {},
    "act.agent_not_granted",
  ],
  [
    "one action too many",
    { ...bobByOther, cap: [{ action: "mcp.search" }, { action: "mcp.delete" }] },
    otherIssuer,
    {},
    "act.action_not_granted",
  ],
  [
    "a longer action",
    { ...bobByOther, cap: [{ action: "mcp.search.x" }] },
    otherIssuer,
    {},
    "act.action_not_granted",
  ],
  [
    "a pattern for an action",
    { ...bobByOther, cap: [{ action: "mcp.*" }] },
    otherIssuer,
    {},
    "act.action_not_granted",
  ],
  [
    "an action in capitals",
    { ...bobByOther, cap: [{ action: "mcp.Search" }] },
    otherIssuer,
    {},
    "act.action_not_granted",
  ],
  ["outside the prefix", { cap: [{ action: "mcpx.search" }] }, issuer, {}, "act.action_not_granted"],
  ["the prefix without its dot", { cap: [{ action: "mcp" }] }, issuer, {}, "act.action_not_granted"],
];

describe("refused", () => {
  test.each(CASES)("%s", async (_, claims, by, header, expected) => {
    expect(outcome(await judgeMandate(await mandate(claims, by, header)))).toBe(expected);
  });

  test("every reason has a case", () => {
    expect(new Set(CASES.map(([, , , , reason]) => reason))).toEqual(VERIFICATION_REASONS);
  });

  test("one octet changed in payload or signature", async () => {
    const [header, , signature = ""] = (await mandate()).split(".");
    const payload = (await mandate({ sub: "agent:bob" })).split(".")[1];
    expect(outcome(await judgeMandate(`${header}.${payload}.${signature}`))).toBe("act.signature");
    const flipped = (signature.startsWith("A") ? "B" : "A") + signature.slice(1);
    const [, original] = (await mandate()).split(".");
    expect(outcome(await judgeMandate(`${header}.${original}.${flipped}`))).toBe("act.signature");
  });

  test("no issuer at all", async () => {
    const judged = await judgeMandate(await mandate(), { by: await compiled({ issuers: [] }) });
    expect(outcome(judged)).toBe("act.issuer_unknown");
  });
});

describe("time, to the second", () => {
  const exp = NOW + 900;
  test.each<[string, number, Reason | "ok"]>([
    ["last second of exp", exp + CLOCK_SKEW, "ok"],
    ["one more", exp + CLOCK_SKEW + 1, "act.expired"],
    ["first second of iat", NOW - CLOCK_SKEW, "ok"],
    ["one less", NOW - CLOCK_SKEW - 1, "act.in_future"],
  ])("%s", async (_, now, expected) => {
    expect(outcome(await judgeMandate(await mandate(), { now }))).toBe(expected);
  });

  test.each<[number, Reason | "ok"]>([
    [900, "ok"],
    [901, "act.lifetime"],
  ])("a life of %i seconds where 900 may be granted", async (life, expected) => {
    expect(outcome(await judgeMandate(await mandate({ exp: NOW + life })))).toBe(expected);
  });
});

describe("accepted", () => {
  test.each([issuer, issuerP256])("signed with $alg", async (by) => {
    expect(outcome(await judgeMandate(await mandate({}, by)))).toBe("ok");
  });

  test.each<[string, Changes]>([
    ["an audience in a list", { aud: [AUDIENCE] }],
    ["one audience of several", { aud: ["https://other.example/mcp", AUDIENCE] }],
    ["several actions", { cap: [{ action: "mcp.search" }, { action: "mcp.session.tools.list" }] }],
    [
      "an action with a constraint: the capability check refuses it",
      { cap: [{ action: "mcp.x", constraints: { a: 1 } }] },
    ],
    ["claims that are not known", { oversight: { x: 1 }, foo: "bar" }],
  ])("%s", async (_, claims) => {
    expect(outcome(await judgeMandate(await mandate(claims)))).toBe("ok");
  });

  test("names the agent and what was granted", async () => {
    const value = unwrap(await judgeMandate(await mandate({ wid: "w-1" })));
    expect(value).toMatchObject({
      iss: MANDATE.iss,
      jti: "mandate-1",
      wid: "w-1",
      iat: NOW,
      exp: NOW + 900,
      cap: [{ action: "mcp.search", constraints: { arguments: null, maxCalls: null } }],
      chain: [],
    });
    expect(value.agent).toBe(tenant.agents.bySubject.get("agent:ada"));
  });

  test("the digest is of the claims, not of their spelling or signature", async () => {
    const digest = async (token: string) => unwrap(await judgeMandate(token)).digest;
    const reversed = Object.fromEntries(Object.entries(merge(MANDATE, {})).reverse()) as Changes;
    const first = await digest(await mandate());
    expect(first).toMatch(/^[\w-]{43}$/);
    expect(await digest(await mandate(reversed, issuerP256))).toBe(first);
    const changes: Record<string, JsonValue>[] = [{ wid: "w" }, { exp: NOW + 1 }, { task: { purpose: "y" } }];
    for (const change of changes) expect(await digest(await mandate(change))).not.toBe(first);
  });
});

test("a kid is its tenant's: the same name elsewhere signs nothing here", async () => {
  const elsewhere = await signer("EdDSA", issuer.kid);
  expect(outcome(await judgeMandate(await mandate({}, elsewhere)))).toBe("act.signature");
});
