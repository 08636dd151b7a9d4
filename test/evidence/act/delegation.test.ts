import { describe, expect, test } from "vitest";
import type { JsonObject, JsonValue } from "../../../src/json/strict-json.ts";
import { CLOCK_SKEW } from "../../../src/limits.ts";
import type { Reason } from "../../../src/reasons.ts";
import {
  AUDIENCE,
  ada,
  adaEd25519,
  adaSecond,
  bob,
  compiled,
  document,
  issuer,
  judgeMandate,
  mandate,
  NOW,
  otherIssuer,
  outcome,
  stranger,
  unwrap,
} from "../../support/acme.ts";
import { type Changes, type Signer, signer } from "../../support/tokens.ts";

const eve = await signer("ES256", "eve-1");
const adaPoc = await signer("ES256", "ada-poc");

/** Three agents, and delegation as deep as a tenant can allow. */
const { agents, issuers } = document();
const [adaEntry, bobEntry] = agents ?? [];
const [firstIssuer, otherEntry] = issuers ?? [];
if (!adaEntry || !bobEntry || !firstIssuer || !otherEntry) throw new Error("no entries");
const delegating = (maxDepth: number) =>
  compiled({
    act: { delegation: { maxDepth } },
    agents: [
      { ...adaEntry, keys: [...(adaEntry.keys ?? []), { jwk: adaPoc.jwk, profile: "poc" }] },
      bobEntry,
      { name: "eve", subjects: ["agent:eve"], keys: [{ jwk: eve.jwk }] },
    ],
    issuers: [{ ...firstIssuer, agents: ["ada", "bob", "eve"] }, otherEntry],
  });
const by = await delegating(4);

const ROOT = { del: { depth: 0, max_depth: 3 } };
const root = (changes: Changes = {}, by: Signer = issuer) => mandate({ ...ROOT, ...changes }, by);

/** Ada's delegation to Bob, good but for the changes. */
const FIRST = { iss: "agent:ada", sub: "agent:bob", jti: "mandate-2" };
async function first(
  changes: Changes = {},
  parent?: string | Promise<string>,
  { by = ada as Signer, del = {} as JsonObject, header = {} as Changes } = {},
): Promise<string> {
  const held = await (parent ?? root());
  return mandate({ ...FIRST, del: { depth: 1, max_depth: 3, parent: held, ...del }, ...changes }, by, header);
}

/** Bob's delegation to Eve. */
const SECOND = { iss: "agent:bob", sub: "agent:eve", jti: "mandate-3" };
const second = async (changes: Changes = {}, parent?: string | Promise<string>, del: JsonObject = {}) =>
  mandate(
    { ...SECOND, del: { depth: 2, max_depth: 3, parent: await (parent ?? first()), ...del }, ...changes },
    bob,
  );

const judge = async (token: string | Promise<string>, now = NOW) =>
  outcome(await judgeMandate(await token, { by, now }));

