import type { VerifiedMandate } from "../evidence/act/verify.ts";
import type { Reason } from "../reasons.ts";
import { fail, ok, type Result } from "../result.ts";
import type { Agent, Tenant } from "../tenant/tenant.ts";

/** What the tenant says about a caller whose evidence is true. Stage 8. */
export function authorize(tenant: Tenant, agent: Agent): Result<void, Reason> {
  if (tenant.suspended) return fail("policy.tenant_suspended");
  if (agent.suspended) return fail("policy.agent_suspended");
  return ok(undefined);
}

/** Whether the mandate allows the action: exact string equality with an entry of `cap` (Countersign profile of ACT). */
export function checkCapability(mandate: VerifiedMandate, action: string): Result<void, Reason> {
  const matching = mandate.cap.filter((capability) => capability.action === action);
  if (matching.length === 0) return fail("capability.missing");
  // Several entries of one action are alternatives, so one without constraints is enough.
  return matching.some((capability) => !capability.constrained)
    ? ok(undefined)
    : fail("capability.constraint_unknown");
}
