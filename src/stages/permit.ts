import { type Counted, type Grant, permitCall } from "../evidence/act/bind.ts";
import type { Caller } from "../evidence/caller.ts";
import type { Message } from "../mcp/message.ts";
import { authorize } from "../policy/authorize.ts";
import type { Reason } from "../reasons.ts";
import { fail, ok, type Result } from "../result.ts";
import type { Tenant } from "../tenant/tenant.ts";

/**
 * What tenant and mandate say to a call whose evidence is true. Stage 8.
 *
 * @param grants the entries of `cap` for the call; null where it needs none
 * @returns the entry that the call uses up; null where its calls are not counted
 */
export function permit(
  message: Message,
  { agent, mandate }: Caller,
  grants: readonly Grant[] | null,
  tenant: Tenant,
): Result<Counted | null, Reason> {
  const authorized = authorize(tenant, mandate);
  if (!authorized.ok) return authorized;
  if (grants === null) return ok(null);
  const args = message.kind === "request" && message.tool !== null ? message.tool.arguments : null;
  const permitted = permitCall(grants, args);
  // Each lane has a ledger that counts for itself: together they would allow more than the maximum.
  const isCountable = !permitted.ok || permitted.value === null || agent.lanes.size === 1;
  return isCountable ? permitted : fail("capability.not_countable");
}
