import { describe, expect, test } from "vitest";
import type { Capability } from "../../src/evidence/act/parse.ts";
import { authorize, checkCapability } from "../../src/policy/authorize.ts";
import type { Reason } from "../../src/reasons.ts";
import { judgeMandate, mandate, outcome, tenant, unwrap } from "../support/acme.ts";

describe("authorize", () => {
  const active = { name: "ada", suspended: false };
  test.each<[string, boolean, boolean, Reason | "ok"]>([
    ["both active", false, false, "ok"],
    ["the tenant suspended", true, false, "policy.tenant_suspended"],
    ["the agent suspended", false, true, "policy.agent_suspended"],
    ["both suspended", true, true, "policy.tenant_suspended"],
  ])("%s", (_, tenantSuspended, agentSuspended, expected) => {
    const result = authorize(
      { ...tenant, suspended: tenantSuspended },
      { ...active, suspended: agentSuspended },
    );
    expect(outcome(result)).toBe(expected);
  });
});

describe("checkCapability", async () => {
  const verified = unwrap(await judgeMandate(await mandate()));
  const plain: Capability = { action: "mcp.search", constrained: false };
  const constrained: Capability = { action: "mcp.search", constrained: true };
  test.each<[string, Capability[], string, Reason | "ok"]>([
    ["granted", [plain], "mcp.search", "ok"],
    ["granted among others", [{ ...plain, action: "mcp.x" }, plain], "mcp.search", "ok"],
    ["nothing granted", [], "mcp.search", "capability.missing"],
    ["another action", [plain], "mcp.delete", "capability.missing"],
    ["a longer action", [plain], "mcp.search.x", "capability.missing"],
    ["a shorter action", [plain], "mcp.searc", "capability.missing"],
    ["another case", [plain], "mcp.Search", "capability.missing"],
    [
      "a pattern is a name like any other",
      [{ ...plain, action: "mcp.*" }],
      "mcp.search",
      "capability.missing",
    ],
    ["a constraint", [constrained], "mcp.search", "capability.constraint_unknown"],
    ["two constraints", [constrained, constrained], "mcp.search", "capability.constraint_unknown"],
    ["with and without a constraint", [constrained, plain], "mcp.search", "ok"],
    ["a constraint on another action", [{ ...constrained, action: "mcp.x" }, plain], "mcp.search", "ok"],
  ])("%s", (_, cap, action, expected) => {
    expect(outcome(checkCapability({ ...verified, cap }, action))).toBe(expected);
  });
});
