/** The rules of a chain of delegations, without keys and clock. Countersign's own: `docs/act.md`. */

import { CLOCK_SKEW } from "../../limits.ts";
import type { Reason } from "../../reasons.ts";
import { fail, ok, type Result } from "../../result.ts";
import { isCovered } from "./capability.ts";
import type { Mandate } from "./parse.ts";

/** The mandates of a chain, from the root to the one presented. */
export type Links = readonly [root: Mandate, ...delegated: Mandate[]];

export function linksOf(mandate: Mandate): Links {
  const parent = mandate.delegation?.parent ?? null;
  return parent === null ? [mandate] : [...linksOf(parent), mandate];
}

/**
 * Whether each mandate continues the one before.
 *
 * @param maxDepth the deepest that the tenant takes; 0 where it takes no `del` at all
 */
export function checkChain(links: Links, maxDepth: number): Result<void, Reason> {
  if (maxDepth === 0 && links.some(({ delegation }) => delegation !== null))
    return fail("act.delegation_off");
  if (links.length - 1 > maxDepth) return fail("act.delegation_depth");
  const fault = pairsOf(links)
    .map(([parent, child]) => faultBetween(parent, child))
    .find((found) => found !== null);
  if (fault !== undefined) return fail(fault);
  // One name for two mandates of a run would let a step name the one and mean the other.
  const distinct = new Set(links.map(({ jti }) => jti));
  return distinct.size === links.length ? ok(undefined) : fail("act.delegation_chain");
}

/**
 * Whether each mandate gives no more than the one before. It compares every constraint with every other, so it is for
 * mandates whose signatures are verified.
 */
export const checkPrivilege = (links: Links): Result<void, Reason> =>
  pairsOf(links).some(([parent, child]) => reachesFurther(parent, child))
    ? fail("act.privilege_escalation")
    : ok(undefined);

const pairsOf = (links: Links): readonly (readonly [parent: Mandate, child: Mandate])[] =>
  links.flatMap((child, i) => {
    const parent = links[i - 1];
    return parent === undefined ? [] : [[parent, child] as const];
  });

function faultBetween(parent: Mandate, child: Mandate): Reason | null {
  const [from, to] = [parent.delegation, child.delegation];
  if (from === null || to === null || to.depth !== from.depth + 1) return "act.delegation_depth";
  if (to.maxDepth > from.maxDepth || to.depth > to.maxDepth) return "act.delegation_depth";
  return child.iss !== parent.sub || child.wid !== parent.wid ? "act.delegation_chain" : null;
}

const reachesFurther = (parent: Mandate, child: Mandate): boolean =>
  child.exp > parent.exp ||
  child.iat < parent.iat - CLOCK_SKEW ||
  startOf(child) < startOf(parent) - CLOCK_SKEW ||
  !child.aud.every((audience) => parent.aud.includes(audience)) ||
  !child.cap.every((capability) => isCovered(capability, parent.cap));

/** The first second of a mandate, by its own clock. */
const startOf = ({ iat, notBefore }: Mandate): number => Math.max(iat, notBefore);
