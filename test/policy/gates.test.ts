import { describe, expect, test } from "vitest";
import type { Grant } from "../../src/evidence/act/bind.ts";
import { readConstraints } from "../../src/evidence/act/constraints/constraints.ts";
import type { JsonObject } from "../../src/json/strict-json.ts";
import type { Reason } from "../../src/reasons.ts";
import { compiled, NOW } from "../support/acme.ts";
import { type Call, judged, judgedBy, type PolicyDocument, said, tokenCaller } from "./helpers.ts";

type Grants = NonNullable<PolicyDocument["grants"]>;

const PAST = "2020-01-01T00:00:00Z";
const FUTURE = "2099-01-01T00:00:00Z";

describe("the gates in their order", () => {
  test("each has a verdict of its own, whatever the others say", async () => {
    const tenant = await compiled({
      status: "suspended",
      policy: { environment: ["test"], tools: [{ name: "pay", scope: "read", environments: ["live"] }] },
    });
    const { verdicts } = judgedBy(tenant, { caller: null, tool: "pay" });
    expect(verdicts).toEqual([
      { gate: "tenant", reason: "policy.tenant_suspended" },
      { gate: "agent", reason: "policy.caller_unknown" },
      { gate: "tool", reason: "policy.tool_not_granted" },
      { gate: "environment", reason: "policy.environment" },
      { gate: "arguments", reason: null },
    ]);
  });

  test("a policy that grants nothing grants nothing", async () => {
    expect(said(await judged({}), "tool")).toBe("policy.tool_unlisted");
    const listed = await judged({ tools: [{ name: "search", scope: "read" }] });
    expect(said(listed, "tool")).toBe("policy.tool_not_granted");
  });

  test("without a tool, nothing is asked of tools", async () => {
    const tenant = await compiled({ policy: { rules: [{ name: "never", when: "true", then: "deny" }] } });
    const asked = { tenant, caller: null, tool: null, grants: null, now: NOW };
    const { judgePolicy } = await import("../../src/policy/judge.ts");
    const judgement = judgePolicy(asked);
    for (const gate of ["tool", "environment", "arguments"] as const)
      expect(said(judgement, gate)).toBe("ok");
  });
});

describe("the tool gate", () => {
  const ada = { agents: ["ada"] };
  test.each<[string, Grants, Reason | "ok"]>([
    ["the scope itself", [{ ...ada, scope: "write" }], "ok"],
    ["a wider scope", [{ ...ada, scope: "admin" }], "ok"],
    ["the tool by name", [{ ...ada, scope: "write", tools: ["pay"] }], "ok"],
    ["one that has not ended", [{ ...ada, scope: "write", expires: FUTURE }], "ok"],
    ["another agent's", [{ agents: ["bob"], scope: "admin" }], "policy.tool_not_granted"],
    ["of another tool", [{ ...ada, scope: "admin", tools: ["look"] }], "policy.tool_not_granted"],
    ["a narrower scope", [{ ...ada, scope: "read" }], "policy.scope_too_narrow"],
    ["revoked", [{ ...ada, scope: "write", status: "revoked" }], "policy.grant_revoked"],
    ["ended", [{ ...ada, scope: "write", expires: PAST }], "policy.grant_expired"],
    [
      "revoked before it ended",
      [{ ...ada, scope: "write", status: "revoked", expires: FUTURE }],
      "policy.grant_revoked",
    ],
    [
      "a wide one revoked beside a narrow one: the narrow one does not reach",
      [
        { ...ada, scope: "admin", status: "revoked" },
        { ...ada, scope: "read" },
      ],
      "policy.grant_revoked",
    ],
    [
      "a wide one ended beside a narrow one",
      [
        { ...ada, scope: "admin", expires: PAST },
        { ...ada, scope: "read" },
      ],
      "policy.grant_expired",
    ],
    [
      "a revoked one does not take back another",
      [
        { ...ada, scope: "write", status: "revoked" },
        { ...ada, scope: "write" },
      ],
      "ok",
    ],
    [
      "one ended, one revoked",
      [
        { ...ada, scope: "write", expires: PAST },
        { ...ada, scope: "write", status: "revoked" },
      ],
      "policy.grant_revoked",
    ],
    [
      "what one lacks in scope another does not lend it",
      [
        { ...ada, scope: "read" },
        { ...ada, scope: "admin", tools: ["look"] },
      ],
      "policy.scope_too_narrow",
    ],
  ])("%s", async (_, grants, expected) => {
    const tools: PolicyDocument["tools"] = [
      { name: "look", scope: "read" },
      { name: "pay", scope: "write" },
    ];
    expect(said(await judged({ tools, grants }, { tool: "pay" }), "tool")).toBe(expected);
  });

  test("a grant ends with the second that it names", async () => {
    const expires = new Date(NOW * 1000).toISOString().replace(".000", "");
    const tenant = await compiled({
      policy: { unsafeUnlistedTools: "read", grants: [{ agents: ["ada"], scope: "read", expires }] },
    });
    expect(said(judgedBy(tenant, { now: NOW - 1 }), "tool")).toBe("ok");
    expect(said(judgedBy(tenant, { now: NOW }), "tool")).toBe("policy.grant_expired");
  });

  test("a listed tool keeps its scope where others are taken unseen", async () => {
    const policy: PolicyDocument = {
      tools: [{ name: "pay", scope: "admin" }],
      unsafeUnlistedTools: "read",
      grants: [{ agents: ["ada"], scope: "read" }],
    };
    expect(said(await judged(policy, { tool: "pay" }), "tool")).toBe("policy.scope_too_narrow");
    expect(said(await judged(policy, { tool: "constructor" }), "tool")).toBe("ok");
  });

  test.each<[string, string, string, Reason | "ok"]>([
    ["the subject of the issuer", "https://as.example", "alice", "ok"],
    ["another subject", "https://as.example", "bob", "policy.tool_not_granted"],
    ["the subject at another issuer", "https://other-as.example", "alice", "policy.tool_not_granted"],
    ["any subject of an issuer", "https://open-as.example", "whoever", "ok"],
    ["an issuer that begins alike", "https://as.example/", "alice", "policy.tool_not_granted"],
  ])("holders of access tokens: %s", async (_, iss, sub, expected) => {
    const tenant = await compiled();
    const grant = { ...tenant.policy.grants[0], agents: new Set<string>(), scope: "read" as const };
    const subjects = [
      { issuer: "https://as.example", subject: "alice" },
      { issuer: "https://open-as.example", subject: null },
    ];
    const policy = { ...tenant.policy, grants: [{ ...grant, ...NO_END, subjects }] };
    expect(said(judgedBy({ ...tenant, policy }, { caller: tokenCaller(iss, sub) }), "tool")).toBe(expected);
  });

  test("a token whose subject has an agent's name is not that agent", async () => {
    const tenant = await compiled();
    const caller = tokenCaller("https://issuer.example", "ada");
    expect(said(judgedBy(tenant, { caller }), "tool")).toBe("policy.tool_not_granted");
  });
});

