import { lastAcceptable } from "../evidence/act/verify.ts";
import { type Caller, principalOf } from "../evidence/caller.ts";
import type { LimitUse } from "../ledger/lease.ts";
import { UNVERIFIED } from "../ledger/names.ts";
import type { LimitRule } from "../tenant/schema/limits.ts";
import type { Policy } from "../tenant/tenant.ts";
import type { Trail } from "../trail.ts";

/** The limits of the tenant that count a call, each unit of a rule for itself. Other messages are not counted. */
export function limitUses({ tenant, caller, method, tool }: Trail): readonly LimitUse[] {
  if (tenant === null || method !== "tools/call" || tool === null) return [];
  const { policy } = tenant;
  return policy.limits
    .filter(({ tools }) => tools?.has(tool) ?? true)
    .flatMap((rule) => {
      const counted = countedFor(rule, policy, caller, tool);
      return counted === null ? [] : usesOf(rule, counted, policy.tools.get(tool)?.cost ?? 1);
    });
}

/** Whose calls a rule counts together, of a call. */
interface Counted extends Pick<LimitUse, "shared" | "issuer" | "from" | "until"> {
  /** Unique among those of one kind; made of verified values. */
  readonly owner: readonly string[];
}

const BOUNDED = { issuer: null, from: 0, until: 0 };

/** Null for a call without what the rule counts by: then its evidence is only observed. */
function countedFor({ per }: LimitRule, policy: Policy, caller: Caller | null, tool: string): Counted | null {
  // Each lane has a ledger of its own.
  const isSpread = (caller?.agent?.lanes.size ?? 1) > 1;
  switch (per) {
    case "mandate": {
      const bearer = caller?.mandate ?? caller?.token ?? null;
      if (caller === null || bearer === null) return null;
      const { iss, jti, iat } = bearer;
      const owner = [principalOf(caller), iss, jti];
      return { owner, shared: isSpread, issuer: iss, from: iat, until: lastAcceptable(bearer) };
    }
    case "principal":
      return { ...BOUNDED, owner: [caller === null ? UNVERIFIED : principalOf(caller)], shared: isSpread };
    case "tool":
      return { ...BOUNDED, owner: nameOf(tool, policy), shared: true };
    case "tenant":
      return { ...BOUNDED, owner: [], shared: true };
  }
}

/** All tools that the policy does not name are one: else a caller could invent names, and each would be counted for itself. */
const nameOf = (tool: string, { tools, limits }: Policy): readonly string[] =>
  tools.has(tool) || limits.some((rule) => rule.tools?.has(tool)) ? [tool] : [];

/** A count is known by what it counts, not by its place in the document or by its maximum. */
function usesOf(
  { per, tools, calls, cost, window }: LimitRule,
  { owner, ...counted }: Counted,
  price: number,
): LimitUse[] {
  // Calls of one tool are the same calls whichever others the rule is for.
  const of = per === "tool" || tools === null ? null : [...tools].sort();
  const use = (unit: "calls" | "cost", amount: number, max: number): LimitUse => {
    const key = JSON.stringify([per, unit, window, of, ...owner]);
    return { ...counted, key, per, amount, max, window };
  };
  return [
    ...(calls === null ? [] : [use("calls", 1, calls)]),
    ...(cost === null || price === 0 ? [] : [use("cost", price, cost)]),
  ];
}
