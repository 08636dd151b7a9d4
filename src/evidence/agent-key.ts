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
    const [first] = agent.keySources;
    if (first === undefined) return ok(null);
    const sources = agent.keySources.map(({ source }) => source);
    const found = await findKey({ own: NO_KEYS, sources, pinned: tenant.pinnedKeys }, wanted, find);
    // All of them have one profile and one lane, so that it does not matter which has answered.
    if (found.ok) return ok({ ...found.value, agent, profile: first.profile, lane: first.lane });
    return found.error === "unavailable" ? fail("keys.unavailable") : ok(null);
  };

/** Of the agent's keys this one alone: that of its WIT. It is named as the token does, or by its thumbprint. */
export const onlyKey =
  (key: AgentKey): FindAgentKey =>
  async ({ kid }) =>
    ok(kid === key.kid || kid === key.thumbprint ? key : null);

const NO_KEYS: KeyRing["own"] = new Map();
