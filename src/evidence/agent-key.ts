import { findKey } from "../keys/find.ts";
import type { KeyFinder, WantedKey } from "../keys/source.ts";
import type { Reason } from "../reasons.ts";
import { fail, ok, type Result } from "../result.ts";
import type { Agent, AgentKey, Tenant } from "../tenant/tenant.ts";

/** Finds the registered key of an agent that a signature or an ECT names; null where there is none. */
export type FindAgentKey = (wanted: WantedKey) => Promise<Result<AgentKey | null, Reason>>;

/**
 * Looks among all keys in the tenant document first, so that a key has one owner and one profile, then in the sources of
 * the agent that the mandate names: of others nothing is fetched.
 */
export const agentKeys =
  (agent: Agent, tenant: Tenant, find: KeyFinder): FindAgentKey =>
  async (wanted) => {
    const registered = tenant.agents.keys.get(wanted.kid);
    if (registered !== undefined) return ok(registered);
    for (const { source, profile, lane } of agent.keySources) {
      const found = await findKey({ own: new Map(), sources: [source] }, wanted, find);
      if (found.ok) {
        // Whose key it is, and what for, is said in the document where the document has the key.
        if (tenant.pinnedKeys.has(found.value.thumbprint)) return fail("signature.key_unknown");
        return ok({ ...found.value, agent, profile, lane });
      }
      if (found.error === "unavailable") return fail("keys.unavailable");
    }
    return ok(null);
  };
