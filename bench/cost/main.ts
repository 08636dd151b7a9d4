/**
 * `npm run bench:cost`: what a call asks of the platform and writes, counted, and what it takes to start. docs/benchmarks.md
 *
 *     --calls N     one at a time, of each profile (20)
 *     --many N      for each of 32 connections that call at a time (40)
 *     --starts N    of workerd, with the Worker and with an empty one (7)
 */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { findPort } from "../../src/cli/local/port.ts";
import { startLocal } from "../../src/cli/local/runtime.ts";
import { storedTenant } from "../../src/cli/local/tenants.ts";
import { countOf, runCommand } from "../harness/command.ts";
import { startProcesses } from "../harness/processes.ts";
import { makeWorld, PROFILES, tenantDocument } from "../harness/world.ts";
import { quantile } from "../report/spread.ts";
import { table } from "../report/table.ts";
import { type Cost, costOf, objectRequests, objectRows, subrequests, type Traffic, useOf } from "./calls.ts";
import { buildCounting } from "./counted.ts";
import { dollars } from "./prices.ts";
import { measureStarts, STARTED, type Start } from "./start.ts";

const { values } = parseArgs({
  options: {
    calls: { type: "string", default: "20" },
    many: { type: "string", default: "40" },
    starts: { type: "string", default: "7" },
  },
});

const TRAFFIC: Readonly<Record<string, Traffic>> = {
  "one at a time": { connections: 1, calls: countOf("calls", values.calls) + 1, warmUp: 1 },
  "32 at a time": { connections: 32, calls: countOf("many", values.many) + 1, warmUp: 1 },
};
const starts = countOf("starts", values.starts);

await runCommand(async (signal) => {
  const costs = await countCosts(signal);
  console.log(`\nOne call, counted\n\n${callsTable(costs)}`);
  console.log(`\nBeside the calls, in all\n\n${upkeepTable(costs)}`);
  console.log(`\nStart of workerd\n\n${await startsTable()}`);
});

async function countCosts(signal: AbortSignal): Promise<ReadonlyMap<string, Cost>> {
  await using running = new AsyncDisposableStack();
  const directory = await mkdtemp(join(tmpdir(), "countersign-cost-"));
  running.defer(() => rm(directory, { recursive: true, force: true }));
  const bundle = await buildCounting();
  running.defer(() => bundle.remove());
  const processes = await startProcesses(running, signal);
  const port = await findPort(0);
  if (!port.ok) throw new Error(port.error);
  const world = await makeWorld(port.value, processes.originUrl);
  const tenants = PROFILES.map((profile) => storedTenant(tenantDocument(world, profile)));
  const started = await startLocal({ tenants, port: world.port, bundle: bundle.file });
  if (!started.ok) throw new Error(started.error.problem);
  const runtime = started.value;
  running.defer(() => runtime.dispose());

  const means = { ...processes, world, runtime, directory };
  const costs = new Map<string, Cost>();
  for (const profile of PROFILES)
    for (const [name, traffic] of Object.entries(TRAFFIC))
      costs.set(`${profile}, ${name}`, await costOf(means, profile, traffic));
  return costs;
}

function callsTable(costs: ReadonlyMap<string, Cost>): string {
  const row = (name: string, of: (cost: Cost) => number | null) => [
    name,
    ...[...costs.values()].map((cost) => of(cost)?.toFixed(2) ?? "-"),
  ];
  const each = (of: (cost: Cost) => ReadonlyMap<string, number>) => {
    const names = new Set([...costs.values()].flatMap((cost) => [...of(cost).keys()]));
    return [...names].map((name) => row(`- ${name}`, (cost) => of(cost).get(name) ?? 0));
  };
  return table(
    ["", ...costs.keys()],
    [
      row("Durable Object requests before the origin is asked", ({ before }) => before),
      row("Durable Object requests", objectRequests),
      row("requests to others in all", subrequests),
      ...each(({ asked }) => asked),
      row("rows written by the ledger", objectRows),
      ...each(({ rows }) => rows),
      row("rows written in D1", ({ databaseRows }) => databaseRows),
      row("CPU of workerd, ms", ({ cpuMs }) => cpuMs),
      row("$ for a million, with CPU where it is known", (cost) => dollars(useOf(cost))),
    ],
  );
}

function upkeepTable(costs: ReadonlyMap<string, Cost>): string {
  const names = new Set([...costs.values()].flatMap(({ upkeep }) => [...upkeep.keys()]));
  const row = (name: string, of: (cost: Cost) => string) => [name, ...[...costs.values()].map(of)];
  return table(
    ["", ...costs.keys()],
    [
      row("seconds", ({ seconds }) => seconds.toFixed(1)),
      ...[...names].sort().map((name) => row(name, ({ upkeep }) => String(upkeep.get(name) ?? 0))),
    ],
  );
}

async function startsTable(): Promise<string> {
  const { starts: measured, gzipped } = await measureStarts(starts);
  const row = (name: string, of: keyof Start) => {
    const [worker, unused, empty] = STARTED.map((started) =>
      quantile(
        measured[started].map((start) => start[of]),
        0.5,
      ),
    ) as [number, number, number];
    return [name, ...[worker, empty, unused - empty, worker - unused].map((ms) => ms.toFixed(1))];
  };
  const head = ["medians, ms", "Countersign", "empty Worker", "compile", "evaluate and answer"];
  const rows = [row("until the first answer", "answered"), row("CPU until then", "cpu")];
  const sizes = [...gzipped].map(([path, bytes]) => `${path} ${(bytes / 1024).toFixed(1)} KiB`);
  return `${table(head, rows)}\n\ngzipped: ${sizes.join(", ")}`;
}