describe("accepted", () => {
  test.each<[string, () => Promise<string>]>([
    ["a root that may be handed on, by its own agent", () => root()],
    ["one delegation", () => first()],
    ["two delegations", () => second()],
    ["back to where it came from", () => second({ sub: "agent:ada" })],
    ["to oneself", () => first({ sub: "agent:ada" })],
    ["signed with another key of the delegator's", () => first({}, undefined, { by: adaSecond })],
    ["signed with its Ed25519 key", () => first({}, undefined, { by: adaEd25519 })],
    ["with a lower max_depth", () => first({}, undefined, { del: { max_depth: 1 } })],
    ["with an earlier end", () => first({ exp: NOW + 60 })],
    ["issued by a clock that is behind", () => first({ iat: NOW - CLOCK_SKEW })],
    [
      "for one of two audiences",
      () => first({ aud: [AUDIENCE] }, root({ aud: ["https://x.example", AUDIENCE] })),
    ],
    [
      "for one of two actions",
      () => first({}, root({ cap: [{ action: "mcp.x" }, { action: "mcp.search" }] })),
    ],
    ["in its workflow", () => first({ wid: "w" }, root({ wid: "w" }))],
  ])("%s", async (_, token) => {
    expect(await judge(token())).toBe("ok");
  });

  test("three and four deep, where the root and the tenant allow it", async () => {
    const deep = root({ del: { depth: 0, max_depth: 9 } });
    const two = second({}, first({}, deep, { del: { max_depth: 9 } }), { max_depth: 9 });
    const three = mandate(
      { iss: "agent:eve", sub: "agent:ada", jti: "m-4", del: { depth: 3, max_depth: 9, parent: await two } },
      eve,
    );
    const four = async (max_depth = 9) =>
      mandate({ ...FIRST, jti: "m-5", del: { depth: 4, max_depth, parent: await three } }, ada);
    expect(await judge(three)).toBe("ok");
    expect(await judge(four())).toBe("ok");
    const five = mandate(
      { ...SECOND, jti: "m-6", del: { depth: 5, max_depth: 9, parent: await four() } },
      bob,
    );
    expect(await judge(five)).toBe("act.delegation_depth");
  });

  test("names the agent it is for, the root's issuer, and the chain", async () => {
    const value = unwrap(await judgeMandate(await second({ exp: NOW + 300 }), { by }));
    const agent = (name: string) => by.agents.bySubject.get(`agent:${name}`);
    const rootIss = "https://issuer.example";
    expect(value).toMatchObject({ iss: "agent:bob", jti: "mandate-3", rootIss, exp: NOW + 300 });
    expect(value.agent).toBe(agent("eve"));
    expect(value.chain).toEqual([
      { agent: agent("ada"), iss: rootIss, rootIss, jti: "mandate-1", wid: null, iat: NOW, exp: NOW + 900 },
      {
        agent: agent("bob"),
        iss: "agent:ada",
        rootIss,
        jti: "mandate-2",
        wid: null,
        iat: NOW,
        exp: NOW + 900,
      },
    ]);
    const signers = [by.issuers.get(rootIss)?.keys.own, by.agents.keys, by.agents.keys];
    const kids = ["issuer-1", "ada-1", "bob-1"];
    expect(value.keys).toEqual(signers.map((keys, i) => keys?.get(kids[i] ?? "")?.thumbprint));
    expect(new Set(value.keys).size).toBe(3);
  });
});

describe("off, or not so deep", () => {
  test.each<[number, Reason | "ok", Reason | "ok"]>([
    [1, "ok", "act.delegation_depth"],
    [2, "ok", "ok"],
  ])("a tenant that takes %i", async (maxDepth, one, two) => {
    const tenant = await delegating(maxDepth);
    expect(outcome(await judgeMandate(await first(), { by: tenant }))).toBe(one);
    expect(outcome(await judgeMandate(await second(), { by: tenant }))).toBe(two);
  });

  test("a tenant that has it off", async () => {
    for (const token of [await root(), await first(), await second()]) {
      expect(outcome(await judgeMandate(token))).toBe("act.delegation_off");
    }
  });
});

type Refused = [what: string, token: () => Promise<string>, reason: Reason];

describe("depth", () => {
  test.each<Refused>([
    ["a root that cannot be handed on", () => first({}, mandate()), "act.delegation_depth"],
    [
      "a root that allows none",
      () => first({}, root({ del: { depth: 0, max_depth: 0 } })),
      "act.delegation_depth",
    ],
    [
      "beyond the root's max_depth",
      () =>
        second({}, first({}, root({ del: { depth: 0, max_depth: 1 } }), { del: { max_depth: 1 } }), {
          max_depth: 1,
        }),
      "act.delegation_depth",
    ],
    ["max_depth raised", () => first({}, undefined, { del: { max_depth: 4 } }), "act.delegation_depth"],
    [
      "max_depth raised further down",
      () => second({}, first({}, undefined, { del: { max_depth: 2 } }), { max_depth: 3 }),
      "act.delegation_depth",
    ],
    [
      "max_depth below its own depth",
      () => first({}, undefined, { del: { max_depth: 0 } }),
      "act.delegation_depth",
    ],
    ["a depth left out", () => first({}, undefined, { del: { depth: 2 } }), "act.delegation_depth"],
    ["a depth twice", () => second({}, undefined, { depth: 1 }), "act.delegation_depth"],
    ["the end without del", () => mandate({ ...FIRST, del: undefined }, ada), "act.issuer_unknown"],
    ["the end with the depth of a root", () => mandate({ ...FIRST, ...ROOT }, ada), "act.issuer_unknown"],
  ])("%s", async (_, token, reason) => {
    expect(await judge(token())).toBe(reason);
  });
});

