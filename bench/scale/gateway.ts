/** Countersign as it is deployed, with any tenants. */

import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { findPort } from "../../src/cli/local/port.ts";
import { type StoredTenant, storedTenant } from "../../src/cli/local/tenants.ts";
import { startCountersign } from "../harness/stacks/countersign.ts";
import { tenantDocument, type World } from "../harness/world.ts";
import type { Bench, Gateway } from "./compare.ts";
import type { PlannedCall } from "./sign.ts";

/** Of the body of a call, where it is not the body that is compared. */
export const USUAL_BYTES = 1024;

/**
 * @param name of its state directory, which may be there from a gateway that has stopped
 * @param tenants what KV holds
 * @param running is given what has been started
 */
export async function startGateway(
  bench: Bench,
  name: string,
  tenants: (world: World) => readonly StoredTenant[],
  running: AsyncDisposableStack,
): Promise<Gateway> {
  bench.signal.throwIfAborted();
  const port = await findPort(0);
  if (!port.ok) throw new Error(port.error);
  const world = { ...bench.world, port: port.value };
  const stateDir = stateDirOf(bench, name);
  await mkdir(stateDir, { recursive: true });
  const stack = await startCountersign(port.value, [], stateDir);
  running.defer(() => stack.stop());
  await store(stack.kv, tenants(world));
  return { world, stack };
}

/** Many at once: one alone takes milliseconds. */
async function store(kv: KVNamespace, tenants: readonly StoredTenant[]): Promise<void> {
  const left = tenants.values();
  const writer = async () => {
    for (const { id, text } of left) await kv.put(`tenant:${id}`, text);
  };
  await Promise.all(times(32, writer));
}

export const stateDirOf = ({ directory }: Bench, name: string): string => join(directory, name);

/** A tenant of the usual profile. @param agents which of the world's it has: all unless given */
export const tenantOf = (world: World, id: string, agents = world.agents): StoredTenant =>
  storedTenant(JSON.stringify({ ...JSON.parse(tenantDocument({ ...world, agents }, "full")), id }));

/** A call as most are. */
export const plainCall = (call: Partial<PlannedCall>): PlannedCall => ({
  profile: "full",
  tenant: "full",
  agent: 0,
  run: "run",
  bytes: USUAL_BYTES,
  ...call,
});

export const times = <T>(count: number, make: (i: number) => T): T[] =>
  Array.from({ length: count }, (_, i) => make(i));
