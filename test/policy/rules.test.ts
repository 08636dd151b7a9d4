import { describe, expect, test } from "vitest";
import type { JsonObject, JsonValue } from "../../src/json/strict-json.ts";
import * as library from "../../src/libraries/policy.ts";
import { MAX_RULE_STEPS } from "../../src/limits.ts";
import { compileExpression, ruleLanguage } from "../../src/policy/rules/compile.ts";
import { factsOf } from "../../src/policy/rules/facts.ts";
import type { Reason } from "../../src/reasons.ts";
import { NOW, tenant } from "../support/acme.ts";
import {
  agentCaller,
  approvers,
  type Call,
  faults,
  judged,
  noNames,
  type PolicyDocument,
  purpose,
  said,
  tokenCaller,
} from "./helpers.ts";

const denying = (when: string): PolicyDocument => ({
  environment: ["production"],
  tools: [{ name: "search", scope: "write", environments: ["production", "test"] }],
  grants: [{ agents: ["ada"], scope: "write" }],
  rules: [{ name: "the-rule", when, then: "deny" }],
});

const under = async (when: string, call: Call = {}) => said(await judged(denying(when), call), "arguments");

const whole = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

describe("a rule that cannot be evaluated refuses", () => {
  test.each<[string, string, JsonObject]>([
    ["a member is missing", "arguments.amount > 10", {}],
    ["a member further down", "arguments.a.b.c == 1", { a: { b: {} } }],
    ["a text in the place of a number", "arguments.amount > 10", { amount: "11" }],
    ["a text that is no number", "double(arguments.amount) > 10.0", { amount: "nan" }],
    ["an infinite one", "double(arguments.amount) < 10.0", { amount: "Infinity" }],
    ["one that overflows", "double(arguments.amount) < 10.0", { amount: "1e999" }],
    ["one to another base", "double(arguments.amount) > 100.0", { amount: "0x10" }],
    ["an empty text", "int(arguments.amount) > 10", { amount: "" }],
    ["a whole number to another base", "int(arguments.amount) > 100", { amount: "0b1" }],
    ["a number with something before", "int(arguments.amount) > 100", { amount: "+1" }],
    ["one inside a macro", "arguments.l.all(x, [double(x)].all(y, y > 1.0 && y < 9.0))", { l: ["NaN"] }],
    ["null", "arguments.amount > 10", { amount: null }],
    ["a list in the place of a text", 'arguments.to.startsWith("a")', { to: ["a"] }],
    ["a whole number with a double", "arguments.n + 1 == 2", { n: 1 }],
    ["overflow", "int(arguments.n) * 9223372036854775807 > 0", { n: 2 }],
    ["division by nothing", "10 / int(arguments.n) > 1", { n: 0 }],
    ["no index there", "arguments.l[3] == 1", { l: [1] }],
    ["not what a conversion reads", "int(arguments.s) == 1", { s: "one" }],
    ["one element of several", "arguments.l.all(x, x > 0)", { l: [1, 2, "3"] }],
    ["the prototype's members are none", "arguments.toString == 1", {}],
    ["__proto__ is a name like any other", "arguments.__proto__ == 1", {}],
  ])("%s", async (_, when, args) => {
    const judgement = await judged(denying(when), { args });
    expect(said(judgement, "arguments")).toBe("policy.rule_failed");
    expect(judgement.rules).toEqual(["the-rule"]);
  });

  test.each<[string, string, JsonObject, Reason]>([
    [
      "a member named constructor",
      "arguments.a.constructor == 1",
      { a: { constructor: 1 } },
      "policy.rule_denied",
    ],
    [
      "and one within a list",
      "arguments.l.exists(x, x.n == 1)",
      { l: [{ constructor: null, n: 1 }] },
      "policy.rule_denied",
    ],
    [
      "an own __proto__",
      "arguments.a.n == 1",
      JSON.parse('{"a":{"__proto__":{"n":2},"n":1}}'),
      "policy.rule_denied",
    ],
    [
      "__proto__ is read as what it is",
      'arguments.a["__proto__"] == 1',
      JSON.parse('{"a":{"__proto__":1}}'),
      "policy.rule_denied",
    ],
    [
      "a list of many types",
      '"admin" in arguments.l',
      { l: [1, null, {}, [], "admin"] },
      "policy.rule_denied",
    ],
    [
      "an error on one side does not hide the other",
      'arguments.zz == 1 || arguments.a == "x"',
      { a: "x" },
      "policy.rule_denied",
    ],
    ["nor on one element", 'arguments.l.exists(x, x.a == "x")', { l: [1, { a: "x" }] }, "policy.rule_denied"],
  ])("hostile arguments: %s", async (_, when, args, expected) => {
    expect(await under(when, { args })).toBe(expected);
  });
});

