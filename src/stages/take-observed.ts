/** What is asked all the same of a call whose evidence does not hold, and is only observed. Part of stage 7. */

import type { Grant } from "../evidence/act/bind.ts";
import type { Caller, CallerContext } from "../evidence/caller.ts";
import type { Message } from "../mcp/message.ts";
import { isModern } from "../mcp/mirrored-headers.ts";
import { isLookedAt, isObserved } from "../observe.ts";
import { deriveAction } from "../policy/actions.ts";
import type { Reason } from "../reasons.ts";
import { fail, ok, type Result } from "../result.ts";
import { enterSession } from "../session/own.ts";
import { SESSION_HEADER, type Session } from "../session/seal.ts";
import type { Tenant } from "../tenant/tenant.ts";
import type { Trail } from "../trail.ts";
import { grantsFor } from "./bind-call.ts";

/**
 * Of a stranger's call only that its action exists. A caller who is proven keeps its sessions and what its mandate allows: that some
 * other evidence is only observed makes it nobody else.
 *
 * @param reason what is wrong with the evidence
 * @returns the entries of the mandate's `cap` for the call; null where there is no such mandate, or none is needed
 */
export async function takeObserved(
  trail: Trail,
  reason: Reason,
  message: Message,
  { tenant, facts, now }: Pick<CallerContext, "tenant" | "facts" | "now">,
  env: Env,
): Promise<Result<readonly Grant[] | null, Reason>> {
  const action = actionOf(message, trail.tool, tenant);
  if (!action.ok) return action;
  const { caller } = trail;
  if (caller === null) {
    trail.session = strangersSession(message, facts.headers);
    return ok(null);
  }
  trail.action = action.value;
  if (caller.signature?.demandsSignedResponse) return fail("signature.response_demanded");
  if (isRepeatable(caller, trail) && !isLookedAt(trail, "admission")) return fail(reason);

  if (trail.session === null) {
    const session = await enterSession(message, facts.headers, caller, tenant, env, now);
    if (!session.ok && !isObserved(trail, "evidence", session.error)) return session;
    trail.session = session.ok ? session.value : null;
    if (trail.session !== null) trail.checks.push("session");
  }
  const { mandate } = caller;
  if (mandate === null || action.value === null || !("method" in message)) return ok(null);
  const granted = grantsFor(message.method, action.value, mandate, tenant);
  return ok(granted.ok ? granted.value : null);
}

/** To a stranger nothing is sealed: the session is known by the origin's own name for it. */
function strangersSession(message: Message, headers: ReadonlyMap<string, string>): Session | null {
  const id = isModern(message) ? undefined : headers.get(SESSION_HEADER);
  return id === undefined ? null : { id, sealed: id, opensUrls: false };
}

/** Null for a message that has none. */
const actionOf = (
  message: Message,
  tool: string | null,
  { actions }: Tenant,
): Result<string | null, Reason> =>
  "method" in message ? deriveAction(message.method, tool, actions) : ok(null);

/**
 * Whether nothing in the request could be used up, so that whoever has captured it could send it again and again, and admission would have
 * nothing to say to that: its ECT is not of this request, and its signature has no nonce beside it.
 */
const isRepeatable = ({ ect, signature }: Caller, { step }: Trail): boolean =>
  ect !== null && step === null && signature?.nonce === null;