describe("who hands it on", () => {
  test.each<Refused>([
    [
      "iss is not the parent's sub",
      () => first({ iss: "agent:bob" }, undefined, { by: bob }),
      "act.delegation_chain",
    ],
    ["iss is the delegator's name", () => first({ iss: "ada" }), "act.delegation_chain"],
    [
      "iss is the delegator's ECT issuer",
      () => first({ iss: "spiffe://example.com/ada" }),
      "act.delegation_chain",
    ],
    ["iss in capitals", () => first({ iss: "AGENT:ADA" }), "act.delegation_chain"],
    [
      "iss is the root's issuer, who signs it",
      () => first({ iss: "https://issuer.example" }, undefined, { by: issuer }),
      "act.delegation_chain",
    ],
    [
      "somebody else's mandate, as one's own",
      () => first({ iss: "agent:bob", sub: "agent:bob" }, undefined, { by: bob }),
      "act.delegation_chain",
    ],
    [
      "a link left out",
      async () => mandate({ ...SECOND, del: { depth: 1, max_depth: 3, parent: await root() } }, bob),
      "act.delegation_chain",
    ],
    ["the same jti", () => first({ jti: "mandate-1" }), "act.delegation_chain"],
    ["the root's jti at the end", () => second({ jti: "mandate-1" }), "act.delegation_chain"],
    ["a workflow of its own", () => first({ wid: "w" }), "act.delegation_chain"],
    ["another workflow", () => first({ wid: "w" }, root({ wid: "v" })), "act.delegation_chain"],
    ["out of the workflow", () => first({}, root({ wid: "w" })), "act.delegation_chain"],
  ])("%s", async (_, token, reason) => {
    expect(await judge(token())).toBe(reason);
  });
});

describe("whose key", () => {
  const P = "act.delegation_signature";
  test.each<Refused>([
    ["the delegate's own", () => first({}, undefined, { by: bob }), P],
    ["the issuer's", () => first({}, undefined, { by: issuer }), P],
    ["nobody's", () => first({}, undefined, { by: stranger }), P],
    [
      "nobody's, under the delegator's kid",
      () => first({}, undefined, { by: stranger, header: { kid: "ada-1" } }),
      P,
    ],
    [
      "the delegate's, under the delegator's kid",
      () => first({}, undefined, { by: bob, header: { kid: "ada-1" } }),
      P,
    ],
    [
      "the delegator's, under the delegate's kid",
      () => first({}, undefined, { header: { kid: "bob-1" } }),
      P,
    ],
    ["the delegator's, with another alg", () => first({}, undefined, { header: { alg: "EdDSA" } }), P],
    ["the delegator's poc key", () => first({}, undefined, { by: adaPoc }), P],
    [
      "an embedded one",
      () => first({}, undefined, { by: stranger, header: { kid: "ada-1", jwk: stranger.jwk as JsonObject } }),
      P,
    ],
    ["in the middle, the delegate's", () => second({}, first({}, undefined, { by: bob })), P],
    ["at the root, the delegator's", () => first({}, root({}, ada)), "act.key_unknown"],
    ["at the root, nobody's", () => first({}, root({}, { ...stranger, kid: "issuer-2" })), "act.signature"],
    [
      "at the root, an issuer nobody registered",
      () => first({}, root({ iss: "https://evil.example" })),
      "act.issuer_unknown",
    ],
    [
      "at the root, an agent's own mandate",
      () =>
        first({ iss: "agent:bob", sub: "agent:eve" }, root({ iss: "agent:ada", sub: "agent:bob" }, ada), {
          by: bob,
        }),
      "act.issuer_unknown",
    ],
  ])("%s", async (_, token, reason) => {
    expect(await judge(token())).toBe(reason);
  });

  test("a payload, or a parent, of another token of the same key", async () => {
    const [header, payload, signature] = (await first()).split(".");
    const [, wider] = (await first({ sub: "agent:eve" })).split(".");
    expect(await judge(`${header}.${payload}.${signature}`)).toBe("ok");
    expect(await judge(`${header}.${wider}.${signature}`)).toBe("act.delegation_signature");
    const [rootHeader, , rootSignature] = (await root()).split(".");
    const [, widerRoot] = (await root({ cap: [{ action: "mcp.search" }, { action: "mcp.delete" }] })).split(
      ".",
    );
    expect(await judge(first({}, `${rootHeader}.${widerRoot}.${rootSignature}`))).toBe("act.signature");
  });

  test("an ECT or a record of the delegator's is no parent, and no delegation", async () => {
    const record = await first({ exec_act: "mcp.search", pred: [], exec_ts: NOW, status: "completed" });
    expect(await judge(record)).toBe("act.phase");
    expect(await judge(second({}, record))).toBe("act.delegation_malformed");
  });
});

