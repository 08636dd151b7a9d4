/** Tables of what was measured. */

import { showSpread } from "../report/spread.ts";
import { table } from "../report/table.ts";
import { VERDICT_HEAD, verdictCells } from "../report/verdict.ts";
import { CONTESTANTS, ENTRIES, RATIOS, TARGETS } from "./contestants.ts";
import { type Measure, type Summary, verdictsOn } from "./figures.ts";

const COLUMNS: readonly (readonly [measure: Measure, head: string, digits: number])[] = [
  ["throughput", "calls/s", 0],
  ["p50", "p50 ms", 2],
  ["p99", "p99 ms", 1],
  ["cpu", "CPU µs/call", 0],
  ["waited", "waited %", 0],
];

/** Medians over rounds, and behind each the quartiles. */
export function figuresTable(summary: Summary): string {
  const rows = CONTESTANTS.flatMap((contestant) => {
    const own = summary[contestant];
    if (own === undefined) return [];
    const { letter, title } = ENTRIES[contestant];
    return [
      [`${letter} ${title}`, ...COLUMNS.map(([measure, _, digits]) => showSpread(own[measure], digits))],
    ];
  });
  return table(["", ...COLUMNS.map(([_, head]) => head)], rows);
}

export function ratiosTable(summary: Summary): string {
  const verdicts = verdictsOn(summary);
  const rows = RATIOS.map((name) => {
    const { measure, above, below } = TARGETS[name];
    const title = `${measure} ${ENTRIES[above].letter}/${ENTRIES[below].letter}`;
    return [title, ...verdictCells(verdicts[name])];
  });
  return table(["", ...VERDICT_HEAD], rows);
}
