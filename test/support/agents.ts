/** Agents and their keys, without a tenant document. */

import type { FindAgentKey } from "../../src/evidence/agent-key.ts";
import type { KeyFinder } from "../../src/keys/source.ts";
import { fail, ok } from "../../src/result.ts";
import type { Agent, AgentKey } from "../../src/tenant/tenant.ts";

export const agentNamed = (name: string, changes: Partial<Agent> = {}): Agent => ({
  name,
  suspended: false,
  unsafeBearerOnly: null,
  keySources: [],
  workload: null,
  lanes: new Set([0]),
  ...changes,
});

/** Finds nothing beyond the tenant document. */
export const noRemoteKeys: KeyFinder = async () => fail("unknown");

/** Finds these keys alone. */
export const keysIn =
  (...keys: readonly AgentKey[]): FindAgentKey =>
  async ({ kid }) =>
    ok(keys.find((key) => key.kid === kid) ?? null);
