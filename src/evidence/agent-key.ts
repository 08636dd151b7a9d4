import { findKey } from "../keys/find.ts";
import type { KeyFinder, KeyRing, WantedKey } from "../keys/source.ts";
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
    let unavailable = false;
    for (const { source, profile, lane } of agent.keySources) {
      const ring = { own: NO_KEYS, sources: [source], pinned: tenant.pinnedKeys };
      const found = await findKey(ring, wanted, find);
      if (found.ok) return ok({ ...found.value, agent, profile, lane });
      unavailable ||= found.error === "unavailable";
    }
    return unavailable ? fail("keys.unavailable") : ok(null);
  };

const NO_KEYS: KeyRing["own"] = new Map();