describe("what would take too long is refused before it is begun", () => {
  const deep = (depth: number): JsonValue => whole(depth).reduce<JsonValue>((inner) => [inner], 1);
  test.each<[string, string, JsonObject]>([
    ["all pairs of a list", "arguments.l.all(x, arguments.l.all(y, x == y))", { l: whole(500) }],
    [
      "all triples of a short one",
      "arguments.l.all(x, arguments.l.all(y, arguments.l.all(z, x == z)))",
      { l: whole(40) },
    ],
    ["a list made of lists", "arguments.l.map(x, arguments.l).map(x, x + x).size() > 1", { l: whole(600) }],
    [
      "texts that grow",
      "arguments.l.map(x, arguments.s + arguments.s).size() > 1",
      { l: whole(700), s: "a".repeat(3000) },
    ],
    [
      "a search for a long text in a long one",
      "arguments.a.contains(arguments.b)",
      { a: "a".repeat(9000), b: `b${"a".repeat(4000)}` },
    ],
    ["many elements", "arguments.l.all(x, x > -1)", { l: whole(1000) }],
    ["an error for each", "arguments.l.exists(x, x.a > 1)", { l: whole(1000) }],
    ["a time zone for each", 'arguments.l.all(x, now.getHours("Europe/Zurich") < 25)', { l: whole(200) }],
    ["large values that are compared", "arguments.a == arguments.b", { a: whole(90_000), b: whole(90_000) }],
    [
      "many large texts in a list",
      "arguments.s in arguments.l",
      { s: "a".repeat(90_000), l: whole(90).map(() => "a".repeat(90_000)) },
    ],
    ["lists in lists in lists", "arguments.l == arguments.l", { l: deep(9) }],
    [
      "a very large object to be looked into",
      "arguments.a == 1",
      { o: Object.fromEntries(whole(90_000).map((i) => [`k${i}`, i])) },
    ],
  ])("%s", async (_, when, args) => {
    expect(await under(when, { args })).toBe("policy.rule_too_costly");
  });

  test("the rules of a call share what they may cost", async () => {
    const rule = { when: "arguments.l.all(x, x > 1000)", then: "deny" as const };
    const policy = (count: number): PolicyDocument => ({
      ...denying("false"),
      rules: whole(count).map((i) => ({ ...rule, name: `rule-${i}` })),
    });
    const args = { l: whole(300) };
    expect(said(await judged(policy(1), { args }), "arguments")).toBe("ok");
    const judgement = await judged(policy(30), { args });
    expect(said(judgement, "arguments")).toBe("policy.rule_too_costly");
    expect(judgement.rules[0]).toMatch(/^rule-[1-9]/);
  });

  test("large arguments that no rule reads cost nothing", async () => {
    const args = { text: "a".repeat(900_000) };
    expect(await under('principal.agent == "bob"', { args })).toBe("ok");
    expect(await under('arguments.to == "x"', { args: { ...args, to: "y" } })).toBe("ok");
  });

  test("what an expression costs grows with what it does, and never shrinks with the arguments", () => {
    const cost = (when: string, args: JsonObject): number => {
      const compiled = compileExpression(when, ruleLanguage(library), noNames);
      if (!compiled.ok) throw new Error(compiled.error);
      return compiled.value.cost(factsOf(tenant.policy, null, { name: "search", arguments: args }, NOW));
    };
    const pairs = "arguments.l.all(x, arguments.l.all(y, x == y))";
    for (const n of [10, 20, 40]) {
      expect(cost(pairs, { l: whole(2 * n) })).toBeGreaterThan(3.5 * cost(pairs, { l: whole(n) }));
    }
    expect(cost(pairs, { l: whole(10) })).toBeLessThan(MAX_RULE_STEPS);
    const doubled = (times: number) =>
      whole(times).reduce((list) => `${list}.map(x, [x, x]).map(x, x + x)`, "arguments.l");
    expect(cost(`${doubled(4)} == []`, { l: whole(20) })).toBeGreaterThan(
      2 * cost(`${doubled(3)} == []`, { l: whole(20) }),
    );
  });

  test("the library does not learn types from callers", () => {
    const language = ruleLanguage(library);
    const facts = factsOf(tenant.policy, null, { name: "t", arguments: { m: { a: { b: [[1]] } } } }, NOW);
    const message = (): string => {
      try {
        language.evaluate("arguments.m > 1", { ...facts.values() });
      } catch (error) {
        return String(error);
      }
      return "";
    };
    // Otherwise the type would be that of its first member, to the very end.
    expect(message()).toContain("map<dyn, dyn>");
  });
});

