/**
 * `npm run bench`: what Countersign costs, against what nobody can do without, in one run on one machine. docs/benchmarks.md
 *
 *     --rounds N           that count (5)
 *     --calls N            of a throughput phase (1280)
 *     --latency-calls N    of a latency phase (384); on a disk half as many of both
 *     --rest N             milliseconds that a server is idle before it is another's turn (1300)
 *     --only A,B           contestants, the floor among them (all)
 *     --storage A,B        tmpfs, disk (both)
 *     --json FILE          every figure, and the ratios
 *
 * The Worker must be built. A missed target is no error; a call that fails is one.
 */

import { writeFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { findPort } from "../../src/cli/local/port.ts";
import { countOf, machine, namesOf, runCommand } from "../harness/command.ts";
import { REST_MS } from "../harness/process.ts";
import { startProcesses } from "../harness/processes.ts";
import { makeStorage, removeStorage, STORAGES, type Storage, type StorageName } from "../harness/storage.ts";
import { makeWorld } from "../harness/world.ts";
import { CONTESTANTS, RATIOS } from "./contestants.ts";
import { type Measured, type Summary, summaryOf, verdictsOn } from "./figures.ts";
import { figuresTable, ratiosTable } from "./report.ts";
import { measure, type Plan } from "./rounds.ts";

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "5" },
    calls: { type: "string", default: "1280" },
    "latency-calls": { type: "string", default: "384" },
    rest: { type: "string", default: `${REST_MS}` },
    only: { type: "string", default: CONTESTANTS.join() },
    storage: { type: "string", default: STORAGES.join() },
    json: { type: "string" },
  },
});

const plan: Plan = {
  contestants: namesOf("only", values.only, CONTESTANTS),
  rounds: countOf("rounds", values.rounds),
  throughputCalls: countOf("calls", values.calls),
  latencyCalls: countOf("latency-calls", values["latency-calls"]),
  restMs: countOf("rest", values.rest),
};
if (!plan.contestants.includes("floor"))
  throw new Error("--only: the floor says how fast the others are asked");

const storages = namesOf("storage", values.storage, STORAGES);

await runCommand(run);

async function run(signal: AbortSignal): Promise<void> {
  await using running = new AsyncDisposableStack();
  const made: Storage[] = [];
  for (const name of storages) {
    const storage = await makeStorage(name);
    if (storage === null) console.log(`This machine has no ${name}.`);
    else {
      made.push(storage);
      running.defer(() => removeStorage(storage));
    }
  }
  const [judged] = made;
  if (judged === undefined) throw new Error("there is no storage to measure on");
  // Miniflare's own files too are gone afterwards.
  process.env.TMPDIR = judged.directory;

  const processes = await startProcesses(running, signal);
  const port = await findPort(0);
  if (!port.ok) throw new Error(port.error);
  const world = await makeWorld(port.value, processes.originUrl);

  const means = { ...processes, world, scratch: judged.directory, signal, onProgress: console.error };
  const measured: Measured[] = [];
  for (const storage of made) {
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
    console.log(`\n${ratiosTable(summary)}`);
  }
  const [judged] = all;
  if (judged === undefined) return;
  console.log(`\nThe targets are for ${judged.storage}.`);
  if (values.json === undefined) return;
  const figures = {
    machine: machine(),
    storages: Object.fromEntries(
      all.map((measured) => {
        const { storage, rate, turns } = measured;
        const summary = summaryOf(measured);
        const of = { plan: planFor(storage), rate, rounds: turns, summary, ratios: ratiosOf(summary) };
        return [storage, of];
      }),
    ),
    judged: judged.storage,
    ratios: ratiosOf(summaryOf(judged)),
    targets: verdictsOn(summaryOf(judged)),
  };
  await writeFile(values.json, `${JSON.stringify(figures, null, 2)}\n`);
}

function ratiosOf(summary: Summary) {
  const verdicts = verdictsOn(summary);
  return Object.fromEntries(RATIOS.map((name) => [name, verdicts[name].ratio]));
}
