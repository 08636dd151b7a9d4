/** What is made of the measurements: medians over rounds, and ratios of medians. */

import type { StorageName } from "../harness/storage.ts";
import { type Spread, spreadOf } from "../report/spread.ts";
import { judge, type Verdict } from "../report/verdict.ts";
import { CONTESTANTS, type Contestant, RATIOS, type RatioName, TARGETS } from "./contestants.ts";

/** What one contestant did in one round. */
export interface Turn {
  /** Calls per second, with all connections busy. */
  readonly throughput: number;
  /** Milliseconds, at the rate that is the same for all. */
  readonly p50: number;
  readonly p99: number;
  /** Microseconds of CPU per call, of all of the turn and with what the server did afterwards; null where that is not known. */
  readonly cpu: number | null;
  /**
   * Percent of the time of the latency phase in which the server was ready to go on and others had the CPU; null where that is not known.
   * Where it is large, p99 tells about them.
   */
  readonly waited: number | null;
}

export const MEASURES = ["throughput", "p50", "p99", "cpu", "waited"] as const satisfies (keyof Turn)[];

export type Measure = (typeof MEASURES)[number];

/** What was measured on one storage. */
export interface Measured {
  readonly storage: StorageName;
  /** Calls per second of the latency phases. */
  readonly rate: number;
  readonly turns: Readonly<Partial<Record<Contestant, readonly Turn[]>>>;
}

/** Over rounds; null where nothing is known. */
export type Summary = Readonly<Partial<Record<Contestant, Readonly<Record<Measure, Spread | null>>>>>;

export function summaryOf({ turns }: Measured): Summary {
  const summary: Partial<Record<Contestant, Record<Measure, Spread | null>>> = {};
  for (const contestant of CONTESTANTS) {
    const own = turns[contestant];
    if (own === undefined) continue;
    const spreads = MEASURES.map((measure) => [measure, spreadOf(own.map((turn) => turn[measure]))]);
    summary[contestant] = Object.fromEntries(spreads);
  }
  return summary;
}

/** Of ratios of medians; null where one of the two did not take part. */
export function verdictsOn(summary: Summary): Readonly<Record<RatioName, Verdict>> {
  const verdicts = RATIOS.map((name): [RatioName, Verdict] => {
    const { measure, above, below, bound } = TARGETS[name];
    const [dividend, divisor] = [summary[above]?.[measure], summary[below]?.[measure]];
    return [name, judge(dividend && divisor ? dividend.median / divisor.median : null, bound)];
  });
  return Object.fromEntries(verdicts) as Record<RatioName, Verdict>;
}
