import { bindCapability, type Grant } from "../evidence/act/bind.ts";
import type { VerifiedMandate } from "../evidence/act/verify.ts";
import type { AgentCaller } from "../evidence/caller.ts";
import { bindAction, bindStep } from "../evidence/ect/bind.ts";
import type { Received } from "../mcp/read.ts";
import { deriveAction } from "../policy/actions.ts";
import type { Reason } from "../reasons.ts";
import { fail, ok, type Result } from "../result.ts";
import type { Tenant } from "../tenant/tenant.ts";
import type { Trail } from "../trail.ts";

/**
 * Binds the ECT to body and mandate, and both to the action of the message. Part of stage 7.
 *
 * @returns the entries of `cap` for it; null where it needs none
 */
export function bindCall(
  trail: Trail,
  { ect, mandate }: AgentCaller,
  { message, body }: Received,
  bodySha256: Uint8Array,
  tenant: Tenant,
): Result<readonly Grant[] | null, Reason> {
  if (message.kind !== "request" && message.kind !== "notification") {
    // GET, DELETE and responses have no action: an ECT there could claim any, and the run would show it as done.
    return ect === null ? ok(null) : fail("ect.misplaced");
  }
  if (ect !== null) {
    const step = bindStep(ect, { bodySha256, hasBody: body.length > 0, mandate });
    if (!step.ok) return step;
    trail.step = ect;
    trail.checks.push(`ect.level${ect.level}`);
  }
  const action = deriveAction(message.method, trail.tool, tenant.actions);
  if (!action.ok) return action;
  trail.action = action.value;
  const named = ect === null ? ok(undefined) : bindAction(ect, action.value);
  if (!named.ok) return named;
  const capable = grantsFor(message.method, action.value, mandate, tenant);
  if (capable.ok && capable.value !== null) trail.checks.push("capability");
  return capable;
}

/** The entries of `cap` for a method; null where it needs none. */
export const grantsFor = (
  method: string,
  action: string,
  mandate: VerifiedMandate,
  { act }: Tenant,
): Result<readonly Grant[] | null, Reason> =>
  act.unsafeUncappedSession && NEEDS_NO_CAP.test(method) ? ok(null) : bindCapability(mandate, action);

/** What `act.unsafeUncappedSession` takes without an entry of `cap`: nothing that reads or changes what the origin has. */
const NEEDS_NO_CAP = /^(initialize|ping|notifications\/.*)$/;
