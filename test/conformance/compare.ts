import type { Check, Results } from "./suite.ts";

/** How one check came out on both sides; null where it was not made. */
export interface Compared {
  readonly scenario: string;
  readonly check: string;
  readonly direct: Check | null;
  readonly through: Check | null;
}

export interface Comparison {
  readonly scenarios: number;
  /** Checks made on at least one side. */
  readonly checks: number;
  readonly passedDirectly: number;
  readonly passedThrough: number;
  /** Checks that did not come out the same. */
  readonly differences: readonly Compared[];
  /** Scenarios without a result on one side or both: these prove nothing, so they count as failures too. */
  readonly missing: readonly string[];
  /** Checks that fail on the server itself: what fails on both sides would be the same, and prove as little. */
  readonly failedDirectly: readonly Compared[];
}

/**
 * Compares two runs of the suite, scenario by scenario and check by check: each occurrence of a check id must have the
 * same status on both sides.
 *
 * @param direct against the server itself
 * @param through by way of the gateway
 */
export function compare(direct: Results, through: Results): Comparison {
  const names = [...new Set([...direct.keys(), ...through.keys()])];
  const pairs = names.flatMap((scenario) =>
    pairUp(scenario, direct.get(scenario) ?? [], through.get(scenario) ?? []),
  );
  const passed = (side: "direct" | "through") =>
    pairs.filter((pair) => pair[side]?.status === "SUCCESS").length;
  return {
    scenarios: names.length,
    checks: pairs.length,
    passedDirectly: passed("direct"),
    passedThrough: passed("through"),
    differences: pairs.filter((pair) => pair.direct?.status !== pair.through?.status),
    missing: names.filter((name) => !direct.get(name)?.length || !through.get(name)?.length),
    failedDirectly: pairs.filter((pair) => pair.direct?.status === "FAILURE"),
  };
}

/** The first occurrence of an id goes with the first of the other side, the second with the second, and so on. */
function pairUp(scenario: string, direct: readonly Check[], through: readonly Check[]): Compared[] {
  const left = byOccurrence(direct);
  const right = byOccurrence(through);
  return [...new Set([...left.keys(), ...right.keys()])].map((check) => ({
    scenario,
    check,
    direct: left.get(check) ?? null,
    through: right.get(check) ?? null,
  }));
}

function byOccurrence(checks: readonly Check[]): ReadonlyMap<string, Check> {
  const counts = new Map<string, number>();
  return new Map(
    checks.map((check) => {
      const count = (counts.get(check.id) ?? 0) + 1;
      counts.set(check.id, count);
      return [count === 1 ? check.id : `${check.id} (${count})`, check];
    }),
  );
}
