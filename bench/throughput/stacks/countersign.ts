/** Countersign as it is deployed: the production bundle, with nothing set but the tenants. */

import { startLocal } from "../../../src/cli/local/runtime.ts";
import { type StoredTenant, storedTenant } from "../../../src/cli/local/tenants.ts";
import { PROFILES, tenantDocument } from "../world.ts";
import type { Stack, StartStack } from "./stack.ts";

export const startCountersign: StartStack = (world, directory) => {
  const tenants = PROFILES.map((profile) => storedTenant(tenantDocument(world, profile)));
  return startGateway(world.port, tenants, directory);
};

/** @param port of its public URL */
export async function startGateway(
  port: number,
  tenants: readonly StoredTenant[],
  stateDir: string,
): Promise<Stack> {
  const started = await startLocal({
    tenants,
    port,
    stateDir,
    log: (level, message) => console.error(`countersign ${level}: ${message}`),
  });
  if (!started.ok) throw new Error(started.error.problem);
  const runtime = started.value;
  return {
    port: Number(new URL(runtime.directUrl).port),
    pid: runtime.workerdPid ?? 0,
    stop: () => runtime.dispose(),
  };
}
