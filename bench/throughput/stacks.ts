/** How each server that takes part is started. */

import { join } from "node:path";
import { storedTenant } from "../../src/cli/local/tenants.ts";
import { startChild } from "../harness/load/child.ts";
import { startCountersign } from "../harness/stacks/countersign.ts";
import type { Stack } from "../harness/stacks/stack.ts";
import { startWorker } from "../harness/stacks/worker.ts";
import { PROFILES, tenantDocument, type World } from "../harness/world.ts";
import type { ServerOrder } from "./node/server.ts";

/** @param directory an empty one, for its state */
type StartStack = (world: World, directory: string) => Promise<Stack>;

export const STACKS = {
  passthrough: (world, directory) =>
    startWorker(pathOf("workers/passthrough.ts"), directory, { bindings: { ORIGIN: world.originUrl } }),

  floor: (world, directory) =>
    startWorker(pathOf("workers/floor.ts"), directory, {
      bindings: { ORIGIN: world.originUrl, KEYS: JSON.stringify(keysOf(world)) },
      durableObjects: { LEDGER: { className: "FloorLedger", useSQLite: true } },
    }),

  countersign: (world, directory) => {
    const tenants = PROFILES.map((profile) => storedTenant(tenantDocument(world, profile)));
    return startCountersign(world.port, tenants, directory);
  },

  node: async (world, directory) => {
    const server = startChild<ServerOrder, number>(pathOf("node/server.ts"));
    const port = await server.ask({ world, directory });
    return { port, pid: server.pid, stop: () => server.end() };
  },
} as const satisfies Record<string, StartStack>;

export type StackName = keyof typeof STACKS;

const pathOf = (module: string): string => join(import.meta.dirname, module);

/** By `kid`. */
const keysOf = ({ issuer, planner, agents }: World) =>
  Object.fromEntries([issuer, planner, ...agents].map(({ publicJwk }) => [publicJwk.kid, publicJwk]));
