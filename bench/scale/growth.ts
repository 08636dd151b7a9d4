/** What there is more of on the large side of a comparison, and what a call may cost there. */

import { type Bench, type Cost, compare, type Side } from "./compare.ts";

export interface Growth {
  readonly title: string;
  readonly small: Cost & { readonly name: string };
  readonly large: Cost & { readonly name: string };
}

/** Calls of one turn: about a second of CPU, which /proc counts in hundredths. */
export const CALLS = 200;

export async function compareTwo(bench: Bench, title: string, small: Side, large: Side): Promise<Growth> {
  const [ofSmall, ofLarge] = await compare(bench, title, [small, large]);
  return {
    title,
    small: { name: small.name, ...(ofSmall as Cost) },
    large: { name: large.name, ...(ofLarge as Cost) },
  };
}
