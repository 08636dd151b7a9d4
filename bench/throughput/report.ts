/** Tables of what was measured. */

import { table } from "../../demo/table.ts";
import {
  CONTESTANTS,
  type Contestant,
  type Measure,
  RATIOS,
  type RatioName,
  type Ratios,
  type Spread,
  type Summary,
  verdictsOn,
} from "./figures.ts";

const TITLES: Readonly<Record<Contestant, string>> = {
  passthrough: "(a) passthrough",
  floor: "(b) floor",
  full: "(c) Countersign, full",
  node: "(e) Node",
  floorAttested: "(b') floor, attested",
  attested: "(d) Countersign, attested",
};

interface Column {
  readonly measure: Measure;
  readonly head: string;
  readonly format: (value: number) => string;
}

const COLUMNS: readonly Column[] = [
  { measure: "throughput", head: "calls/s", format: (value) => value.toFixed(0) },
  { measure: "p50", head: "p50 ms", format: (value) => value.toFixed(2) },
  { measure: "p99", head: "p99 ms", format: (value) => value.toFixed(1) },
  { measure: "cpu", head: "CPU µs/call", format: (value) => value.toFixed(0) },
  { measure: "waited", head: "waited %", format: (value) => (100 * value).toFixed(0) },
];

/** Medians over rounds, and behind each the quartiles. */
export function figuresTable(summary: Summary): string {
  const rows = CONTESTANTS.flatMap((contestant) => {
    const own = summary[contestant];
    return own === undefined
      ? []
      : [[TITLES[contestant], ...COLUMNS.map(({ measure, format }) => show(own[measure], format))]];
  });
  return table(["", ...COLUMNS.map(({ head }) => head)], rows);
}

function show(spread: Spread | null, format: (value: number) => string): string {
  if (spread === null) return "-";
  return `${format(spread.median)} (${format(spread.low)}-${format(spread.high)})`;
}

const RATIO_TITLES: Readonly<Record<RatioName, string>> = {
  throughputFullToFloor: "throughput (c)/(b)",
  throughputAttestedToFloor: "throughput (d)/(b')",
  p50FullToFloor: "p50 (c)/(b)",
  p99FullToFloor: "p99 (c)/(b)",
  throughputFullToNode: "throughput (c)/(e)",
};

export function ratiosTable(ratios: Ratios): string {
  const verdicts = verdictsOn(ratios);
  const rows = RATIOS.map((name) => {
    const { bound, isMet } = verdicts[name];
    return [
      RATIO_TITLES[name],
      ratios[name]?.toFixed(2) ?? "-",
      "atLeast" in bound ? `at least ${bound.atLeast}` : `at most ${bound.atMost}`,
      isMet === null ? "not measured" : isMet ? "met" : "MISSED",
    ];
  });
  return table(["", "ratio", "target", ""], rows);
}
