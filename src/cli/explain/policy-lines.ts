/** What every gate of the tenant's policy says, whatever became of the evidence; and what only the ledger could say. Stages 8 and 9. */

import { seconds } from "../../clock.ts";
import type { Grant } from "../../evidence/act/bind.ts";
import type { Caller } from "../../evidence/caller.ts";
import type { Message } from "../../mcp/message.ts";
import { isCallersFault, observes } from "../../observe.ts";
import { deriveAction } from "../../policy/actions.ts";
import { type GateVerdict, judgePolicy } from "../../policy/judge.ts";
import { limitUses } from "../../policy/limit-uses.ts";
import { grantsFor } from "../../stages/bind-call.ts";
import type { Tenant } from "../../tenant/tenant.ts";
import type { Trail } from "../../trail.ts";
import type { Line } from "./explanation.ts";

/** Checks that have nothing to go by without a caller. */
const ABOUT_CALLERS: ReadonlySet<string> = new Set([
  "agent status",
  "tool grant",
  "arguments capability",
  "arguments grant",
  "arguments rules",
]);

export function policyLines(
  reached: Trail,
  tenant: Tenant,
  message: Message,
  refused: Line | null,
): readonly Line[] {
  const tool = message.kind === "request" ? message.tool : null;
  // A request that was refused before its body was read has no tool in its trail.
  const trail = { ...reached, tool: tool?.name ?? null };
  const isObserved = trail.caller === null && observes(tenant, "evidence", trail.tool, trail.startedAt);
  const supposed = trail.caller === null && !isObserved ? supposedCaller(trail) : null;
  const caller = trail.caller ?? supposed;
  const grants = grantsOf(caller, message, tenant);
  const { checks, approvalNeeded, rules } = judgePolicy({ tenant, caller, tool, grants, now: seconds() });
  const lines = checks.map((verdict): Line => {
    const { gate, check, reason } = verdict;
    const place = { stage: 8, gate, check };
    const isAboutCaller = ABOUT_CALLERS.has(`${gate} ${check}`);
    if (caller === null && !isObserved && isAboutCaller)
      return { ...place, verdict: "not reached", reason: null, note: null };
    const notes = [
      ...(check === "rules" && rules.length > 0 ? [`(${rules.join(", ")})`] : []),
      ...(supposed !== null && isAboutCaller
        ? ["(if the caller had proven to be whom the bearer is for)"]
        : []),
    ];
    const note = notes.length === 0 ? null : notes.join(" ");
    return { ...place, verdict: verdictOf(verdict, trail, tenant), reason, note };
  });
  const people =
    approvalNeeded && `${approvalNeeded.people} of ${[...approvalNeeded.roles].join(", ")} must approve`;
  const uses = limitUses({ ...trail, caller, method: "method" in message ? message.method : null });
  return [
    ...lines,
    ...(refused === null ? [asked("approval", "approval", people)] : [refused]),
    asked("limits", "limits", uses.length === 0 ? null : `limits that count it: ${uses.length}`),
    asked("admission", "admission", "replay, runs, revocations, and how often a mandate was used"),
  ];
}

const verdictOf = (
  { gate, reason }: GateVerdict,
  { tool, startedAt }: Trail,
  tenant: Tenant,
): Line["verdict"] => {
  if (reason === null) return "passed";
  const isObserved = gate !== "tenant" && isCallersFault(reason) && observes(tenant, gate, tool, startedAt);
  return isObserved ? "observed" : "refused";
};

/** @param open what only the ledger could say; null where it has nothing to say */
const asked = (gate: "approval" | "limits" | "admission", check: string, open: string | null): Line => ({
  stage: gate === "approval" ? 8 : 9,
  gate,
  check,
  verdict: open === null ? "passed" : "not asked",
  reason: null,
  note: open,
});

/** Whom the bearer is for, as if nothing more were needed to be them. */
function supposedCaller({ mandate, token }: Trail): Caller | null {
  const nothing = { signature: null, ect: null, wit: null } as const;
  if (mandate !== null)
    return { kind: "agent", agent: mandate.agent, lane: 0, mandate, token: null, ...nothing };
  return token && { kind: "token", token, lane: 0, agent: null, mandate: null, ...nothing };
}

/** The entries of the mandate's `cap` for the message; null where it has none, or needs none. */
function grantsOf(caller: Caller | null, message: Message, tenant: Tenant): readonly Grant[] | null {
  if (!caller?.mandate || !("method" in message)) return null;
  const tool = message.kind === "request" ? (message.tool?.name ?? null) : null;
  const action = deriveAction(message.method, tool, tenant.actions);
  const granted = action.ok ? grantsFor(message.method, action.value, caller.mandate, tenant) : action;
  return granted.ok ? granted.value : null;
}
