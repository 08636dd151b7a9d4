import type { Reason } from "../reasons.ts";
import { fail, ok, type Result } from "../result.ts";
import type { Agent, Tenant } from "../tenant/tenant.ts";

/** The agents that a verified mandate is from: whom it is for, and those that it was handed down by. */
export interface Authorized {
  readonly agent: Agent;
  readonly chain: readonly { readonly agent: Agent }[];
}

/** What the tenant says about a caller whose evidence is true. What a suspended agent handed on is not taken either. Stage 8. */
export function authorize(tenant: Tenant, { agent, chain }: Authorized): Result<void, Reason> {
  if (tenant.suspended) return fail("policy.tenant_suspended");
  if ([...chain.map((link) => link.agent), agent].some(({ suspended }) => suspended)) {
    return fail("policy.agent_suspended");
  }
  return ok(undefined);
}
