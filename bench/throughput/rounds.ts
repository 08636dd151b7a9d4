/** The rounds on one storage: in which order, and with what load. */

import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Driven } from "../harness/load/drive.ts";
import type { SignOrder } from "../harness/load/sign.ts";
import { cpuOf, scheduledOf, untilIdle } from "../harness/process.ts";
import type { Processes } from "../harness/processes.ts";
import type { Stack } from "../harness/stacks/stack.ts";
import type { Storage } from "../harness/storage.ts";
import { PROFILES, type Profile, type World } from "../harness/world.ts";
import { quantile } from "../report/spread.ts";
import { type Contestant, ENTRIES } from "./contestants.ts";
import type { Measured, Turn } from "./figures.ts";
import { STACKS, type StackName } from "./stacks.ts";

/** Each is a run of its own, and four share a ledger; as many as keep every server busy. */
const CONNECTIONS = 32;

/** Calls that each connection sends before a phase is measured: the server's connections to the origin are open then. */
const WARM_UP = 2;

/**
 * Of the floor's throughput: the rate of the latency phases. Calls that come one by one take a Worker about twice the CPU of calls that
 * come at once: at this rate none of those compared is busy for more than half of the time, so that what is measured is the call, and not
 * the queue before it.
 */
const RATE_SHARE = 1 / 8;

/** What is done on one storage. */
export interface Plan {
  /** The floor is among them. */
  readonly contestants: readonly Contestant[];
  readonly rounds: number;
  /** Of a throughput phase, and of a latency phase, over all connections. */
  readonly throughputCalls: number;
  readonly latencyCalls: number;
  /** How long a server has had nothing to do when its turn is over. */
  readonly restMs: number;
}

export interface Means extends Processes<SignOrder> {
  readonly world: World;
  /** For the load, which no storage is to be busy with. */
  readonly scratch: string;
  readonly signal: AbortSignal;
  /** Told what is done now. */
  readonly onProgress: (what: string) => void;
}

/** Which calls of each connection a phase sends. */
interface Phase {
  readonly from: number;
  readonly to: number;
}

/** A contestant whose turn it is. */
interface Active {
  readonly contestant: Contestant;
  readonly stack: Stack;
  /** Sends some of the round's calls. @throws for any answer that is not the origin's */
  readonly send: (calls: Phase, rate: number | null) => Promise<Driven>;
}

/** @throws also for any answer that is not the origin's */
export async function measure(storage: Storage, plan: Plan, means: Means): Promise<Measured> {
  await using running = new AsyncDisposableStack();
  const stacks = await startStacks(storage, plan.contestants, means, running);
  const rest = ({ pid }: Stack) => untilIdle(pid, plan.restMs, means.signal);

  // A ledger admits nothing that was signed long before it was opened: all are, before the load of a long round is signed.
  const opening = phase(0, 0);
  await inTurns(means, `${storage.name}, opening`, stacks, opening.to, async ({ send }) => {
    await send(opening, null);
    return "answers";
  });

  // A round that does not count: code is compiled, and the floor says what it can do.
  const warmUp = phase(0, plan.throughputCalls);
  let rate = 0;
  await inTurns(means, `${storage.name}, warm-up`, stacks, warmUp.to, async ({ contestant, stack, send }) => {
    const { calls, seconds } = await send(warmUp, null);
    await rest(stack);
    if (contestant === "floor") rate = (calls / seconds) * RATE_SHARE;
    return `${(calls / seconds).toFixed(0)}/s`;
  });
  means.onProgress(`${storage.name}: latency is measured at ${rate.toFixed(0)} calls per second`);

  const turns: Partial<Record<Contestant, Turn[]>> = {};
  const paced = phase(0, plan.latencyCalls);
  const full = phase(paced.to, plan.throughputCalls);
  for (let round = 1; round <= plan.rounds; round++) {
    const order = round % 2 === 1 ? stacks : stacks.toReversed();
    await inTurns(means, `${storage.name}, round ${round}`, order, full.to, async (active) => {
      const turn = await takeTurn(active, paced, rate, full, rest);
      turns[active.contestant] = [...(turns[active.contestant] ?? []), turn];
      return `${turn.throughput.toFixed(0)}/s, p50 ${turn.p50.toFixed(1)} ms, p99 ${turn.p99.toFixed(1)} ms`;
    });
  }
  return { storage: storage.name, rate, turns };
}

