import type { Reason } from "../reasons.ts";
import { fail, ok, type Result } from "../result.ts";
import type { Agent, Tenant } from "../tenant/tenant.ts";

/** What the tenant says about a caller whose evidence is true. Stage 8. */
export function authorize(tenant: Tenant, agent: Agent): Result<void, Reason> {
  if (tenant.suspended) return fail("policy.tenant_suspended");
  if (agent.suspended) return fail("policy.agent_suspended");
  return ok(undefined);
}
