/** How calls fall on ledgers, and what lanes change. No time passes here: these are rates. */

import { MAX_TENANT_KEYS } from "../../src/limits.ts";
import { number, percent, table } from "../report/table.ts";
import { ADMISSION_MS, PASS_MS } from "./parameters.ts";
import { randomOf } from "./random.ts";
import { laneShares, type Mix, mixOf, type Stream } from "./workload.ts";

/** Calls that one ledger takes in a second: an admission and an outcome each. */
export const ceilingOf = (admissionMs: number): number => 1000 / (admissionMs + PASS_MS);

export interface Balance {
  /** With calls. */
  readonly ledgers: number;
  /** Calls in a second at the busiest one, and in the mean. */
  readonly busiest: number;
  readonly mean: number;
  /** Ledgers that get more than the ceiling. */
  readonly overloaded: number;
  /** Which part of all calls is beyond the ceiling of its ledger, and so refused. */
  readonly refused: number;
}

export function balanceOf(streams: readonly Stream[], ceiling: number): Balance {
  const byLedger = new Map<string, number>();
  for (const { ledger, rate } of streams) byLedger.set(ledger, (byLedger.get(ledger) ?? 0) + rate);
  const rates = [...byLedger.values()];
  const sum = (values: readonly number[]) => values.reduce((all, value) => all + value, 0);
  const beyond = rates.map((rate) => Math.max(rate - ceiling, 0));
  return {
    ledgers: rates.length,
    busiest: rates.reduce((most, rate) => Math.max(most, rate), 0),
    mean: sum(rates) / rates.length,
    overloaded: beyond.filter((rate) => rate > 0).length,
    refused: sum(beyond) / sum(rates),
  };
}

const MIX = { tenants: 200, agents: 20 };
const RATES = [1_000, 10_000, 100_000];
const [SLOW, FAST] = [ceilingOf(ADMISSION_MS.slow), ceilingOf(ADMISSION_MS.fast)];

/** Agents that need no lanes have none: each lane is a ledger to ask for its head. */
const lanesIfBusy = (lanes: number) => (rate: number) => (rate > SLOW / 2 ? lanes : 1);

/** So many, a power of two, that each would be half full if all got the same. */
const lanesNeeded = (rate: number) =>
  Math.min(2 ** Math.max(Math.ceil(Math.log2((2 * rate) / SLOW)), 0), MAX_TENANT_KEYS);

const LANES: readonly (readonly [string, Mix["lanes"]])[] = [
  ["1", () => 1],
  ["4", lanesIfBusy(4)],
  ["16", lanesIfBusy(16)],
  ["as needed", lanesNeeded],
];

export function balanceTable(seed: number): string {
  const rows = LANES.flatMap(([name, lanes]) =>
    RATES.map((rate) => {
      const streams = mixOf({ ...MIX, lanes, rate }, seed);
      const [slow, fast] = [balanceOf(streams, SLOW), balanceOf(streams, FAST)];
      return [
        name,
        number(rate),
        number(slow.ledgers),
        number(slow.busiest, 1),
        number(slow.busiest / slow.mean),
        `${number(slow.overloaded)} / ${number(fast.overloaded)}`,
        `${percent(slow.overloaded / slow.ledgers, 2)} / ${percent(fast.overloaded / fast.ledgers, 2)}`,
        `${percent(slow.refused)} / ${percent(fast.refused)}`,
      ];
    }),
  );
  const head = [
    "lanes of a busy agent",
    "calls/s",
    "ledgers",
    "busiest, calls/s",
    "busiest / mean",
    "overloaded",
    "of all ledgers",
    "calls refused",
  ];
  return [
    `${MIX.tenants} tenants of ${MIX.agents} agents. Before / where an object does ${number(SLOW)} calls a second, behind it where it does ${number(FAST)}.`,
    table(head, rows),
  ].join("\n\n");
}

/** How evenly the keys of one fleet fall on its lanes. */
export function lanesTable(seed: number): string {
  const rows = [2, 4, 8, 16, 32, 64].map((lanes) => {
    const busiest = Math.max(...laneShares(lanes, randomOf(seed)));
    return [
      number(lanes),
      number(MAX_TENANT_KEYS / lanes),
      number(busiest * lanes, 2),
      number(SLOW / busiest),
    ];
  });
  return [
    `A fleet of ${MAX_TENANT_KEYS} keys whose instances are unequally busy.`,
    table(["lanes", "keys of a lane", "busiest lane / fair share", "calls/s of the fleet"], rows),
  ].join("\n\n");
}
