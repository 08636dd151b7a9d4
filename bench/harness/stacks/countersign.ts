/** Countersign as it is deployed: the production bundle, with nothing set but the tenants. */

import { startLocal } from "../../../src/cli/local/runtime.ts";
import type { StoredTenant } from "../../../src/cli/local/tenants.ts";
import type { Stack } from "./stack.ts";

/** With the KV namespace that has its tenants. */
export interface CountersignStack extends Stack {
  readonly kv: KVNamespace;
}

/** @param port of its public URL */
export async function startCountersign(
  port: number,
  tenants: readonly StoredTenant[],
  stateDir: string,
): Promise<CountersignStack> {
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
    kv: await runtime.kv(),
    stop: () => runtime.dispose(),
  };
}
