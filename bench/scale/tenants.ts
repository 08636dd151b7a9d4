/** Calls to many tenants against calls to one. */

import type { World } from "../harness/world.ts";
import type { Bench } from "./compare.ts";
import { plainCall, startGateway, tenantOf, times } from "./gateway.ts";
import { CALLS, compareTwo, type Growth } from "./growth.ts";

/** In KV. */
const TENANTS = 10_000;

/**
 * Ledgers that are called on both sides: of as many tenants, or of as many agents of one. What is compared are tenants; a ledger has work of
 * its own, to open and to drain, whoever it belongs to.
 */
export const LEDGERS = 200;

export async function compareTenants(bench: Bench): Promise<Growth> {
  await using running = new AsyncDisposableStack();
  const one = await startGateway(bench, "one-tenant", (world) => [tenantOf(world, "tenant-0")], running);
  bench.onProgress(`tenants: ${TENANTS} are stored`);
  const many = await startGateway(bench, "many-tenants", manyTenants, running);
  const side = (name: string, gateway: typeof one, tenantOf: (ledger: number) => string) => {
    const call = (agent: number) => plainCall({ agent, tenant: tenantOf(agent) });
    return {
      name,
      gateway,
      // Each is called once before: its ledger is awake then, and its document fresh.
      plan: () => ({
        opening: times(LEDGERS, call),
        calls: times(CALLS, () => call(Math.floor(Math.random() * LEDGERS))),
      }),
    };
  };
  return await compareTwo(
    bench,
    "tenants",
    side("1", one, () => "tenant-0"),
    side(`${TENANTS}`, many, idOf),
  );
}

/** Those that are called lie evenly among all. */
const idOf = (ledger: number): string => `tenant-${(ledger * TENANTS) / LEDGERS}`;

/** Each has one agent, a different one where it is called. */
function manyTenants(world: World) {
  const agents = new Map(world.agents.map((agent, i) => [idOf(i), [agent]]));
  return times(TENANTS, (i) =>
    tenantOf(world, `tenant-${i}`, agents.get(`tenant-${i}`) ?? world.agents.slice(0, 1)),
  );
}
