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

/** Whether somebody is who makes the call: under the same name, or as the agent's subject. */
export function isOwn(
  { principal }: WaitingCall,
  approver: Pick<Approver, "iss" | "sub">,
  { agents }: Tenant,
): boolean {
  const isAgents = [...agents.bySubject, ...agents.byEctIssuer].some(
    ([subject, agent]) => subject === approver.sub && agentPrincipal(agent) === principal,
  );
  return isAgents || approverName(approver) === principal;
}
