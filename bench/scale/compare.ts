/** Rounds in which all sides of a comparison take their turns, one after the other on one connection. */

import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { Driven, DriveOrder } from "../harness/load/drive.ts";
import { cpuOf, REST_MS, untilIdle } from "../harness/process.ts";
import type { Processes } from "../harness/processes.ts";
import type { Stack } from "../harness/stacks/stack.ts";
import type { World } from "../harness/world.ts";
import { quantile, type Spread, spreadOf } from "../report/spread.ts";
import type { PlannedCall, SignOrder } from "./sign.ts";

export interface Bench extends Processes<SignOrder> {
  /** Its port is that of no gateway yet. */
  readonly world: World;
  /** For state and loads, of this run alone. */
  readonly directory: string;
  readonly rounds: number;
  readonly signal: AbortSignal;
  /** Told what is done now. */
  readonly onProgress: (what: string) => void;
}

/** Countersign, with the world in which its port is right. */
export interface Gateway {
  readonly world: World;
  readonly stack: Stack;
}

export interface Side {
  readonly name: string;
  readonly gateway: Gateway;
  /** What it is sent in a round: first what is not measured, which opens runs and ledgers and fills the caches that age. */
  readonly plan: (round: number) => {
    readonly opening: readonly PlannedCall[];
    readonly calls: readonly PlannedCall[];
  };
}

/** Of one call, over rounds. */
export interface Cost {
  /** Microseconds of CPU that the gateway's process has had, its afterwork included; null where that is not known. */
  readonly cpu: Spread | null;
  /** Median time to the answer, milliseconds. */
  readonly p50: Spread;
}

/**
 * A round that does not count comes first. Every other one has the opposite order.
 *
 * @param inRound done in each round that counts
 * @returns for each side, in their order
 * @throws for any answer that is not the origin's
 */
export async function compare(
  bench: Bench,
  title: string,
  sides: readonly Side[],
  inRound: () => Promise<void> = async () => {},
): Promise<Cost[]> {
  const turns = sides.map((side) => ({ side, cpus: [] as (number | null)[], p50s: [] as number[] }));
  for (let round = 0; round <= bench.rounds; round++) {
    const ready = [];
    for (const turn of turns) ready.push({ turn, send: await load(bench, turn.side, round) });
    for (const { send } of ready) await send.opening();
    for (const { side } of turns) await untilIdle(side.gateway.stack.pid, REST_MS, bench.signal);
    for (const { turn, send } of round % 2 === 0 ? ready : ready.toReversed()) {
      const { pid } = turn.side.gateway.stack;
      const before = await cpuOf(pid);
      const { calls, latencies } = await send.calls();
      await untilIdle(pid, REST_MS, bench.signal);
      const after = await cpuOf(pid);
      const cpu = before === null || after === null ? null : ((after - before) * 1000) / calls;
      const p50 = quantile(latencies, 0.5);
      bench.onProgress(
        `${title}, round ${round}, ${turn.side.name}: ${cpu?.toFixed(0) ?? "?"} µs of CPU, p50 ${p50.toFixed(2)} ms`,
      );
      if (round === 0) continue;
      turn.cpus.push(cpu);
      turn.p50s.push(p50);
    }
    if (round > 0) await inRound();
  }
  return turns.map(({ cpus, p50s }) => ({ cpu: spreadOf(cpus), p50: spreadOf(p50s) as Spread }));
}

/** Signs what a side is sent in a round. */
async function load(bench: Bench, { name, gateway, plan }: Side, round: number) {
  const { opening, calls } = plan(round);
  const file = join(bench.directory, `${name}.load`);
  await bench.signer.ask({ world: gateway.world, calls: [...opening, ...calls], file });
  const end = opening.length + calls.length;
  return {
    opening: () => drive(bench, gateway, name, { file, from: 0, to: opening.length }),
    calls: async () => {
      const driven = await drive(bench, gateway, name, { file, from: opening.length, to: end });
      await rm(file);
      return driven;
    },
  };
}

/** @param sent who says so if a call fails */
async function drive(
  { driver }: Bench,
  { stack }: Gateway,
  sent: string,
  calls: Pick<DriveOrder, "file" | "from" | "to">,
): Promise<Driven> {
  const driven = await driver.ask({ port: stack.port, rate: null, ...calls });
  if (driven.failures === 0) return driven;
  throw new Error(`${driven.failures} calls of ${sent} failed. The first answer was:\n${driven.failure}`);
}

/** Sends calls that are not measured. */
export async function send(bench: Bench, gateway: Gateway, calls: readonly PlannedCall[]): Promise<void> {
  const file = join(bench.directory, "setup.load");
  await bench.signer.ask({ world: gateway.world, calls, file });
  await drive(bench, gateway, "the preparation", { file, from: 0, to: calls.length });
  await rm(file);
  await untilIdle(gateway.stack.pid, REST_MS, bench.signal);
}
