/** What a tenant only looks at for a while: it is recorded, and the call goes on all the same. */

import type { Gate } from "./policy/gate-names.ts";
import { REASONS, type Reason } from "./reasons.ts";
import type { ObserveRule, Tenant } from "./tenant/tenant.ts";
import type { Trail } from "./trail.ts";

/**
 * Whether a call that a gate would refuse goes on all the same; then the trail says what was observed, and for what the call would have
 * been refused first.
 */
export function isObserved(trail: Trail, gate: Gate, reason: Reason): boolean {
  if (!isCallersFault(reason) || !isLookedAt(trail, gate)) return false;
  trail.observed ??= reason;
  trail.checks.push(observedCheck(gate, reason));
  return true;
}

/** Whether a gate is observed for the request. At Countersign's own endpoints none is: they are not the server that it is put before. */
export const isLookedAt = ({ tenant, endpoint, tool, startedAt }: Trail, gate: Gate): boolean =>
  tenant !== null && endpoint?.kind === "mcp" && observes(tenant, gate, tool, startedAt);

/** How the checks of an audit record name what was observed; `audit/observed.ts` reads it. */
export const observedCheck = (gate: Gate, reason: Reason): string => `${OBSERVED_PREFIX}${gate}:${reason}`;

export const OBSERVED_PREFIX = "observed.";

/**
 * Whether a gate is observed for calls of a tool.
 *
 * @param tool null for every other message
 * @param now milliseconds
 */
export const observes = ({ observe }: Tenant, gate: Gate, tool: string | null, now: number): boolean =>
  observe.some(
    (rule) => isActive(rule, gate, now) && (rule.tools === null || (tool !== null && rule.tools.has(tool))),
  );

/**
 * The same while it is not known yet what is called.
 *
 * @param now milliseconds
 */
export const mayObserve = ({ observe }: Tenant, gate: Gate, reason: Reason, now: number): boolean =>
  isCallersFault(reason) && observe.some((rule) => isActive(rule, gate, now));

const isActive = ({ until, gates }: ObserveRule, gate: Gate, now: number): boolean =>
  now < until && (gates === null || gates.has(gate));

/**
 * Whether a reason is one to look away from. Not what is no fault of the caller's, what two parsers could read in two ways, and what
 * somebody has stopped: a suspended tenant, and whatever was revoked.
 */
export function isCallersFault(reason: Reason): boolean {
  if (reason === "policy.tenant_suspended" || reason.startsWith("revoked.")) return false;
  switch (REASONS[reason].answer.kind) {
    case "challenge":
    case "forbidden":
    case "insufficient-scope":
    case "signature":
    case "attestation":
    case "grant":
    case "limit":
    case "rate":
      return true;
    case "protocol":
      // A signed answer (501) is among the rest: nobody can give it.
      return reason === "session.missing" || reason.startsWith("wit.");
    // A session that is not the caller's, which begins anew as MCP has it; a path that does not exist.
    case "not-found":
    case "unknown-method":
    case "unavailable":
    case "origin":
    case "withheld":
    case "bug":
      return false;
  }
}
