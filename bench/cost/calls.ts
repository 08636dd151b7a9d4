/** Sends signed calls through the Worker that counts, and divides what was counted by them. */

import { rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import type { LocalRuntime } from "../../src/cli/local/runtime.ts";
import type { SignOrder } from "../harness/load/sign.ts";
import { cpuOf } from "../harness/process.ts";
import type { Processes } from "../harness/processes.ts";
import type { Profile, World } from "../harness/world.ts";
import { type Counted, sumUp, takeCounted } from "./counted.ts";
import type { Use } from "./prices.ts";

const MAX_WAIT_MS = 60_000;

export interface Means extends Processes<SignOrder> {
  readonly world: World;
  /** Of the Worker that counts. */
  readonly runtime: LocalRuntime;
  /** For the load. */
  readonly directory: string;
}

/** How many calls there are, over so many connections, each of which is a run. */
export interface Traffic {
  readonly connections: number;
  /** For each connection. */
  readonly calls: number;
  /** Of these, the first that are not counted: a run's first call costs more. */
  readonly warmUp: number;
}

/** Per call, but for the last two. */
export interface Cost {
  /** Requests to Durable Objects before the origin is asked; null where calls overlap, so that it cannot be told. */
  readonly before: number | null;
  /** What the Worker asks of the platform, by what it is. */
  readonly asked: ReadonlyMap<string, number>;
  /** Rows of the ledger, by table. */
  readonly rows: ReadonlyMap<string, number>;
  readonly databaseRows: number;
  /**
   * Milliseconds of workerd, with all that it stands in for and the counting: an upper bound of the Worker's own. Null where nobody says,
   * or calls come one at a time: then it is mostly asked for counts.
   */
  readonly cpuMs: number | null;
  /** Everything else, which is not done for a single call: how often each in all. */
  readonly upkeep: ReadonlyMap<string, number>;
  /** From the first call until D1 had everything. */
  readonly seconds: number;
}

export async function costOf(means: Means, profile: Profile, traffic: Traffic): Promise<Cost> {
  const { world, runtime, signer, directory } = means;
  const { connections, calls, warmUp } = traffic;
  const file = join(directory, "load");
  await signer.ask({ world, profile, connections, calls, file });
  const pid = runtime.workerdPid ?? 0;

  const logged = await outcomesIn(runtime);
  await drive(means, file, 0, warmUp);
  await untilLogged(runtime, logged + connections * warmUp);
  await takeCounted(runtime.directUrl);

  const [cpu, start] = [await cpuOf(pid), performance.now()];
  const counted: Counted[] = [];
  if (connections > 1) await drive(means, file, warmUp, calls);
  else
    for (let i = warmUp; i < calls; i++) {
      await drive(means, file, i, i + 1);
      counted.push(...(await takeUntilReported(runtime)));
    }
  await untilLogged(runtime, logged + connections * calls);
  counted.push(...(await takeCounted(runtime.directUrl)));
  const [cpuAfter, end] = [await cpuOf(pid), performance.now()];

  await rm(file);
  const number = connections * (calls - warmUp);
  return {
    ...perCall(counted, number),
    before: connections > 1 ? null : before(counted) / number,
    cpuMs: connections === 1 || cpu === null || cpuAfter === null ? null : (cpuAfter - cpu) / number,
    seconds: (end - start) / 1000,
  };
}

async function drive({ driver, runtime }: Means, file: string, from: number, to: number): Promise<void> {
  const port = Number(new URL(runtime.directUrl).port);
  const { failures, failure } = await driver.ask({ port, file, from, to, rate: null });
  if (failures > 0) throw new Error(`${failures} calls were not answered by the origin: ${failure}`);
}

/** Waits until the outcome of the call before is handed over. */
async function takeUntilReported({ directUrl }: LocalRuntime): Promise<readonly Counted[]> {
  const counted: Counted[] = [];
  while (!counted.some(({ what }) => what === "ledger.outcome"))
    counted.push(...(await takeCounted(directUrl)));
  return counted;
}

/** How many calls D1 has, with their outcomes. */
async function outcomesIn(runtime: LocalRuntime): Promise<number> {
  const query = "SELECT COUNT(*) AS n FROM audit_records WHERE kind = 'outcome'";
  return (await (await runtime.d1()).prepare(query).first<number>("n")) ?? 0;
}

/** Ledgers hand their records on within a second or two, the decision of a call before its outcome, and hear of it a moment later. */
async function untilLogged(runtime: LocalRuntime, calls: number): Promise<void> {
  const deadline = Date.now() + MAX_WAIT_MS;
  for (; (await outcomesIn(runtime)) < calls; await setTimeout(200))
    if (Date.now() > deadline) throw new Error("D1 does not get all records");
  await setTimeout(200);
}

/** Requests of the Worker to Durable Objects that came before their call was forwarded. Each call ends before the next begins. */
function before(counted: readonly Counted[]): number {
  let [asked, isForwarded] = [0, false];
  for (const { by, what } of counted) {
    if (by !== "worker") continue;
    if (what === "origin") isForwarded = true;
    else if (what === "ledger.outcome") isForwarded = false;
    else if (isOfObject(what) && !isForwarded) asked += 1;
  }
  return asked;
}

const isOfObject = (what: string): boolean => /^(ledger|directory)\./.test(what);

/** What a ledger writes for single calls. */
const isOfCall = (what: string): boolean => /^INSERT (nodes|claims|journal)$/.test(what);

/** Shown where there is none too. */
const NO_READ = ["kv.get", { times: 0 }] as const;

function perCall(
  counted: readonly Counted[],
  calls: number,
): Pick<Cost, "asked" | "rows" | "databaseRows" | "upkeep"> {
  const ledger = [...sumUp(counted, "ledger")];
  const others = (["directory", "platform"] as const).flatMap((by) => [...sumUp(counted, by)]);
  const rest = [...ledger.filter(([what]) => !isOfCall(what)), ...others];
  const upkeep = new Map<string, number>();
  for (const [what, { times }] of rest) upkeep.set(what, (upkeep.get(what) ?? 0) + times);
  return {
    asked: new Map([NO_READ, ...sumUp(counted, "worker")].map(([what, { times }]) => [what, times / calls])),
    rows: new Map(ledger.filter(([what]) => isOfCall(what)).map(([what, { rows }]) => [what, rows / calls])),
    databaseRows: (sumUp(counted, "ledger").get("d1.run")?.rows ?? 0) / calls,
    upkeep,
  };
}

const sum = (figures: Iterable<number>): number => [...figures].reduce((all, one) => all + one, 0);

export const objectRequests = ({ asked }: Cost): number =>
  sum([...asked].map(([what, times]) => (isOfObject(what) ? times : 0)));

/** To the origin, to Durable Objects and to KV. */
export const subrequests = ({ asked }: Cost): number => sum(asked.values());

export const objectRows = ({ rows }: Cost): number => sum(rows.values());

/** What one call is billed as. */
export const useOf = (cost: Cost): Use => ({
  workerRequest: 1,
  cpu: cost.cpuMs ?? 0,
  objectRequest: objectRequests(cost),
  objectRow: objectRows(cost),
  databaseRow: cost.databaseRows,
  kvRead: cost.asked.get("kv.get") ?? 0,
});
