/** What a million calls cost beyond the included amounts, in US dollars. Nothing is simulated here. */

import { dollars, type Use } from "../cost/prices.ts";
import { number, table } from "../report/table.ts";
import { CPU_MS, OBJECT_GB } from "./parameters.ts";

/** `decide` and `outcome`; node and decision, outcome; decision with three indexes, outcome with two: see test/socket/cost.test.ts. */
const FULL = { workerRequest: 1, cpu: CPU_MS, objectRequest: 2, objectRow: 3, databaseRow: 7 };

const more = (added: Use): typeof FULL => ({
  ...FULL,
  objectRequest: FULL.objectRequest + (added.objectRequest ?? 0),
  objectRow: FULL.objectRow + (added.objectRow ?? 0),
  databaseRow: FULL.databaseRow + (added.databaseRow ?? 0),
});

const CALLS: readonly (readonly [name: string, use: typeof FULL])[] = [
  ["full profile (ACT, ECT, signature)", FULL],
  ["with retention: both records are deleted once", more({ databaseRow: 2 })],
  ["with an attestation", more({ objectRow: 1 })],
  ["with one counted limit, or `max_calls`", more({ objectRow: 1 })],
  ["with three counted limits", more({ objectRow: 3 })],
  ["a mandate for each call: run and mandate, written and deleted", more({ objectRow: 4 })],
  ["with parents of one other ledger", more({ objectRequest: 2 })],
  ["denied, written one by one", { ...FULL, objectRequest: 1, objectRow: 2, databaseRow: 4 }],
];

export function costTable(): string {
  const rows = CALLS.map(([name, use]) => [
    name,
    ...[use.objectRequest, use.objectRow, use.databaseRow].map((count) => number(count)),
    number(dollars(use), 2),
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
    const written = dollars({ objectRequest: alarms, objectRow: rows });
    const inMemory = dollars({ objectMemory: seconds * OBJECT_GB });
    return [name, number(written, 2), number(inMemory, 2), number(dollars(FULL) + written + inMemory, 2)];
  });
  return table(["calls of one ledger", "alarms, drains: $", "in memory: $", "with the call: $"], rows);
}
