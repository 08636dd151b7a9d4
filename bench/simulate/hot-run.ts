/** One mandate, used over many connections at once. Each sends its next call when it has its answer, or may try again. */

import { MAX_RUN_SIZE } from "../../src/limits.ts";
import { quantile } from "../report/spread.ts";
import { duration, number, percent, table } from "../report/table.ts";
import { Agenda } from "./agenda.ts";
import { Database } from "./database.ts";
import { Seen } from "./hot-tenant.ts";
import { Ledger, type Ruling } from "./ledger.ts";
import { ADMISSION_MS, ORIGIN_MS } from "./parameters.ts";
import { randomOf } from "./random.ts";

/** @param lanes over which the connections spread, each with a key of its own: then each lane has a run of its own */
export function runHotRun(connections: number, lanes: number, seconds: number, seed: number): Seen {
  const random = randomOf(seed);
  const agenda = new Agenda();
  const database = new Database(agenda);
  const ledgers = Array.from(
    { length: lanes },
    () => new Ledger(agenda, database, ADMISSION_MS.slow, random),
  );
  const seen = new Seen();
  for (let connection = 0; connection < connections; connection += 1) {
    const ledger = ledgers[connection % lanes] as Ledger;
    const send = (): void =>
      ledger.call((ruling: Ruling) => {
        seen.note(ruling);
        agenda.at(agenda.now + (ruling.kind === "admitted" ? 0 : ruling.retry), send);
      });
    agenda.at(0, send);
  }
  agenda.runUntil(seconds * 1000);
  return seen;
}

const SECONDS = 30;
const CASES: readonly (readonly [connections: number, lanes: number])[] = [
  [1, 1],
  [10, 1],
  [100, 1],
  [1_000, 1],
  [5_000, 1],
  [1_000, 4],
  [1_000, 16],
];

export function hotRunTable(seed: number): string {
  const rows = CASES.map(([connections, lanes]) => {
    const seen = runHotRun(connections, lanes, SECONDS, seed);
    const rate = seen.latencies.length / SECONDS;
    return [
      number(connections),
      number(lanes),
      number(rate),
      ...[0.5, 0.99].map((share) => duration(quantile(seen.latencies, share))),
      percent(seen.refused),
      `${number((MAX_RUN_SIZE * lanes) / rate / 60)} min`,
    ];
  });
  const head = ["connections", "lanes", "calls/s", "p50", "p99", "refused", "run full after"];
  return [`The origin answers after ${ORIGIN_MS} ms in the mean. ${SECONDS} s.`, table(head, rows)].join(
    "\n\n",
  );
}
