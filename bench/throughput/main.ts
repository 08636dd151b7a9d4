/**
 * `npm run bench`: what Countersign costs, against what nobody can do without, in one run on one machine. docs/benchmarks.md
 *
 *     --rounds N           that count (5)
 *     --calls N            of a throughput phase (1280)
 *     --latency-calls N    of a latency phase (512); on a disk half as many of both
 *     --rest N             milliseconds that a server is idle before it is another's turn (1300)
 *     --only A,B           contestants, the floor among them (all)
 *     --storage A,B        tmpfs, disk (both)
 *     --json FILE          every figure, and the ratios
 *
 * The Worker must be built. A missed target is no error; a call that fails is one.
 */

import { writeFile } from "node:fs/promises";
import { availableParallelism, cpus } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { findPort, HOST } from "../../src/cli/local/port.ts";
import { CONTESTANTS, type Measured, ratiosOf, summaryOf, verdictsOn } from "./figures.ts";
import { startChild } from "./load/child.ts";
import type { Driven, DriveOrder } from "./load/drive.ts";
import type { SignOrder } from "./load/sign.ts";
import { figuresTable, ratiosTable } from "./report.ts";
import { measure, type Plan } from "./rounds.ts";
import { makeStorage, removeStorage, STORAGES, type Storage, type StorageName } from "./storage.ts";
import { makeWorld } from "./world.ts";

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "5" },
    calls: { type: "string", default: "1280" },
    "latency-calls": { type: "string", default: "512" },
    // The work that a call leaves behind, outcomes and the drain of a journal, begins within a second.
    rest: { type: "string", default: "1300" },
    only: { type: "string", default: CONTESTANTS.join() },
    storage: { type: "string", default: STORAGES.join() },
    json: { type: "string" },
  },
});

const plan: Plan = {
  contestants: namesOf("only", values.only, CONTESTANTS),
  rounds: countOf("rounds"),
  throughputCalls: countOf("calls"),
  latencyCalls: countOf("latency-calls"),
  restMs: countOf("rest"),
};
if (!plan.contestants.includes("floor"))
  throw new Error("--only: the floor says how fast the others are asked");

const interruption = new AbortController();
for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.once(name, () => interruption.abort(new Error(`ended by ${name}`)));
}
try {
  await run(namesOf("storage", values.storage, STORAGES), interruption.signal);
} catch (error) {
  console.error(interruption.signal.aborted ? String(interruption.signal.reason) : error);
  process.exitCode = 1;
}
// What a server that did not start has left open keeps nothing waiting.
process.exit();

async function run(names: readonly StorageName[], signal: AbortSignal): Promise<void> {
  await using running = new AsyncDisposableStack();
  const storages: Storage[] = [];
  for (const name of names) {
    const storage = await makeStorage(name);
    if (storage === null) console.log(`This machine has no ${name}.`);
    else {
      storages.push(storage);
      running.defer(() => removeStorage(storage));
    }
  }
  const [judged] = storages;
  if (judged === undefined) throw new Error("there is no storage to measure on");
  // Miniflare's own files too are gone afterwards.
  process.env.TMPDIR = judged.directory;

  const start = <Order, Answer>(module: string) => {
    const child = startChild<Order, Answer>(join(import.meta.dirname, module), signal);
    running.defer(() => child.end());
    return child;
  };
  const origin = start<null, number>("origin.ts");
  const driver = start<DriveOrder, Driven>("load/drive.ts");
  const signer = start<SignOrder, void>("load/sign.ts");
  const port = await findPort(0);
  if (!port.ok) throw new Error(port.error);
  const world = await makeWorld(port.value, `http://${HOST}:${await origin.ask(null)}/mcp`);

  const means = { world, driver, signer, scratch: judged.directory, signal, onProgress: console.error };
  const measured: Measured[] = [];
  for (const storage of storages) {
    measured.push(await measure(storage, planFor(storage.name), means));
  }
  await report(measured);
}

/** A commit on a disk takes long, and nothing is judged there: half as many calls will do. */
function planFor(storage: StorageName): Plan {
  if (storage === "tmpfs") return plan;
  const { throughputCalls, latencyCalls } = plan;
  return { ...plan, throughputCalls: throughputCalls / 2, latencyCalls: latencyCalls / 2 };
}

/** The targets are for the first storage. */
async function report(all: readonly Measured[]): Promise<void> {
  for (const measured of all) {
    const summary = summaryOf(measured);
    console.log(
      `\nState on ${measured.storage}: medians (quartiles), rounds: ${plan.rounds}, latency at ${measured.rate.toFixed(0)} calls per second\n`,
    );
    console.log(figuresTable(summary));
    console.log(`\n${ratiosTable(ratiosOf(summary))}`);
  }
  const [judged] = all;
  if (judged === undefined) return;
  console.log(`\nThe targets are for ${judged.storage}.`);
  if (values.json === undefined) return;
  const ratios = ratiosOf(summaryOf(judged));
  const figures = {
    machine: { cpu: cpus()[0]?.model ?? "", cpus: availableParallelism(), node: process.versions.node },
    storages: Object.fromEntries(
      all.map((measured) => {
        const { storage, rate, turns } = measured;
        const summary = summaryOf(measured);
        return [storage, { plan: planFor(storage), rate, rounds: turns, summary, ratios: ratiosOf(summary) }];
      }),
    ),
    judged: judged.storage,
    ratios,
    targets: verdictsOn(ratios),
  };
  await writeFile(values.json, `${JSON.stringify(figures, null, 2)}\n`);
}

function countOf(option: "rounds" | "calls" | "latency-calls" | "rest"): number {
  const count = Number(values[option]);
  if (!Number.isInteger(count) || count < 1) throw new Error(`--${option} takes a whole number from 1`);
  return count;
}

/** @returns those of `known` that a list has, in their order */
function namesOf<Name extends string>(option: string, list: string, known: readonly Name[]): Name[] {
  const wanted = list.split(",");
  const unknown = wanted.filter((name) => !(known as readonly string[]).includes(name));
  if (unknown.length > 0)
    throw new Error(`--${option}: there is no ${unknown.join(", ")}: ${known.join(", ")}`);
  return known.filter((name) => wanted.includes(name));
}
