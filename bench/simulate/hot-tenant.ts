/** What one hot agent of one tenant does to everybody else. */

import { quantile } from "../report/spread.ts";
import { duration, number, percent, table } from "../report/table.ts";
import { ceilingOf } from "./balance.ts";
import type { Ruling } from "./ledger.ts";
import { ADMISSION_MS } from "./parameters.ts";
import { type Mix, mixOf, type Stream, streamsOf } from "./workload.ts";
import { World } from "./world.ts";

/** What callers saw. */
export class Seen {
  calls = 0;
  /** Of those that were admitted, ms. */
  readonly latencies: number[] = [];

  note(ruling: Ruling): void {
    this.calls += 1;
    if (ruling.kind === "admitted") this.latencies.push(ruling.latency);
  }

  get refused(): number {
    return this.calls === 0 ? 0 : 1 - this.latencies.length / this.calls;
  }
}

export interface HotTenant {
  readonly hot: Seen;
  readonly others: Seen;
  /** Of calls of the hot agent that were admitted, those whose outcome found the ledger overloaded. */
  readonly outcomesLost: number;
  /** How long records of the others waited until they were in D1, ms. */
  readonly recordDelays: readonly number[];
  /** Shares of the time in which they worked. */
  readonly databaseBusy: number;
  readonly directoryBusy: number;
  readonly kvReadsPerSecond: number;
}

const OTHERS: Mix = { tenants: 100, agents: 10, lanes: () => 1, rate: 500 };

/** @param load of the hot agent, in ceilings of its ledger; 0 for none */
export function runHotTenant(load: number, seconds: number, seed: number): HotTenant {
  const admissionMs = ADMISSION_MS.slow;
  const world = new World(admissionMs, seed);
  const [hot, others] = [new Seen(), new Seen()];
  const streams = mixOf(OTHERS, seed);
  for (const stream of streams) world.stream(stream, (ruling) => others.note(ruling));
  const hotStreams = load > 0 ? streamsOf("hot", "busy", [1], load * ceilingOf(admissionMs)) : [];
  for (const stream of hotStreams) world.stream(stream, (ruling) => hot.note(ruling));
  world.agenda.runUntil(seconds * 1000);
  const busy = [...world.directories.values()].map((directory) => directory.busy);
  const ledgersOf = (of: readonly Stream[]) => of.map(({ ledger, tenant }) => world.ledger(ledger, tenant));
  return {
    hot,
    others,
    outcomesLost: ledgersOf(hotStreams).reduce((sum, ledger) => sum + ledger.outcomesLost, 0),
    recordDelays: ledgersOf(streams).flatMap(({ journal }) => journal.delays),
    databaseBusy: world.database.queue.busy / (seconds * 1000),
    directoryBusy: Math.max(...busy) / (seconds * 1000),
    kvReadsPerSecond: world.kvReads / seconds,
  };
}

const LOADS = [0, 0.9, 1, 10, 100];
const SECONDS = 30;

export function hotTenantTable(seed: number): string {
  const rows = LOADS.map((load) => {
    const { hot, others, outcomesLost, recordDelays, ...shared } = runHotTenant(load, SECONDS, seed);
    return [
      load === 0 ? "-" : `${load}x`,
      number(hot.latencies.length / SECONDS),
      percent(hot.refused),
      ...[0.5, 0.99].map((share) => duration(quantile(hot.latencies, share))),
      percent(outcomesLost / Math.max(hot.latencies.length, 1)),
      percent(others.refused),
      ...[0.5, 0.99].map((share) => duration(quantile(others.latencies, share))),
      duration(quantile(recordDelays, 0.99)),
      percent(shared.databaseBusy),
      percent(shared.directoryBusy),
      number(shared.kvReadsPerSecond),
    ];
  });
  const head = [
    "hot agent",
    "admitted/s",
    "refused",
    "p50",
    "p99",
    "outcomes lost",
    "others: refused",
    "others: p50",
    "others: p99",
    "others: in D1 after, p99",
    "D1 busy",
    "busiest directory",
    "KV reads/s",
  ];
  return [
    `Others: ${OTHERS.tenants} tenants of ${OTHERS.agents} agents, ${OTHERS.rate} calls a second. 1x is what one ledger can do, ${number(ceilingOf(ADMISSION_MS.slow))} calls a second. ${SECONDS} s.`,
    table(head, rows),
  ].join("\n\n");
}
