/** What a million calls cost beyond the included amounts, in US dollars. Nothing is simulated here. */

import { number, table } from "./table.ts";

/** List prices, for a million of each [D workers, durable-objects and d1, platform/pricing]. */
const PRICES = {
  workerRequest: 0.3,
  cpuMs: 0.02,
  objectRequest: 0.15,
  objectRow: 1,
  gigabyteSecond: 12.5,
  databaseRow: 1,
};

/** Memory that an object is billed with, GB. */
const OBJECT_GB = 0.125;

/** CPU of the Worker for one call, ms (shared/specs/workers-platform.md, section 10). */
const CPU_MS = 2;

/** What one call needs. Rows of ledgers: test/ledger/cost.test.ts. Rows of D1: `meta.rows_written` of the local D1 [M]. */
interface Need {
  readonly objectRequests: number;
  readonly objectRows: number;
  readonly databaseRows: number;
}

/** `decide` and `outcome`; node and decision, outcome; decision with three indexes, outcome with two. */
const FULL: Need = { objectRequests: 2, objectRows: 3, databaseRows: 7 };

const more = (need: Need, added: Partial<Need>): Need => ({
  objectRequests: need.objectRequests + (added.objectRequests ?? 0),
  objectRows: need.objectRows + (added.objectRows ?? 0),
  databaseRows: need.databaseRows + (added.databaseRows ?? 0),
});

const CALLS: readonly (readonly [name: string, need: Need])[] = [
  ["full profile (ACT, ECT, signature)", FULL],
  ["with retention: both records are deleted once", more(FULL, { databaseRows: 2 })],
  ["with an attestation", more(FULL, { objectRows: 1 })],
  ["with one counted limit, or `max_calls`", more(FULL, { objectRows: 1 })],
  ["with three counted limits", more(FULL, { objectRows: 3 })],
  ["a mandate for each call: run and mandate, written and deleted", more(FULL, { objectRows: 4 })],
  ["with parents of one other ledger", more(FULL, { objectRequests: 2 })],
  ["denied, written one by one", { objectRequests: 1, objectRows: 2, databaseRows: 4 }],
];

const costOf = ({ objectRequests, objectRows, databaseRows }: Need): number =>
  PRICES.workerRequest +
  CPU_MS * PRICES.cpuMs +
  objectRequests * PRICES.objectRequest +
  objectRows * PRICES.objectRow +
  databaseRows * PRICES.databaseRow;

export function costTable(): string {
  const rows = CALLS.map(([name, need]) => [
    name,
    ...[need.objectRequests, need.objectRows, need.databaseRows].map((count) => number(count)),
    number(costOf(need), 2),
  ]);
  return table(["a million calls", "object requests", "rows in ledgers", "rows in D1", "$"], rows);
}

/** What a ledger does beside, for each call: the drain of each second, and that it is in memory. */
interface Beside {
  readonly alarms: number;
  readonly rows: number;
  readonly seconds: number;
}

/** `setAlarm` and how far D1 is, a row each, in every second with calls. */
const busy = (rate: number): Beside => ({ alarms: 1 / rate, rows: 2 / rate, seconds: 1 / rate });

/**
 * A call that comes alone: the alarm is set to drain and to forget, the drain noted, the clock marked, the directory asked; it is in
 * memory until the timer of its outcome.
 */
const ALONE: Beside = { alarms: 3, rows: 5, seconds: 1.2 };

export function upkeepTable(): string {
  const cases: readonly (readonly [string, Beside])[] = [
    ["alone, minutes apart", ALONE],
    ...[1, 10, 100].map((rate) => [`${rate} a second`, busy(rate)] as const),
  ];
  const rows = cases.map(([name, { alarms, rows, seconds }]) => {
    const written = alarms * PRICES.objectRequest + rows * PRICES.objectRow;
    const inMemory = seconds * OBJECT_GB * PRICES.gigabyteSecond;
    return [name, number(written, 2), number(inMemory, 2), number(costOf(FULL) + written + inMemory, 2)];
  });
  return table(["calls of one ledger", "alarms, drains: $", "in memory: $", "with the call: $"], rows);
}