describe("what a rule can look at", () => {
  const denied = "policy.rule_denied";
  test.each<[string, string]>([
    ["principal", 'principal.kind == "agent" && principal.id == "agent:ada" && principal.agent == "ada"'],
    [
      "its issuer",
      'principal.issuer == "https://issuer.example" && principal.subject == "" && principal.scopes == []',
    ],
    ["purpose", `mandate.purpose == "${purpose}"`],
    ["tool", 'tool.name == "search" && tool.scope == "write" && "test" in tool.environments'],
    ["environment", '"production" in environment'],
    ["time", `now == timestamp("${new Date(NOW * 1000).toISOString()}") && now.getHours("UTC") >= 0`],
    ["time since", 'now - timestamp("2020-01-01T00:00:00Z") > duration("24h")'],
    ["arguments", 'arguments.q == "x" && has(arguments.n) && !has(arguments.zz) && size(arguments.l) == 2'],
    [
      "numbers compare across types",
      "arguments.n == 1 && arguments.n == 1.0 && arguments.n < 2 && arguments.n in [1]",
    ],
    ["texts are numbers where they are", 'double("-1.5e1") == -15.0 && int("-007") == -7 && int(1.9) == 1'],
    ["and are doubles to arithmetic", "arguments.n + 1.5 == 2.5 && int(arguments.n) + 1 == 2"],
    ["lists", 'arguments.l.exists(x, x.endsWith("b")) && arguments.l.filter(x, x == "a").size() == 1'],
    ["members", 'arguments.o.all(k, k.startsWith("k")) && arguments.o.map(k, arguments.o[k]) == [1, 2]'],
  ])("%s", async (_, when) => {
    const args = { q: "x", n: 1, l: ["a", "b"], o: { k1: 1, k2: 2 } };
    expect(await under(when, { args })).toBe(denied);
    expect(await under(`!(${when})`, { args })).toBe("ok");
  });

  test("the holder of an access token", async () => {
    const caller = tokenCaller("https://as.example", "alice", ["pay"]);
    const when =
      'principal.kind == "token" && principal.subject == "alice" && principal.agent == "" && "pay" in principal.scopes && mandate.purpose == ""';
    expect(await under(when, { caller })).toBe(denied);
  });

  test("nobody, where evidence is only observed", async () => {
    expect(await under('principal.kind == "unknown" && principal.id == ""', { caller: null })).toBe(denied);
  });
});

