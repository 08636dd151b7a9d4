import { discard } from "../bytes/discard.ts";
import { readWhole } from "../bytes/read-whole.ts";
import { bindCapability } from "../evidence/act/bind.ts";
import type { Caller } from "../evidence/caller.ts";
import type { CallPassage } from "../gate.ts";
import { MAX_LIST_BYTES } from "../limits.ts";
import { isToolName, type Message, type ToolCall } from "../mcp/message.ts";
import { filterEvents } from "../mcp/tool-list/event-stream.ts";
import { filterListBytes } from "../mcp/tool-list/filter.ts";
import { observes } from "../observe.ts";
import type { Answer } from "../origin/forward.ts";
import { isCoded, isEventStream, ofOtherBytes } from "../origin/headers.ts";
import { readFault } from "../origin/read-fault.ts";
import { deriveAction } from "../policy/actions.ts";
import { authorize } from "../policy/authorize.ts";
import type { Gate } from "../policy/gate-names.ts";
import { requiredEvidence } from "../policy/required.ts";
import { neededScopes } from "../policy/scopes.ts";
import { checkEnvironment, checkTool } from "../policy/tool.ts";
import type { Reason } from "../reasons.ts";
import { fail, ok, type Result } from "../result.ts";
import type { Tenant } from "../tenant/tenant.ts";

/**
 * Shows the caller in an answer to `tools/list` only the tools that it may call, where its tenant wants that. Streams
 * go on streaming. Part of stage 10.
 *
 * @param caller null for a stranger, whose call is only observed
 * @param stopSignal gives what is aborted, with the reason, when the caller may see no more of the answer
 */
export async function filterTools(
  answer: Answer,
  { tenant, facts, received: { message } }: CallPassage,
  caller: Caller | null,
  stopSignal: () => AbortSignal,
): Promise<Result<Answer, Reason>> {
  const { status, headers, body } = answer;
  if (!tenant.tools.filterList || body === null || !mayHoldList(message)) return ok(answer);
  // Every tool would be shown: then nothing need be read.
  if (LIST_GATES.every((gate) => observes(tenant, gate, null, Date.now()))) return ok(answer);
  if (isCoded(headers)) {
    await discard(body);
    return fail("origin.list_unreadable");
  }
  const isAllowed = (tool: string) => mayCall(tool, caller, tenant, Date.now());
  const shown = (filtered: Answer["body"]) =>
    ok({ status, headers: ofOtherBytes(headers), body: filtered, length: null });
  // MCP clients read what answers a GET as events, whatever its type. Most of them are no lists: none breaks a stream
  // that we can read.
  if (message.kind === "stream") return shown(filterEvents(body, isAllowed, "pass"));
  if (isEventStream(headers)) return shown(filterEvents(body, isAllowed, "break"));

  const stop = stopSignal();
  const read = await readWhole(body, MAX_LIST_BYTES, tenant.origin.timeoutMs, stop);
  if (!read.ok)
    return fail(
      facts.signal.aborted ? "origin.client_gone" : readFault("origin.list_unreadable", read.error, stop),
    );
  const filtered = filterListBytes(read.value, isAllowed);
  if (filtered !== null) return shown(new Response(filtered).body);
  // A page that says what went wrong, or nothing at all, holds no list.
  const isNoList = status >= 300 || read.value.length === 0;
  return isNoList ? shown(new Response(read.value).body) : fail("origin.list_unreadable");
}

/** A GET stream may bring the answer to an earlier request (MCP 2025-11-25, Streamable HTTP, "Resumability"). */
const mayHoldList = (message: Message): boolean =>
  message.kind === "stream" || (message.kind === "request" && message.method === "tools/list");

/** The gates that say something of a tool before it is called. */
const LIST_GATES = ["evidence", "agent", "tool", "environment"] as const satisfies readonly Gate[];

/**
 * Whether a call of the tool would go on, as far as that does not depend on the call: the same rules decide, and what is only observed
 * hides nothing.
 *
 * @param now milliseconds
 */
function mayCall(name: string, caller: Caller | null, tenant: Tenant, now: number): boolean {
  if (!isToolName(name)) return false;
  const action = deriveAction("tools/call", name, tenant.actions);
  if (!action.ok) return false;
  const tool = { name, arguments: {} };
  const asked = { tenant, caller, tool, grants: null, now: Math.floor(now / 1000) };
  const said: Readonly<Record<(typeof LIST_GATES)[number], Result<unknown, Reason>>> = {
    evidence: mayProve(caller, tool, action.value, tenant),
    agent: authorize(caller),
    tool: checkTool(asked),
    environment: checkEnvironment(asked),
  };
  return LIST_GATES.every((gate) => said[gate].ok || observes(tenant, gate, name, now));
}

function mayProve(
  caller: Caller | null,
  tool: ToolCall,
  action: string,
  { evidenceRules, accessTokens }: Tenant,
): Result<unknown, Reason> {
  if (caller === null) return fail("policy.caller_unknown");
  const call: Message = { kind: "request", id: 0, method: "tools/call", params: {}, tool };
  if (caller.kind === "token") {
    // Scopes that the token does not have are to be had: who does not see the tool would not ask for them.
    const needed = accessTokens && neededScopes(call, accessTokens, caller.token.scopes);
    return needed === null ? fail("token.no_rule") : ok(undefined);
  }
  const capable = bindCapability(caller.mandate, action);
  return capable.ok ? requiredEvidence(call, evidenceRules, caller.agent) : capable;
}