const NO_END = { tools: null, constraints: null, expires: null, revoked: false };

describe("the environment gate", () => {
  test.each<[string, string[], string[] | undefined, Reason | "ok"]>([
    ["no tags wanted", [], undefined, "ok"],
    ["one of several", ["live"], ["test", "live"], "ok"],
    ["another", ["live"], ["test"], "policy.environment"],
    ["one that begins alike", ["live-eu"], ["live"], "policy.environment"],
  ])("%s", async (_, environment, environments, expected) => {
    const tools = [{ name: "pay", scope: "read" as const, ...(environments && { environments }) }];
    expect(said(await judged({ environment, tools }, { tool: "pay" }), "environment")).toBe(expected);
  });
});

describe("constraints of grants", () => {
  const atMost = (maximum: number) => ({ arguments: { "/amount": { maximum } }, additional: true });
  const policy = (...grants: Grants): PolicyDocument => ({ unsafeUnlistedTools: "read", grants });
  const under = async (grants: Grants, call: Call) =>
    said(await judged(policy(...grants), call), "arguments");
  const ada = { agents: ["ada"], scope: "read" as const };

  test("refuse what no grant allows", async () => {
    const grants = [{ ...ada, constraints: atMost(10) }];
    expect(await under(grants, { args: { amount: 10 } })).toBe("ok");
    expect(await under(grants, { args: { amount: 11 } })).toBe("policy.argument_not_allowed");
    expect(await under(grants, { args: {} })).toBe("policy.argument_not_allowed");
    expect(await under(grants, { args: { amount: "1" } })).toBe("policy.argument_not_allowed");
  });

  test("without additional, arguments that no rule names are refused", async () => {
    const grants = [{ ...ada, constraints: { arguments: { "/amount": { maximum: 10 } } } }];
    expect(await under(grants, { args: { amount: 1, force: true } })).toBe("policy.argument_not_allowed");
  });

  test("grants are alternatives, and each stands for itself", async () => {
    const grants = [
      { ...ada, constraints: { arguments: { "/to": { equals: "a" } }, additional: true } },
      { ...ada, constraints: atMost(10) },
    ];
    expect(await under(grants, { args: { to: "a", amount: 1000 } })).toBe("ok");
    expect(await under(grants, { args: { to: "b", amount: 5 } })).toBe("ok");
    expect(await under(grants, { args: { to: "b", amount: 1000 } })).toBe("policy.argument_not_allowed");
  });

  test.each<[string, Grants[number]]>([
    ["revoked", { ...ada, status: "revoked" }],
    ["ended", { ...ada, expires: PAST }],
    ["another agent's", { agents: ["bob"], scope: "read" }],
    ["of another tool", { ...ada, tools: ["other"] }],
  ])("a grant without constraints does not lift those of another where it is %s", async (_, wide) => {
    const grants = [wide, { ...ada, constraints: atMost(10) }];
    expect(await under(grants, { args: { amount: 11 } })).toBe("policy.argument_not_allowed");
  });

  test("the mandate's hold as well: neither widens the other", async () => {
    const narrow = (maximum: number): Grant => {
      const read = readConstraints(atMost(maximum) as JsonObject);
      if (read === null || read === "unknown") throw new Error("no constraints");
      return { index: 0, constraints: read };
    };
    const grants = [{ ...ada, constraints: atMost(10) }];
    const call = (amount: number, mandate: number) =>
      under(grants, { args: { amount }, grants: [narrow(mandate)] });
    expect(await call(5, 20)).toBe("ok");
    expect(await call(15, 20)).toBe("policy.argument_not_allowed");
    expect(await call(15, 12)).toBe("capability.argument_not_allowed");
    expect(await call(9, 5)).toBe("capability.argument_not_allowed");
  });
});
