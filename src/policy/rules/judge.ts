import { MAX_RULE_STEPS } from "../../limits.ts";
import type { Reason } from "../../reasons.ts";
import { fail, type Result } from "../../result.ts";
import type { ToolApproval } from "../../tenant/schema/approval.ts";
import type { Asked } from "../judge.ts";
import { factsOf } from "./facts.ts";

/** What the rules of a tenant say to a call. */
export interface RuleVerdict {
  /** Null where none refuses it. */
  readonly reason: Reason | null;
  /** Names of the rules that refuse it or ask for an approval. */
  readonly rules: readonly string[];
  /** What those ask for that want an approval. */
  readonly approvals: readonly ToolApproval[];
}

/** Asks all rules, in their order: the first that refuses says why. One that cannot be evaluated refuses, and wants what it might want. */
export function judgeRules({ tenant: { policy }, caller, tool, now }: Asked): RuleVerdict {
  const rules: string[] = [];
  const approvals: ToolApproval[] = [];
  const asked = policy.rules.filter(({ tools }) => tool !== null && (tools?.has(tool.name) ?? true));
  if (tool === null || asked.length === 0) return { reason: null, rules, approvals };

  const facts = factsOf(policy, caller, tool, now);
  let reason: Reason | null = null;
  let left = MAX_RULE_STEPS;
  for (const { name, when, approval } of asked) {
    left -= when.cost(facts);
    // No number, where it cannot be told, is not enough either.
    const holds: Result<boolean, Reason> = left >= 0 ? when.holds(facts) : fail("policy.rule_too_costly");
    if (holds.ok && !holds.value) continue;
    rules.push(name);
    if (!holds.ok) reason ??= holds.error;
    else if (approval === null) reason ??= "policy.rule_denied";
    if (approval !== null) approvals.push(approval);
  }
  return { reason, rules, approvals };
}
