/** Calls with small and large bodies, against what the hash and the strict reading of their bytes take alone. */

import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { HOST } from "../../src/cli/local/port.ts";
import { cpuOf } from "../harness/process.ts";
import type { Stack } from "../harness/stacks/stack.ts";
import { startWorker } from "../harness/stacks/worker.ts";
import { type Spread, spreadOf } from "../report/spread.ts";
import { makeBody } from "./bodies.ts";
import { type Bench, type Cost, compare } from "./compare.ts";
import { plainCall, startGateway, stateDirOf, tenantOf, times } from "./gateway.ts";

/**
 * Bytes of a body, and calls of one turn: as many as take about a second. What less than 64 KiB add to a call is less than what one call
 * differs from another.
 */
const SIZES: readonly (readonly [bytes: number, calls: number])[] = [
  [1 << 10, 200],
  [1 << 16, 150],
  [1 << 18, 80],
  [1 << 20, 40],
];

/** Bytes that are hashed and read for each size and round. */
const PART_BYTES = 1 << 25;

/** Calls before those that are measured. */
const WARM_UP = 10;

export interface BodyCost extends Cost {
  readonly bytes: number;
  /** Microseconds that hash and strict JSON take of such a body: of CPU where the system tells, else of time. */
  readonly parts: Spread;
}

/** By size. */
export async function compareBodies(bench: Bench): Promise<BodyCost[]> {
  await using running = new AsyncDisposableStack();
  const gateway = await startGateway(bench, "body", (world) => [tenantOf(world, "full")], running);
  const directory = stateDirOf(bench, "parts");
  await mkdir(directory);
  const parts = await startWorker(join(import.meta.dirname, "workers/parts.ts"), directory, {});
  running.defer(() => parts.stop());

  // The first time, code is compiled.
  for (const [bytes] of SIZES) await measureParts(parts, bytes);
  const taken = SIZES.map((): number[] => []);
  const sides = SIZES.map(([bytes, calls]) => ({
    name: `${bytes >> 10} KiB`,
    gateway,
    plan: () => ({
      opening: times(WARM_UP, () => plainCall({ run: `${bytes}`, bytes })),
      calls: times(calls, () => plainCall({ run: `${bytes}`, bytes })),
    }),
  }));
  const costs = await compare(bench, "body", sides, async () => {
    for (const [i, [bytes]] of SIZES.entries()) taken[i]?.push(await measureParts(parts, bytes));
  });
  return SIZES.map(([bytes], i) => ({
    bytes,
    ...(costs[i] as Cost),
    parts: spreadOf(taken[i] ?? []) as Spread,
  }));
}

/** @returns microseconds for one body of this size */
async function measureParts({ port, pid }: Stack, bytes: number): Promise<number> {
  const count = PART_BYTES / bytes;
  const [cpuBefore, before] = [await cpuOf(pid), performance.now()];
  const response = await fetch(`http://${HOST}:${port}/?times=${count}`, {
    method: "POST",
    body: makeBody(bytes),
  });
  if (!response.ok) throw new Error(`a body of ${bytes} bytes is not strict JSON`);
  await response.text();
  const [cpuAfter, after] = [await cpuOf(pid), performance.now()];
  const ms = cpuBefore === null || cpuAfter === null ? after - before : cpuAfter - cpuBefore;
  return (ms * 1000) / count;
}
