import { type Counted, type Grant, permitCall } from "../evidence/act/bind.ts";
import type { Caller } from "../evidence/caller.ts";
import type { JsonObject } from "../json/strict-json.ts";
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
  caller: Caller,
  grants: readonly Grant[] | null,
  tenant: Tenant,
): Result<Counted | null, Reason> {
  const authorized = authorize(tenant, caller.mandate);
  if (!authorized.ok) return authorized;
  if (grants === null) return ok(null);
  const args = message.kind === "request" && message.tool !== null ? message.tool.arguments : null;
  return permitGranted(caller, grants, args);
}

/**
 * Whether one of these entries of the caller's mandate allows it.
 *
 * @param args of a `tools/call`; null for anything else
 * @returns the entry that this uses up; null where it is not counted
 */
export function permitGranted(
  { agent }: Caller,
  grants: readonly Grant[],
  args: JsonObject | null,
): Result<Counted | null, Reason> {
  const permitted = permitCall(grants, args);
  // Each lane has a ledger that counts for itself: together they would allow more than the maximum.
  const isCountable = !permitted.ok || permitted.value === null || agent.lanes.size === 1;
  return isCountable ? permitted : fail("capability.not_countable");
}
