/** Checks of the limits of a tenant document. */

import { type Found, formatPath, type Path } from "../faults.ts";
import type { ShapedDocument } from "../schema/document.ts";

type Policy = ShapedDocument["policy"];
type Rule = Policy["limits"][number];

const UNITS = ["calls", "cost"] as const;

/** What limits nothing, counts twice or lets a tool never be called is a mistake. */
export const checkLimits = (policy: Policy): readonly Found[] =>
  policy.limits.flatMap((rule, i) => {
    const at = ["policy", "limits", i];
    return [
      ...checkShape(rule, at),
      ...checkTools(rule, policy, at),
      ...checkCosts(rule, policy, at),
      ...checkDoubles(rule, policy.limits.slice(0, i), at),
    ];
  });

function checkShape({ per, calls, cost, windowSeconds }: Rule, at: Path): readonly Found[] {
  const found: Found[] = [];
  if (calls === undefined && cost === undefined) found.push({ at, problem: "needs calls or cost, or both" });
  if (windowSeconds === undefined && per !== "mandate")
    found.push({ at, problem: "needs windowSeconds: only per mandate can do without" });
  return found;
}

function checkTools({ tools }: Rule, policy: Policy, at: Path): readonly Found[] {
  const listed = new Set(policy.tools.map(({ name }) => name));
  return (tools ?? []).flatMap((name, t) => {
    const place = [...at, "tools", t];
    if (tools?.indexOf(name) !== t) return [{ at: place, problem: "is there twice" }];
    return listed.has(name) ? [] : [{ at: place, problem: "is not a tool of policy.tools" }];
  });
}

function checkCosts({ tools, cost: max }: Rule, policy: Policy, at: Path): readonly Found[] {
  if (max === undefined) return [];
  return policy.tools.flatMap(({ name, cost }, t) => {
    if (cost <= max || tools?.includes(name) === false) return [];
    const problem = `is less than ${formatPath(["policy", "tools", t, "cost"])}: that tool could never be called`;
    return [{ at: [...at, "cost"], problem }];
  });
}

/** Two counts of the same calls in the same windows are one, and its smaller maximum is meant or forgotten. */
function checkDoubles(rule: Rule, earlier: readonly Rule[], at: Path): readonly Found[] {
  return UNITS.flatMap((unit) => {
    if (rule[unit] === undefined) return [];
    const other = earlier.findIndex((one) => one[unit] !== undefined && countsSame(rule, one));
    if (other < 0) return [];
    return [
      { at: [...at, unit], problem: `counts what ${formatPath(["policy", "limits", other, unit])} counts` },
    ];
  });
}

function countsSame(one: Rule, other: Rule): boolean {
  if (one.per !== other.per || one.windowSeconds !== other.windowSeconds) return false;
  const [some, others] = [one.tools, other.tools];
  // Per tool each is counted for itself, so that one in common is enough.
  if (one.per === "tool") return !some || !others || some.some((name) => others.includes(name));
  if (!some || !others) return some === others;
  return some.length === others.length && some.every((name) => others.includes(name));
}
