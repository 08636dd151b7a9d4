/** Whether the evidence of a call is there, verifies, and is of this call. Stages 4 to 7. */

import type { Grant } from "../evidence/act/bind.ts";
import type { VerifiedBearer } from "../evidence/bearer.ts";
import type { Caller, CallerContext } from "../evidence/caller.ts";
import type { Received } from "../mcp/read.ts";
import { requiredEvidence } from "../policy/required.ts";
import type { Reason } from "../reasons.ts";
import { fail, ok, type Result } from "../result.ts";
import type { Trail } from "../trail.ts";
import { takeBeside } from "./beside.ts";
import { bindCall } from "./bind-call.ts";
import { proveCaller } from "./prove-caller.ts";
import { proveHolder } from "./prove-holder.ts";

/** Who sends the call, and what the bearer says that it may do. */
export interface Proven {
  readonly caller: Caller;
  /** The entries of the mandate's `cap` for it; null where it needs none. */
  readonly grants: readonly Grant[] | null;
}

export async function proveCall(
  trail: Trail,
  bearer: VerifiedBearer,
  received: Received,
  context: CallerContext,
  env: Env,
): Promise<Result<Proven, Reason>> {
  if (bearer.kind === "token") return proveHolder(trail, bearer.token, received, context, env);
  const { mandate } = bearer;
  const { tenant } = context;
  const required = requiredEvidence(received.message, tenant.evidenceRules, mandate.agent);
  if (!required.ok) return required;
  const proven = await proveCaller(trail, mandate, required.value, context);
  if (!proven.ok) return proven;
  const caller = proven.value;

  const bound = bindCall(trail, caller, received, context.bodySha256, tenant);
  if (!bound.ok) return bound;
  // Before the origin does anything: what it answers streams through, and cannot be signed.
  if (caller.signature?.demandsSignedResponse) return fail("signature.response_demanded");
  const beside = await takeBeside(trail, caller, { ...context, received, required: required.value }, env);
  return beside.ok ? ok({ caller, grants: bound.value }) : beside;
}
