/** Whose call it is that somebody is asked about. */

import { agentPrincipal } from "../evidence/caller.ts";
import { ledgerName } from "../ledger/names.ts";
import type { Tenant } from "../tenant/tenant.ts";
import type { WaitingCall } from "./address.ts";
import { type Approver, approverName } from "./approver.ts";

/** The ledger of a call; null where this tenant has no such principal: nobody's address makes a ledger. */
export function ledgerOf({ principal, lane }: WaitingCall, tenant: Tenant): string | null {
  const isAgents = [...tenant.agents.bySubject.values()].some(
    (agent) => agentPrincipal(agent) === principal && agent.lanes.has(lane),
  );
  const isHolders =
    lane === 0 && [...tenant.tokenIssuers.keys()].some((iss) => principal.startsWith(`oauth:${iss}:`));
  return isAgents || isHolders ? ledgerName(tenant.id, principal, lane) : null;
}

/** Whether somebody is who makes the call: the holder of the access token, or as a subject of the agent. */
export function isOwn(
  { principal }: WaitingCall,
  approver: Pick<Approver, "iss" | "sub">,
  { agents }: Tenant,
): boolean {
  const isAgents = [...agents.bySubject, ...agents.byEctIssuer].some(
    ([subject, agent]) => subject === approver.sub && agentPrincipal(agent) === principal,
  );
  return isAgents || isHolder(principal, approverName(approver));
}

/**
 * Whether a principal is the holder of an access token by an approver's name. The issuers may differ: one provider has several, for access
 * tokens and for ID tokens.
 */
export const isHolder = (principal: string, approver: string): boolean =>
  principal.startsWith("oauth:") && subjectIn(principal) === subjectIn(approver);

/** The last part of a name that `tokenPrincipal` gave. */
const subjectIn = (name: string): string => name.slice(name.lastIndexOf(":") + 1);