describe("what the root's issuer may grant", () => {
  const other = (changes: Changes = {}) =>
    root({ iss: "https://other.example", sub: "agent:bob", ...changes }, otherIssuer);
  const handed = async (sub: string, parent: Promise<string>) =>
    mandate(
      { iss: "agent:bob", sub, jti: "m-2", del: { depth: 1, max_depth: 3, parent: await parent } },
      bob,
    );
  test.each<Refused>([
    [
      "an agent it may not authorise, at the end",
      () => handed("agent:ada", other()),
      "act.agent_not_granted",
    ],
    [
      "an agent it may not authorise, in the middle",
      () => second({ sub: "agent:bob" }, first({}, other({ sub: "agent:ada" }))),
      "act.agent_not_granted",
    ],
    [
      "an action it may not grant, though it is not handed on",
      () => handed("agent:bob", other({ cap: [{ action: "mcp.search" }, { action: "mcp.x" }] })),
      "act.action_not_granted",
    ],
    ["an agent nobody registered, at the end", () => first({ sub: "agent:mallory" }), "act.subject_unknown"],
    [
      "an agent nobody registered, in the middle",
      () => second({ iss: "agent:mallory" }, first({ sub: "agent:mallory" })),
      "act.subject_unknown",
    ],
    ["a root that lives too long", () => first({}, root({ exp: NOW + 901 })), "act.lifetime"],
  ])("%s", async (_, token, reason) => {
    expect(await judge(token())).toBe(reason);
  });
});

describe("time", () => {
  test.each<[string, () => Promise<string>, number, Reason | "ok"]>([
    ["the last second of all", () => second(), NOW + 900 + CLOCK_SKEW, "ok"],
    ["one more", () => second(), NOW + 900 + CLOCK_SKEW + 1, "act.expired"],
    ["the end of the delegated one", () => first({ exp: NOW + 60 }), NOW + 91, "act.expired"],
    [
      "a root that is not good yet",
      () => first({ nbf: NOW + 60 }, root({ nbf: NOW + 60 })),
      NOW + 29,
      "act.in_future",
    ],
    ["a root that just is", () => first({ nbf: NOW + 60 }, root({ nbf: NOW + 60 })), NOW + 30, "ok"],
    [
      "a root that is not good yet under one that says it is",
      () => first({ nbf: NOW + 30 }, root({ nbf: NOW + 60 })),
      NOW,
      "act.in_future",
    ],
    ["a delegated one that is not good yet", () => first({ nbf: NOW + 60 }), NOW + 29, "act.in_future"],
  ])("%s", async (_, token, now, expected) => {
    expect(await judge(token(), now)).toBe(expected);
  });
});

