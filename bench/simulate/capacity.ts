/** What sizes and limits mean as rates and times. Nothing is simulated here. */

import {
  CHECKPOINT_INTERVAL,
  DEFAULT_MANDATE_LIFETIME,
  DENIAL_WINDOW_MS,
  DRAIN_BATCH,
  MAX_CHAINS,
  MAX_DENIALS_PER_WINDOW,
  MAX_JOURNAL_BACKLOG,
  MAX_LIVE_RUNS,
  MAX_MANDATE_LIFETIME,
  MAX_OPEN_CALLS,
  MAX_ORIGIN_DEADLINE_MS,
  MAX_REPEATABLE_DENIALS_PER_WINDOW,
  MAX_RUN_SIZE,
  ORIGIN_DEADLINE_MS,
} from "../../src/limits.ts";
import { number, table } from "../report/table.ts";
import { ceilingOf } from "./balance.ts";
import {
  ADMISSION_MS,
  D1_BYTES,
  D1_QUERY_MS,
  D1_RECORD_BYTES,
  D1_RECORD_MS,
  RECORDS_PER_CALL,
} from "./parameters.ts";

const HOUR = 3600;
const DAY = 24 * HOUR;

/** Of one ledger that is never idle, with the objects slow. */
const CEILING = ceilingOf(ADMISSION_MS.slow);

const time = (seconds: number): string =>
  seconds < 2 * HOUR
    ? `${number(seconds / 60)} min`
    : seconds < 3 * DAY
      ? `${number(seconds / HOUR, 1)} h`
      : `${number(seconds / DAY)} d`;

/** Calls whose records one database holds. */
const CALLS_HELD = D1_BYTES / (RECORDS_PER_CALL * D1_RECORD_BYTES);

export function lifetimeTable(): string {
  const rows = [0.1, 1, 5, 10, 20, 100, 1_000].map((rate) => [
    number(rate, rate < 1 ? 1 : 0),
    number((rate * DAY * RECORDS_PER_CALL * D1_RECORD_BYTES) / 1e9, 2),
    time(CALLS_HELD / rate),
  ]);
  return [
    `${number(D1_BYTES / 1e9)} GB hold ${number(CALLS_HELD / 1e6, 2)} million calls.`,
    table(["calls/s, day and night", "GB a day", "full after"], rows),
  ].join("\n\n");
}

export function ratesTable(): string {
  const perSecond = (value: number) => `${number(value, value < 10 ? 1 : 0)}/s`;
  const outage = (rate: number) => time(MAX_JOURNAL_BACKLOG / RECORDS_PER_CALL / rate);
  const fullBatches = (1000 * DRAIN_BATCH) / (D1_QUERY_MS + DRAIN_BATCH * D1_RECORD_MS) / RECORDS_PER_CALL;
  const singleCalls = 1000 / (D1_QUERY_MS + RECORDS_PER_CALL * D1_RECORD_MS);
  const [run, open] = [MAX_RUN_SIZE, MAX_OPEN_CALLS];
  const [soon, late] = [ORIGIN_DEADLINE_MS / 1000, MAX_ORIGIN_DEADLINE_MS / 1000];
  const window = DENIAL_WINDOW_MS / 1000;
  const means: readonly (readonly [limit: string, value: number, means: string])[] = [
    ["MAX_RUN_SIZE", run, `one mandate: an hour at ${perSecond(run / DEFAULT_MANDATE_LIFETIME)}`],
    ["MAX_RUN_SIZE", run, `the longest mandate, a day: ${perSecond(run / MAX_MANDATE_LIFETIME)}`],
    ["MAX_RUN_SIZE", run, `${time(run / CEILING)} at the ceiling of a ledger`],
    [
      "MAX_LIVE_RUNS",
      MAX_LIVE_RUNS,
      `a mandate for each call: ${perSecond(MAX_LIVE_RUNS / HOUR)}, each of an hour`,
    ],
    [
      "MAX_OPEN_CALLS",
      open,
      `answers that take ${soon} s: ${perSecond(open / soon)}; ${late} s: ${perSecond(open / late)}`,
    ],
    ["MAX_OPEN_CALLS", open, `streams that stay open for a day: ${perSecond(open / DAY)}`],
    ["MAX_JOURNAL_BACKLOG", MAX_JOURNAL_BACKLOG, `D1 down for ${outage(CEILING)} at the ceiling`],
    ["MAX_JOURNAL_BACKLOG", MAX_JOURNAL_BACKLOG, `D1 down for ${outage(10)} at 10/s, ${outage(1)} at 1/s`],
    [
      "MAX_DENIALS_PER_WINDOW",
      MAX_DENIALS_PER_WINDOW,
      `${perSecond(MAX_DENIALS_PER_WINDOW / window)} of a ledger written one by one`,
    ],
    [
      "MAX_REPEATABLE_DENIALS_PER_WINDOW",
      MAX_REPEATABLE_DENIALS_PER_WINDOW,
      `${perSecond(MAX_REPEATABLE_DENIALS_PER_WINDOW / window)} of a ledger, and of all strangers of a tenant`,
    ],
    [
      "MAX_CHAINS",
      MAX_CHAINS,
      `a checkpoint asks all of a tenant: ${perSecond(MAX_CHAINS / CHECKPOINT_INTERVAL)}`,
    ],
    ["DRAIN_BATCH", DRAIN_BATCH, `D1 takes the records of ${perSecond(fullBatches)} in full batches`],
    ["DRAIN_BATCH", DRAIN_BATCH, `of ${perSecond(singleCalls)} where each call is a batch`],
  ];
  return table(
    ["limit", "is", "means, in calls"],
    means.map(([limit, value, what]) => [`\`${limit}\``, number(value), what]),
  );
}
