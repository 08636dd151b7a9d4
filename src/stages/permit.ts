import type { Grant } from "../evidence/act/bind.ts";
import type { Message } from "../mcp/message.ts";
import { isObserved } from "../observe.ts";
import { judgePolicy } from "../policy/judge.ts";
import type { Reason } from "../reasons.ts";
import { fail, ok, type Result } from "../result.ts";
import type { ToolApproval } from "../tenant/schema/approval.ts";
import type { Tenant } from "../tenant/tenant.ts";
import type { Trail } from "../trail.ts";

/**
 * What tenant and mandate say to a call, gate by gate: the first that refuses names itself. Stage 8.
 *
 * @param grants the entries of `cap` for the call; null where it needs none
 * @param now seconds
 * @returns what a person's approval of the call needs, where it needs one
 */
export function permit(
  trail: Trail,
  message: Message,
  grants: readonly Grant[] | null,
  tenant: Tenant,
  now: number,
): Result<ToolApproval | null, Reason> {
  const { caller } = trail;
  const tool = message.kind === "request" ? message.tool : null;
  const { verdicts, counted, approvalNeeded, rules } = judgePolicy({ tenant, caller, tool, grants, now });
  for (const { gate, reason } of verdicts) {
    if (gate === "arguments") trail.checks.push(...rules.map((name) => `rule:${name}`));
    if (reason === null) trail.checks.push(`gate.${gate}`);
    else if (gate === "tenant" || !isObserved(trail, gate, reason)) return fail(reason);
  }
  trail.counted = counted;
  return ok(approvalNeeded);
}