describe("what follows", () => {
  const rules = (...rules: NonNullable<PolicyDocument["rules"]>): PolicyDocument => ({
    ...denying("false"),
    approval: approvers,
    rules,
  });
  const asking = { when: "true", then: "approve" as const };
  const ops = { roles: ["ops"] };

  test("an approval, with what it needs", async () => {
    const policy = rules({
      ...asking,
      name: "large",
      when: "arguments.amount > 100",
      approval: { roles: ["ops", "finance"], people: 2 },
    });
    const large = await judged(policy, { args: { amount: 101 } });
    expect(said(large, "arguments")).toBe("ok");
    expect(large.approvalNeeded).toEqual({ roles: new Set(["ops", "finance"]), people: 2 });
    expect(large.rules).toEqual(["large"]);
    const small = await judged(policy, { args: { amount: 100 } });
    expect([small.approvalNeeded, small.rules]).toEqual([null, []]);
  });

  test("several that ask: who may approve for all of them, and as many people as the most", async () => {
    const policy: PolicyDocument = {
      ...rules(
        { ...asking, name: "a", approval: { roles: ["ops", "finance"], people: 2 } },
        { ...asking, name: "b", approval: ops },
      ),
      tools: [{ name: "search", scope: "write", approval: { roles: ["finance", "ops"] } }],
    };
    expect((await judged(policy)).approvalNeeded).toEqual({ roles: new Set(["ops"]), people: 2 });
  });

  test("a refusal does not hide that an approval is needed, nor the other way round", async () => {
    const judgement = await judged(
      rules({ name: "no", when: "true", then: "deny" }, { ...asking, name: "ask", approval: ops }),
    );
    expect(said(judgement, "arguments")).toBe("policy.rule_denied");
    expect(judgement.approvalNeeded).toEqual({ roles: new Set(["ops"]), people: 1 });
    expect(judgement.rules).toEqual(["no", "ask"]);
  });

  test("one that asks for an approval and cannot be evaluated refuses, and needs it", async () => {
    const judgement = await judged(rules({ ...asking, name: "ask", when: "arguments.a > 1", approval: ops }));
    expect(said(judgement, "arguments")).toBe("policy.rule_failed");
    expect(judgement.approvalNeeded).not.toBeNull();
  });

  test("a rule is for its tools alone", async () => {
    const policy: PolicyDocument = {
      ...denying("false"),
      unsafeUnlistedTools: "read",
      rules: [{ name: "no", tools: ["search"], when: "true", then: "deny" }],
    };
    expect(said(await judged(policy, { tool: "search" }), "arguments")).toBe("policy.rule_denied");
    expect(said(await judged(policy, { tool: "searches" }), "arguments")).toBe("ok");
  });
});

describe("a rule that is no rule is a fault of the document", () => {
  test.each<[string, string, RegExp]>([
    ["a variable that hides another", "[true].all(now, now)", /has a macro whose variable hides now/],
    ["broken off", "arguments.a >", /is not a rule/],
    ["of no bool", "arguments", /must be true or false, and is of type/],
    ["of no known type", "arguments.flag", /must be true or false/],
    ["an unknown variable", 'agent == "ada"', /Unknown variable: agent/],
    ["a misspelt field", 'principal.agnet == "ada"', /No such key: agnet/],
    ["types that never compare", "tool.name == 1", /no such overload/],
    ["a regular expression", 'tool.name.matches("^(a+)+$")', /has \.matches\(\), which rules do not have/],
    ["a binding", 'cel.bind(x, "a", x + x) == "aa"', /has \.bind\(\)/],
    ["splitting", 'tool.name.split("").size() > 1', /has \.split\(\)/],
    ["bytes", "bytes(tool.name).size() > 1", /has bytes\(\)/],
    ["a map", '{"a": 1} == arguments', /has map|limit|Exceeded/],
    [
      "a duration that the caller writes",
      'duration(arguments.d) > duration("1s")',
      /that is not written out/,
    ],
    ["a time zone that the caller writes", "now.getHours(arguments.tz) > 1", /that is not written out/],
    ["a time zone that is none", 'now.getHours("Mars/Olympus") > 1', /time zone that does not exist/],
    ["too many parts", `true${"||true".repeat(130)}`, /is not a rule: Exceeded maxAstNodes/],
    ["too deep", `${"(".repeat(30)}true${")".repeat(30)}`, /is not a rule: Exceeded maxDepth/],
    ["a macro over no plain variable", "arguments.l.all(x.y, true)", /is not a rule|plain variable/],
  ])("%s", async (_, when, problem) => {
    const [fault, ...others] = await faults(denying(when));
    expect(others).toEqual([]);
    expect(fault).toMatch(/^policy\.rules\[0\]\.when /);
    expect(fault).toMatch(problem);
  });
});

