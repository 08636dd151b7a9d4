/** The tenant's policy: whether it allows what a caller whose evidence is true asks for. Stage 8. */

import { type Counted, type Grant, permitCall } from "../evidence/act/bind.ts";
import type { Caller } from "../evidence/caller.ts";
import type { ToolCall } from "../mcp/message.ts";
import type { Reason } from "../reasons.ts";
import { fail, ok, type Result } from "../result.ts";
import type { Tenant } from "../tenant/tenant.ts";
import { authorize } from "./authorize.ts";
import type { Gate } from "./gate-names.ts";
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

/** What all gates say. */
export interface Judgement {
  readonly verdicts: readonly GateVerdict[];
  /** The entry of the mandate's `cap` that the call uses up; null where none is counted. */
  readonly counted: Counted | null;
}

export function judgePolicy(asked: Asked): Judgement {
  const permitted = permitGranted(asked);
  const said: readonly [PolicyGate, Result<unknown, Reason>][] = [
    ["tenant", asked.tenant.suspended ? fail("policy.tenant_suspended") : ok(undefined)],
    ["agent", authorize(asked.caller)],
    ["tool", checkTool(asked)],
    ["environment", checkEnvironment(asked)],
    ["arguments", permitted],
  ];
  return {
    verdicts: said.map(([gate, verdict]) => ({ gate, reason: verdict.ok ? null : verdict.error })),
    counted: permitted.ok ? permitted.value : null,
  };
}

/** Whether one of the entries of the caller's mandate allows the arguments, and which one is used up by that. */
export function permitGranted({
  caller,
  grants,
  tool,
}: Pick<Asked, "caller" | "grants" | "tool">): Result<Counted | null, Reason> {
  if (grants === null) return ok(null);
  const permitted = permitCall(grants, tool && tool.arguments);
  // Each lane has a ledger that counts for itself: together they would allow more than the maximum.
  const isCountable = !permitted.ok || permitted.value === null || caller?.agent?.lanes.size === 1;
  return isCountable ? permitted : fail("capability.not_countable");
}
