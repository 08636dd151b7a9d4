/** What is made of the costs: ratios, what they may be, and tables. */

import { showSpread } from "../report/spread.ts";
import { table } from "../report/table.ts";
import { judge, VERDICT_HEAD, type Verdict, verdictCells } from "../report/verdict.ts";
import type { BodyCost } from "./body.ts";
import type { Growth } from "./growth.ts";

/** Large to small. */
const GROWTH_TARGET = { atMost: 1.2 };

/** What a larger body costs more, to what hash and strict JSON of it take more. */
const BODY_TARGET = { atMost: 1.5 };

export const growthVerdicts = ({
  small,
  large,
}: Growth): { readonly cpu: Verdict; readonly p50: Verdict } => ({
  cpu: judge(small.cpu && large.cpu && large.cpu.median / small.cpu.median, GROWTH_TARGET),
  p50: judge(large.p50.median / small.p50.median, GROWTH_TARGET),
});

/** For each size but the smallest, which the others are compared with. Of CPU where that is known, else of time. */
export function bodyVerdicts([smallest, ...larger]: readonly BodyCost[]): (Verdict & { bytes: number })[] {
  return larger.map((cost) => ({
    bytes: cost.bytes,
    ...judge(
      smallest === undefined
        ? null
        : (microseconds(cost) - microseconds(smallest)) / (cost.parts.median - smallest.parts.median),
      BODY_TARGET,
    ),
  }));
}

const microseconds = ({ cpu, p50 }: BodyCost): number => cpu?.median ?? p50.median * 1000;

export function growthTable(growths: readonly Growth[]): string {
  const rows = growths.flatMap((growth) => {
    const { title, small, large } = growth;
    const { cpu, p50 } = growthVerdicts(growth);
    const names = `${title}: ${small.name}, ${large.name}`;
    return [
      [names, "CPU µs/call", showSpread(small.cpu), showSpread(large.cpu), ...verdictCells(cpu)],
      ["", "p50 ms", showSpread(small.p50, 2), showSpread(large.p50, 2), ...verdictCells(p50)],
    ];
  });
  return table(["", "", "small", "large", ...VERDICT_HEAD], rows);
}

export function bodyTable(costs: readonly BodyCost[]): string {
  const ratios = new Map(bodyVerdicts(costs).map(({ bytes, ...verdict }) => [bytes, verdict]));
  const rows = costs.map(({ bytes, cpu, p50, parts }) => {
    const verdict = ratios.get(bytes);
    return [
      `${bytes / 1024} KiB`,
      showSpread(cpu),
      showSpread(p50, 2),
      showSpread(parts),
      ...(verdict === undefined ? [] : verdictCells(verdict)),
    ];
  });
  return table(["body", "CPU µs/call", "p50 ms", "hash + JSON µs", ...VERDICT_HEAD], rows);
}