const phase = (from: number, calls: number): Phase => ({
  from,
  to: from + WARM_UP + Math.ceil(calls / CONNECTIONS),
});

type Stacks = readonly (readonly [Contestant, Stack])[];

/** @param running is given what has been started, also where another one does not start */
async function startStacks(
  storage: Storage,
  contestants: readonly Contestant[],
  { world, signal }: Means,
  running: AsyncDisposableStack,
): Promise<Stacks> {
  const started = new Map<StackName, Stack>();
  const stacks: [Contestant, Stack][] = [];
  for (const contestant of contestants) {
    const name = ENTRIES[contestant].stack;
    let stack = started.get(name);
    if (stack === undefined) {
      signal.throwIfAborted();
      const directory = join(storage.directory, name);
      await mkdir(directory);
      const fresh = await STACKS[name](world, directory);
      running.defer(() => fresh.stop());
      started.set(name, fresh);
      stack = fresh;
    }
    stacks.push([contestant, stack]);
  }
  return stacks;
}

/**
 * Signs the loads of a round, and gives them to one contestant after the other. A round is over before signatures expire.
 *
 * @param calls of each connection
 * @param take its answer is shown
 */
async function inTurns(
  { world, signer, driver, scratch, onProgress }: Means,
  title: string,
  stacks: Stacks,
  calls: number,
  take: (active: Active) => Promise<string>,
): Promise<void> {
  const fileOf = (profile: Profile) => join(scratch, `${profile}.load`);
  try {
    for (const profile of new Set(stacks.map(([contestant]) => ENTRIES[contestant].profile))) {
      await signer.ask({ world, profile, connections: CONNECTIONS, calls, file: fileOf(profile) });
    }
    for (const [contestant, stack] of stacks) {
      const file = fileOf(ENTRIES[contestant].profile);
      const send: Active["send"] = async (phase, rate) => {
        const driven = await driver.ask({ port: stack.port, file, ...phase, warmUp: WARM_UP, rate });
        if (driven.failures === 0) return driven;
        throw new Error(
          `${driven.failures} calls of ${contestant} failed. The first answer was:\n${driven.failure}`,
        );
      };
      onProgress(`${title}, ${contestant}: ${await take({ contestant, stack, send })}`);
    }
  } finally {
    for (const profile of PROFILES) await rm(fileOf(profile), { force: true });
  }
}

/**
 * First latency, then throughput, with no rest between: what calls leave behind goes on while others come, as it does on a server that is
 * busy for longer than a turn.
 */
async function takeTurn(
  { stack, send }: Active,
  paced: Phase,
  rate: number,
  full: Phase,
  rest: (stack: Stack) => Promise<void>,
): Promise<Turn> {
  const cpuBefore = await cpuOf(stack.pid);
  const waitedBefore = await scheduledOf(stack.pid);
  const { latencies, seconds: pacedSeconds } = await send(paced, rate);
  const waited = difference((await scheduledOf(stack.pid))?.waited, waitedBefore?.waited);
  const { calls, seconds } = await send(full, null);
  await rest(stack);
  const cpu = difference(await cpuOf(stack.pid), cpuBefore);
  return {
    throughput: calls / seconds,
    p50: quantile(latencies, 0.5),
    p99: quantile(latencies, 0.99),
    cpu: cpu && (cpu * 1000) / (CONNECTIONS * (full.to - paced.from)),
    waited: waited && waited / (pacedSeconds * 10),
  };
}

const difference = (after: number | null = null, before: number | null = null): number | null =>
  after === null || before === null ? null : after - before;
