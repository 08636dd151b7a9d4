import type { Reason } from "../../reasons.ts";
import type { Result } from "../../result.ts";
import type { Size } from "./size.ts";

/** What the condition of a rule can look at, in the form that reads it. */
export interface RuleFacts {
  /** By name: what the variables are. */
  readonly values: () => Readonly<Record<string, unknown>>;
  /** By name: how large they are. */
  readonly sizes: ReadonlyMap<string, Size>;
  /** Whether the arguments have lists in lists deeper than `MAX_RULE_LIST_DEPTH`. */
  readonly isTooDeep: boolean;
}

/** The condition of a rule, compiled. */
export interface Expression {
  /** Steps that it takes at the most for these facts; infinite or no number where they cannot be told. */
  readonly cost: (facts: RuleFacts) => number;
  /** Whether it is true. To be asked only where the cost is bearable. */
  readonly holds: (facts: RuleFacts) => Result<boolean, Reason>;
}
