/** The tenant's policy: whether it allows what a caller whose evidence is true asks for. Stage 8. */

import { type Counted, type Grant, permitCall } from "../evidence/act/bind.ts";
import type { Caller } from "../evidence/caller.ts";
import type { ToolCall } from "../mcp/message.ts";
import type { Reason } from "../reasons.ts";
import { fail, ok, type Result } from "../result.ts";
import type { ToolApproval } from "../tenant/schema/approval.ts";
import type { Tenant } from "../tenant/tenant.ts";
import { approvalOfAll } from "./approval.ts";
import { checkGranted, checkInput } from "./arguments.ts";
import { authorize } from "./authorize.ts";
import type { Gate } from "./gate-names.ts";
import { judgeRules } from "./rules/judge.ts";
import { checkEnvironment, checkTool } from "./tool.ts";

/** What is to be allowed. */
export interface Asked {
  readonly tenant: Tenant;
  /** Null where nobody has proven to be anybody. */
  readonly caller: Caller | null;
  /** Of a `tools/call`; null for everything else. */
  readonly tool: ToolCall | null;
  /** The entries of the mandate's `cap` for it; null where it needs none. */
  readonly grants: readonly Grant[] | null;
  /** Seconds. */
  readonly now: number;
}

/** The gates of the policy, in their order. A person's approval is asked for at last, of the ledger. */
export type PolicyGate = "tenant" | Exclude<Gate, "evidence" | "approval" | "limits" | "admission">;

/** What one gate says. */
export interface GateVerdict {
  readonly gate: PolicyGate;
  /** Null where it lets the call through. */
  readonly reason: Reason | null;
}

/** What one check of a gate says. */
export interface CheckVerdict extends GateVerdict {
  readonly check: string;
}

/** What all gates say. */
export interface Judgement {
  /** Of each gate what the first of its checks says that refuses. */
  readonly verdicts: readonly GateVerdict[];
  readonly checks: readonly CheckVerdict[];
  /** The entry of the mandate's `cap` that the call uses up; null where none is counted. */
  readonly counted: Counted | null;
  /** What a person's approval of the call needs, where it needs one; without a role in it nobody can give it. */
  readonly approvalNeeded: ToolApproval | null;
  /** Names of the tenant's rules that refuse the call or want an approval. */
  readonly rules: readonly string[];
}

export function judgePolicy(asked: Asked): Judgement {
  const { tenant, tool } = asked;
  const permitted = permitGranted(asked);
  const ruled = judgeRules(asked);
  const own = (tool && tenant.policy.tools.get(tool.name)?.approval) ?? null;
  const checks: readonly CheckVerdict[] = [
    { gate: "tenant", check: "status", reason: tenant.suspended ? "policy.tenant_suspended" : null },
    { gate: "agent", check: "status", reason: reasonOf(authorize(asked.caller)) },
    { gate: "tool", check: "grant", reason: reasonOf(checkTool(asked)) },
    { gate: "environment", check: "tags", reason: reasonOf(checkEnvironment(asked)) },
    { gate: "arguments", check: "capability", reason: reasonOf(permitted) },
    { gate: "arguments", check: "grant", reason: reasonOf(checkGranted(asked)) },
    { gate: "arguments", check: "schema", reason: reasonOf(checkInput(asked)) },
    { gate: "arguments", check: "rules", reason: ruled.reason },
  ];
  return {
    verdicts: verdictsOf(checks),
    checks,
    counted: permitted.ok ? permitted.value : null,
    approvalNeeded: approvalOfAll([...(own === null ? [] : [own]), ...ruled.approvals]),
    rules: ruled.rules,
  };
}

const reasonOf = (verdict: Result<unknown, Reason>): Reason | null => (verdict.ok ? null : verdict.error);

function verdictsOf(checks: readonly CheckVerdict[]): readonly GateVerdict[] {
  const verdicts = new Map<PolicyGate, Reason | null>();
  for (const { gate, reason } of checks) verdicts.set(gate, verdicts.get(gate) ?? reason);
  return [...verdicts].map(([gate, reason]) => ({ gate, reason }));
}

/** Whether one of the entries of the caller's mandate allows the arguments, and which one is used up by that. */
export function permitGranted({
  caller,
  grants,
  tool,
}: Pick<Asked, "caller" | "grants" | "tool">): Result<Counted | null, Reason> {
  if (grants === null) return ok(null);
  const permitted = permitCall(grants, tool?.arguments ?? null);
  // Each lane has a ledger that counts for itself: together they would allow more than the maximum.
  const isCountable = !permitted.ok || permitted.value === null || caller?.agent?.lanes.size === 1;
  return isCountable ? permitted : fail("capability.not_countable");
}