describe("a name that no call can have is a fault: the rule would never apply", () => {
  const policy = (when: string): PolicyDocument => ({
    environment: ["production"],
    tools: [
      { name: "search", scope: "read", environments: ["production", "test"] },
      { name: "close", scope: "admin" },
    ],
    rules: [{ name: "the-rule", when, then: "deny" }],
  });
  test.each([
    ['tool.name == "serach"', "tool.name", "serach"],
    ['"Search" != tool.name', "tool.name", "Search"],
    ['tool.name in ["search", "clsoe"]', "tool.name", "clsoe"],
    ['tool["name"] == "clsoe"', "tool.name", "clsoe"],
    ['tool.scope == "wirte"', "tool.scope", "wirte"],
    ['principal.agent == "adda"', "principal.agent", "adda"],
    ['principal.id == "agent:adda"', "principal.id", "agent:adda"],
    ['principal.id == "Agent:ada"', "principal.id", "Agent:ada"],
    ['principal.kind == "agnet"', "principal.kind", "agnet"],
    ['arguments.a == 1 && !("prodution" in environment)', "environment", "prodution"],
    ['arguments.l.all(x, "tset" in tool.environments)', "tool.environments", "tset"],
    ['environment == ["Production"]', "environment", "Production"],
  ])("%s", async (when, place, name) => {
    expect(await faults(policy(when))).toEqual([
      `policy.rules[0].when compares ${place} with ${JSON.stringify(name)}, which no call has there`,
    ]);
  });

  test("nor is one that is not among the tools of the rule", async () => {
    const [rule] = policy('tool.name == "close"').rules ?? [];
    const found = await faults({
      ...policy("true"),
      rules: [{ ...rule, tools: ["search"] }],
    } as PolicyDocument);
    expect(found).toEqual(['policy.rules[0].when compares tool.name with "close", which no call has there']);
  });

  test("a tool of a rule is listed, also where others can be called", async () => {
    const [rule] = policy("true").rules ?? [];
    const unlisted = {
      ...policy("true"),
      unsafeUnlistedTools: "read",
      rules: [{ ...rule, tools: ["serach"] }],
    };
    expect(await faults(unlisted as PolicyDocument)).toEqual([
      "policy.rules[0].tools[0] is not in policy.tools",
    ]);
  });

  test.each([
    'tool.name == "close" || tool.name in ["search"]',
    'tool.scope != "write" && principal.agent == ""',
    'principal.id == "oauth:https://as.example:alice" || principal.kind == "unknown"',
    '"test" in environment || tool.name.startsWith("sea")',
    'arguments.name == "serach"',
  ])("what a call can have: %s", async (when) => {
    expect(await faults(policy(when))).toEqual([]);
  });
});

test("the facts are those of the call, and cannot be changed by it", async () => {
  const caller = agentCaller(tenant);
  const args = { principal: { agent: "bob" }, environment: ["test"], now: 0 };
  expect(await under('principal.agent == "bob" || "test" in environment', { caller, args })).toBe("ok");
});