describe("never more than the parent has", () => {
  const limited = (constraints: JsonValue) => [{ action: "mcp.search", constraints }];
  const q = (rule: JsonObject) => limited({ arguments: { "/q": rule } });
  const P = "act.privilege_escalation";
  test.each<[string, Changes, Changes, Reason | "ok"]>([
    ["a later end", {}, { exp: NOW + 901 }, P],
    ["an earlier beginning", {}, { iat: NOW - CLOCK_SKEW - 1 }, P],
    ["an earlier nbf", { nbf: NOW + 40 }, { nbf: NOW + 9 }, P],
    ["no nbf, where the parent has one", { nbf: NOW + 31 }, {}, P],
    ["another audience", {}, { aud: "https://other.example/mcp" }, P],
    ["one more audience", {}, { aud: [AUDIENCE, "https://other.example/mcp"] }, P],
    ["another action", {}, { cap: [{ action: "mcp.delete" }] }, P],
    ["one more action", {}, { cap: [{ action: "mcp.search" }, { action: "mcp.delete" }] }, P],
    ["an action below", {}, { cap: [{ action: "mcp.search.x" }] }, P],
    ["a pattern for the action", {}, { cap: [{ action: "mcp.*" }] }, P],
    ["constraints dropped", { cap: q({ equals: 1 }) }, {}, P],
    ["constraints emptied", { cap: q({ equals: 1 }) }, { cap: limited({}) }, P],
    ["another value", { cap: q({ equals: 1 }) }, { cap: q({ equals: 2 }) }, P],
    ["a constraint added", {}, { cap: q({ equals: 1 }) }, "ok"],
    ["a constraint kept", { cap: q({ equals: 1 }) }, { cap: q({ equals: 1 }) }, "ok"],
    ["a constraint made narrower", { cap: q({ prefix: "a" }) }, { cap: q({ prefix: "ab" }) }, "ok"],
    [
      "an alternative added",
      { cap: q({ equals: 1 }) },
      { cap: [...q({ equals: 1 }), ...q({ equals: 2 })] },
      P,
    ],
    [
      "one of two alternatives",
      { cap: [...q({ equals: 1 }), ...q({ equals: 2 })] },
      { cap: q({ equals: 2 }) },
      "ok",
    ],
    [
      "two alternatives made one",
      { cap: [...q({ equals: 1 }), ...q({ equals: 2 })] },
      { cap: q({ in: [1, 2] }) },
      P,
    ],
    [
      "a constraint of another action",
      { cap: [{ action: "mcp.x" }, ...q({ equals: 1 })] },
      { cap: [{ action: "mcp.search" }] },
      P,
    ],
    ["a number of calls", { cap: limited({ max_calls: 5 }) }, { cap: limited({ max_calls: 1 }) }, P],
    ["a number of calls, dropped", { cap: limited({ max_calls: 5 }) }, {}, P],
    [
      "a number of calls beside the same without",
      { cap: [...limited({ max_calls: 5 }), { action: "mcp.search" }] },
      {},
      "ok",
    ],
    ["a number of calls added", {}, { cap: limited({ max_calls: 1 }) }, "ok"],
    ["a constraint that is not known, dropped", { cap: limited({ max: 1 }) }, {}, P],
    ["a constraint that is not known, kept", { cap: limited({ max: 1 }) }, { cap: limited({ max: 1 }) }, P],
    ["a constraint that is not known, added", {}, { cap: limited({ max: 1 }) }, P],
  ])("%s", async (_, parent, child, expected) => {
    expect(await judge(first(child, root(parent)))).toBe(expected);
  });

  test("nor than the parent's parent", async () => {
    const narrow = first({ cap: q({ equals: 1 }) });
    expect(await judge(second({ cap: q({ equals: 1 }) }, narrow))).toBe("ok");
    expect(await judge(second({}, narrow))).toBe(P);
    expect(await judge(second({ exp: NOW + 61 }, first({ exp: NOW + 60 })))).toBe(P);
  });
});

describe("the document", () => {
  test("an issuer may not have an agent's subject where agents sign mandates", async () => {
    const aliased = { issuers: [{ ...firstIssuer, iss: "agent:ada" }] };
    await expect(compiled(aliased)).resolves.toBeDefined();
    await expect(compiled({ ...aliased, act: { delegation: { maxDepth: 1 } } })).rejects.toThrow(
      /issuers\[0\]\.iss.*agents\[0\]\.subjects\[0\]/,
    );
  });

  test.each([0, 5, 1.5])("maxDepth %d is a fault", async (maxDepth) => {
    await expect(compiled({ act: { delegation: { maxDepth } } })).rejects.toThrow(/act.delegation.maxDepth/);
  });
});
