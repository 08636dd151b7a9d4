/**
 * `npm run bench:scale`: whether a call costs more where there is more of everything. docs/benchmarks.md
 *
 *     --rounds N    that count (5)
 *     --only A,B    runs, nonces, tenants, body (all)
 *     --json FILE   every figure
 *
 * The Worker must be built. A missed target is no error; a call that fails is one.
 */

import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { countOf, machine, namesOf, runCommand } from "../harness/command.ts";
import { startProcessesWith } from "../harness/processes.ts";
import { makeStorage, removeStorage } from "../harness/storage.ts";
import { makeWorld } from "../harness/world.ts";
import { type BodyCost, compareBodies } from "./body.ts";
import type { Bench } from "./compare.ts";
import type { Growth } from "./growth.ts";
import { compareNonces } from "./nonces.ts";
import { bodyTable, bodyVerdicts, growthTable, growthVerdicts } from "./report.ts";
import { compareRuns } from "./runs.ts";
import type { SignOrder } from "./sign.ts";
import { compareTenants, LEDGERS } from "./tenants.ts";

const COMPARISONS = ["runs", "nonces", "tenants", "body"] as const;

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "5" },
    only: { type: "string", default: COMPARISONS.join() },
    json: { type: "string" },
  },
});
const rounds = countOf("rounds", values.rounds);
const only = namesOf("only", values.only, COMPARISONS);

await runCommand(run);

async function run(signal: AbortSignal): Promise<void> {
  await using running = new AsyncDisposableStack();
  const storage = (await makeStorage("tmpfs")) ?? (await makeStorage("disk"));
  if (storage === null) throw new Error("there is no storage to measure on");
  running.defer(() => removeStorage(storage));
  // Miniflare's own files too are gone afterwards.
  process.env.TMPDIR = storage.directory;

  const processes = await startProcessesWith<SignOrder>(
    join(import.meta.dirname, "sign.ts"),
    running,
    signal,
  );
  const bench: Bench = {
    ...processes,
    world: await makeWorld(0, processes.originUrl, LEDGERS),
    directory: storage.directory,
    rounds,
    signal,
    onProgress: console.error,
  };

  const growths: Growth[] = [];
  if (only.includes("runs")) growths.push(await compareRuns(bench));
  if (only.includes("nonces")) growths.push(await compareNonces(bench));
  if (only.includes("tenants")) growths.push(await compareTenants(bench));
  const bodies = only.includes("body") ? await compareBodies(bench) : [];

  console.log(`\nState on ${storage.name}, one connection: medians (quartiles), rounds: ${rounds}`);
  if (growths.length > 0) console.log(`\n${growthTable(growths)}`);
  if (bodies.length > 0) console.log(`\n${bodyTable(bodies)}`);
  if (values.json !== undefined) await writeFile(values.json, toJson(storage.name, growths, bodies));
}

function toJson(storage: string, growths: readonly Growth[], bodies: readonly BodyCost[]): string {
  const figures = {
    machine: machine(),
    storage,
    rounds,
    growth: growths.map((growth) => ({ ...growth, ratios: growthVerdicts(growth) })),
    body: { costs: bodies, ratios: bodyVerdicts(bodies) },
  };
  return `${JSON.stringify(figures, null, 2)}\n`;
}
