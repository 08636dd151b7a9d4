import { describe, expect, test } from "vitest";
import { approvers, faults, type PolicyDocument } from "../policy/helpers.ts";
import { compiled } from "../support/acme.ts";

const listed: PolicyDocument = {
  environment: ["live"],
  tools: [
    { name: "look", scope: "read" },
    { name: "pay", scope: "admin", environments: ["live"], approval: { roles: ["ops"] } },
  ],
  grants: [{ agents: ["ada"], scope: "admin" }],
  approval: approvers,
};

const ask = { name: "ask", when: "true", then: "approve" as const };

describe("the policy of a document that could have no effect, or another than is meant", () => {
  test("a document without faults", async () => {
    expect(await faults(listed)).toEqual([]);
    expect(await faults({})).toEqual([]);
  });

  test.each<[string, Partial<PolicyDocument>, string]>([
    [
      "a tool twice",
      {
        tools: [
          { name: "look", scope: "read" },
          { name: "look", scope: "admin" },
        ],
        grants: [],
      },
      "policy.tools[1].name is the same tool as policy.tools[0].name",
    ],
    [
      "tags of a tool where the tenant has none",
      { environment: [] },
      "policy.tools[1].environments can never match: policy.environment has no tag",
    ],
    [
      "an agent that does not exist",
      { grants: [{ agents: ["ada", "adaa"], scope: "admin" }] },
      "policy.grants[0].agents[1] is not the name of an agent of this document",
    ],
    [
      "an issuer of no access tokens",
      { grants: [{ subjects: [{ issuer: "https://as.example" }], scope: "admin" }] },
      "policy.grants[0].subjects[0].issuer is not the iss of an issuer of accessTokens",
    ],
    [
      "a grant for nobody",
      { grants: [{ scope: "admin" }] },
      "policy.grants[0] covers nobody: it has no agents and no subjects",
    ],
    [
      "a grant of a tool that is not listed",
      { grants: [{ agents: ["ada"], scope: "admin", tools: ["look", "lok"] }] },
      "policy.grants[0].tools[1] is not in policy.tools",
    ],
    [
      "a grant that names a tool twice",
      { grants: [{ agents: ["ada"], scope: "admin", tools: ["look", "look"] }] },
      "policy.grants[0].tools[1] is the same tool as policy.grants[0].tools[0]",
    ],
    [
      "a grant that does not reach the tool that it names",
      { grants: [{ agents: ["ada"], scope: "write", tools: ["look", "pay"] }] },
      "policy.grants[0].tools[1] is of scope admin, wider than that of the grant",
    ],
    [
      "a grant that reaches no tool",
      { tools: [{ name: "pay", scope: "admin" }], grants: [{ agents: ["ada"], scope: "write" }] },
      "policy.grants[0] covers no tool: none that may be called is of its scope",
    ],
    [
      "constraints of a kind that does not exist",
      { grants: [{ agents: ["ada"], scope: "admin", constraints: { arguments: { "/a": { maximun: 1 } } } }] },
      "policy.grants[0].constraints has a member or a kind of constraint that is not known",
    ],
    [
      "constraints that say nothing",
      { grants: [{ agents: ["ada"], scope: "admin", constraints: {} }] },
      "policy.grants[0].constraints says nothing: leave it out",
    ],
    [
      "constraints that are none",
      { grants: [{ agents: ["ada"], scope: "admin", constraints: { arguments: { a: {} } } }] },
      "policy.grants[0].constraints is malformed: see docs/act.md",
    ],
    [
      "a number of calls",
      { grants: [{ agents: ["ada"], scope: "admin", constraints: { max_calls: 1 } }] },
      "policy.grants[0].constraints has max_calls, which is for mandates: see policy.limits",
    ],
    [
      "a rule twice",
      { rules: [1, 2].map(() => ({ name: "no", when: "true", then: "deny" as const })) },
      "policy.rules[1].name is the same rule as policy.rules[0].name",
    ],
    [
      "a rule for a tool that is not listed",
      { rules: [{ name: "no", tools: ["lok"], when: "true", then: "deny" }] },
      "policy.rules[0].tools[0] is not in policy.tools",
    ],
    [
      "a rule that asks nobody",
      { rules: [ask] },
      "policy.rules[0].then says approve, and not whose: add approval",
    ],
    [
      "a rule that refuses and asks",
      { rules: [{ ...ask, then: "deny", approval: { roles: ["ops"] } }] },
      "policy.rules[0].then says deny: leave approval out",
    ],
    [
      "a rule that asks a role that does not exist",
      { rules: [{ ...ask, tools: ["look"], approval: { roles: ["ops", "opps"] } }] },
      "policy.rules[0].approval.roles[1] is not the name of a role of policy.approval",
    ],
    [
      "a rule and a tool that nobody could approve together",
      { rules: [{ ...ask, approval: { roles: ["finance"] } }] },
      "policy.rules[0].approval.roles has no role in common with policy.tools[1]: nobody could approve a call that both are about",
    ],
    [
      "two such rules",
      {
        rules: [
          { ...ask, tools: ["look"], approval: { roles: ["ops"] } },
          { ...ask, name: "other", tools: ["look"], approval: { roles: ["finance"] } },
        ],
      },
      "policy.rules[1].approval.roles has no role in common with policy.rules[0]: nobody could approve a call that both are about",
    ],
  ])("%s", async (_, changes, fault) => {
    expect(await faults({ ...listed, ...changes })).toEqual([fault]);
  });

  test.each([
    ["unsafeUnlistedTool", { unsafeUnlistedTool: "read" }],
    ["grants[0].tool", { grants: [{ agents: ["ada"], scope: "read", tool: "look" }] }],
    ["tools[0].schema", { tools: [{ name: "look", scope: "read", schema: {} }] }],
    ["rules[0].unless", { rules: [{ name: "no", when: "true", then: "deny", unless: "true" }] }],
  ])("an unknown field is refused where it stands: %s", async (path, changes) => {
    expect(await faults({ ...listed, ...changes } as PolicyDocument)).toContain(
      `policy.${path} is not a known field`,
    );
  });

  test("tools that are not listed can be granted by name where they are taken unseen", async () => {
    const grants = [{ agents: ["ada"], scope: "read" as const, tools: ["other"] }];
    expect(await faults({ ...listed, unsafeUnlistedTools: "read", grants })).toEqual([]);
  });

  test("patterns of all grants together have a bound", async () => {
    const constraints = {
      arguments: Object.fromEntries(["/a", "/b"].map((at) => [at, { pattern: "[a-z]{250}" }])),
    };
    const grants = Array.from({ length: 40 }, () => ({
      agents: ["ada"],
      scope: "read" as const,
      constraints,
    }));
    const found = await faults({ ...listed, grants });
    expect(found[0]).toMatch(/^policy\.grants\[32\]\.constraints has more patterns/);
  });
});

test("a document without rules and schemas has none to ask", async () => {
  const { policy } = await compiled();
  expect(policy.rules).toEqual([]);
  expect(policy.grants[0]?.constraints).toBeNull();
});
