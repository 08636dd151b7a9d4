/** What is made of the measurements: medians over rounds, ratios of medians, and what they should be. */

import type { StorageName } from "./storage.ts";

/** In the order in which they take their turns in the first round. */
export const CONTESTANTS = ["passthrough", "floor", "full", "node", "floorAttested", "attested"] as const;

export type Contestant = (typeof CONTESTANTS)[number];

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
   * How much of the time of the latency phase the server was ready to go on and others had the CPU; null where that is not known. Where
   * it is large, p99 tells about them.
   */
  readonly waited: number | null;
}

export const MEASURES = ["throughput", "p50", "p99", "cpu", "waited"] as const satisfies (keyof Turn)[];

export type Measure = (typeof MEASURES)[number];

/** Over rounds; null where nothing is known. */
export interface Spread {
  readonly median: number;
  /** The quartiles. */
  readonly low: number;
  readonly high: number;
}

/** What was measured on one storage. */
export interface Measured {
  readonly storage: StorageName;
  /** Calls per second of the latency phases. */
  readonly rate: number;
  readonly turns: Readonly<Partial<Record<Contestant, readonly Turn[]>>>;
}

export type Summary = Readonly<Partial<Record<Contestant, Readonly<Record<Measure, Spread | null>>>>>;

interface Target {
  readonly measure: Measure;
  readonly above: Contestant;
  readonly below: Contestant;
  /** What the ratio may be. */
  readonly bound: { readonly atLeast: number } | { readonly atMost: number };
}

const TARGETS = {
  throughputFullToFloor: {
    measure: "throughput",
    above: "full",
    below: "floor",
    bound: { atLeast: 0.9 },
  },
  throughputAttestedToFloor: {
    measure: "throughput",
    above: "attested",
    below: "floorAttested",
    bound: { atLeast: 0.85 },
  },
  p50FullToFloor: { measure: "p50", above: "full", below: "floor", bound: { atMost: 1.15 } },
  p99FullToFloor: { measure: "p99", above: "full", below: "floor", bound: { atMost: 1.3 } },
  throughputFullToNode: {
    measure: "throughput",
    above: "full",
    below: "node",
    bound: { atLeast: 1 },
  },
} as const satisfies Record<string, Target>;

export type RatioName = keyof typeof TARGETS;

/** Ratios of medians; null where one of the two did not take part. */
export type Ratios = Readonly<Record<RatioName, number | null>>;

export interface Verdict {
  readonly bound: Target["bound"];
  /** null: not measured. */
  readonly isMet: boolean | null;
}

export const RATIOS = Object.keys(TARGETS) as RatioName[];

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

export function ratiosOf(summary: Summary): Ratios {
  const ratios = RATIOS.map((name) => {
    const { measure, above, below } = TARGETS[name];
    const [dividend, divisor] = [summary[above]?.[measure], summary[below]?.[measure]];
    return [name, dividend && divisor ? dividend.median / divisor.median : null];
  });
  return Object.fromEntries(ratios);
}

export function verdictsOn(ratios: Ratios): Readonly<Record<RatioName, Verdict>> {
  const verdicts = RATIOS.map((name): [RatioName, Verdict] => {
    const { bound }: Target = TARGETS[name];
    const ratio = ratios[name];
    const keeps = (value: number) => ("atLeast" in bound ? value >= bound.atLeast : value <= bound.atMost);
    return [name, { bound, isMet: ratio === null ? null : keeps(ratio) }];
  });
  return Object.fromEntries(verdicts) as Record<RatioName, Verdict>;
}

export function spreadOf(values: readonly (number | null)[]): Spread | null {
  const known = values.filter((value) => value !== null);
  if (known.length === 0) return null;
  return { median: quantile(known, 0.5), low: quantile(known, 0.25), high: quantile(known, 0.75) };
}

/** Between two values, what lies between them. @param share 0 to 1 */
export function quantile(values: ArrayLike<number>, share: number): number {
  const sorted = Float64Array.from(values).sort();
  const place = (sorted.length - 1) * share;
  const [low = Number.NaN, high = low] = [sorted[Math.floor(place)], sorted[Math.ceil(place)]];
  return low + (high - low) * (place - Math.floor(place));
}
