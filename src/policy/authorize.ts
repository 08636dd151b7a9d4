import type { Reason } from "../reasons.ts";
import { fail, ok, type Result } from "../result.ts";
import type { Agent } from "../tenant/tenant.ts";

/** A caller, and what its mandate was derived from. */
export interface Authorized {
  readonly agent: Agent | null;
  readonly mandate: { readonly chain: readonly { readonly agent: Agent }[] } | null;
}

/** Whether the tenant lets the caller in at all. What a suspended agent handed on is not taken either. */
export function authorize(caller: Authorized | null): Result<void, Reason> {
  if (caller === null) return fail("policy.caller_unknown");
  const handedOn = caller.mandate?.chain.map(({ agent }) => agent) ?? [];
  const isSuspended = [...handedOn, caller.agent].some((agent) => agent?.suspended);
  return isSuspended ? fail("policy.agent_suspended") : ok(undefined);
}
