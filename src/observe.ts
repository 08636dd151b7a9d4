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
  const { tenant, tool, startedAt } = trail;
  if (tenant === null || !isCallersFault(reason) || !observes(tenant, gate, tool, startedAt)) return false;
  trail.observed ??= reason;
  trail.checks.push(`observed.${gate}:${reason}`);
  return true;
}

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

/** What is no fault of the caller's is not for the tenant to look away from, nor a message that two parsers read in two ways. */
export function isCallersFault(reason: Reason): boolean {
  switch (REASONS[reason].answer.kind) {
    case "unavailable":
    case "origin":
    case "bug":
    case "unknown-method":
      return false;
    default:
      return !reason.startsWith("message.") && !reason.startsWith("revoked.");
  }
}
