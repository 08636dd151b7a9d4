import { describe, expect, test } from "vitest";
import { authorize } from "../../src/policy/authorize.ts";
import type { Reason } from "../../src/reasons.ts";
import { outcome, tenant } from "../support/acme.ts";
import { agentNamed } from "../support/agents.ts";

describe("authorize", () => {
  const active = agentNamed("ada");
  test.each<[string, boolean, boolean, Reason | "ok"]>([
    ["both active", false, false, "ok"],
    ["the tenant suspended", true, false, "policy.tenant_suspended"],
    ["the agent suspended", false, true, "policy.agent_suspended"],
    ["both suspended", true, true, "policy.tenant_suspended"],
  ])("%s", (_, tenantSuspended, agentSuspended, expected) => {
    const result = authorize(
      { ...tenant, suspended: tenantSuspended },
      { agent: { ...active, suspended: agentSuspended }, chain: [{ agent: active }] },
    );
    expect(outcome(result)).toBe(expected);
  });

  test("an agent of the chain suspended", () => {
    const chain = [{ agent: active }, { agent: { ...active, suspended: true } }];
    expect(outcome(authorize(tenant, { agent: active, chain }))).toBe("policy.agent_suspended");
  });
});
