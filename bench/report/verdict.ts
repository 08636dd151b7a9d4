/** Ratios, and what they may be. */

export type Bound = { readonly atLeast: number } | { readonly atMost: number };

/** null: not measured. */
export interface Verdict {
  readonly bound: Bound;
  readonly ratio: number | null;
  readonly isMet: boolean | null;
}

export function judge(ratio: number | null, bound: Bound): Verdict {
  const keeps = (value: number) => ("atLeast" in bound ? value >= bound.atLeast : value <= bound.atMost);
  return { bound, ratio, isMet: ratio === null ? null : keeps(ratio) };
}

/** Heads of the columns of `verdictCells`. */
export const VERDICT_HEAD = ["ratio", "target", "is"] as const;

export const verdictCells = ({ bound, ratio, isMet }: Verdict): string[] => [
  ratio?.toFixed(2) ?? "-",
  "atLeast" in bound ? `at least ${bound.atLeast}` : `at most ${bound.atMost}`,
  isMet === null ? "not measured" : isMet ? "met" : "MISSED",
];
