/** Countersign as it is deployed: the production bundle, with nothing set but the tenants. */

import { startLocal } from "../../../src/cli/local/runtime.ts";
import { storedTenant } from "../../../src/cli/local/tenants.ts";
import { PROFILES, tenantDocument } from "../world.ts";
import type { StartStack } from "./stack.ts";

export const startCountersign: StartStack = async (world, directory) => {
  const started = await startLocal({
    tenants: PROFILES.map((profile) => storedTenant(tenantDocument(world, profile))),
    port: world.port,
    stateDir: directory,
    log: (level, message) => console.error(`countersign ${level}: ${message}`),
  });
  if (!started.ok) throw new Error(started.error.problem);
  const runtime = started.value;
  return {
    port: Number(new URL(runtime.directUrl).port),
    pid: runtime.workerdPid ?? 0,
    stop: () => runtime.dispose(),
  };
};
