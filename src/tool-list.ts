import { discard } from "./bytes/discard.ts";
import { type ReadFault, readWhole } from "./bytes/read-whole.ts";
import { seconds } from "./clock.ts";
import { bindCapability } from "./evidence/act/bind.ts";
import type { AgentCaller, Caller } from "./evidence/caller.ts";
import type { Passage } from "./gate.ts";
import { MAX_LIST_BYTES } from "./limits.ts";
import { isToolName, type Message, type ToolCall } from "./mcp/message.ts";
import { filterEvents } from "./mcp/tool-list/event-stream.ts";
import { filterListBytes } from "./mcp/tool-list/filter.ts";
import type { Answer } from "./origin/forward.ts";
import { isCoded, isEventStream } from "./origin/headers.ts";
import { deriveAction } from "./policy/actions.ts";
import { requiredEvidence } from "./policy/required.ts";
import { checkEnvironment, checkTool } from "./policy/tool.ts";
import type { Reason } from "./reasons.ts";
import { fail, ok, type Result } from "./result.ts";
import type { Tenant } from "./tenant/tenant.ts";

/**
 * Shows the caller in an answer to `tools/list` only the tools that it may call, where its tenant wants that. Streams
 * go on streaming. Part of stage 10.
 *
 * @param stop aborted, with the reason, when the caller may see no more of the answer
 */
export async function filterTools(
  answer: Answer,
  { tenant, facts, received: { message }, known }: Extract<Passage, { kind: "call" }>,
  stop: AbortSignal,
): Promise<Result<Answer, Reason>> {
  const { status, headers, body } = answer;
  if (known === null || !tenant.tools.filterList || body === null || !mayHoldList(message)) return ok(answer);
  if (isCoded(headers)) {
    await discard(body);
    return fail("origin.list_unreadable");
  }
  const isAllowed = (tool: string) => mayCall(tool, known.caller, tenant, seconds());
  const shown = (filtered: Answer["body"]) => ok({ status, headers: ofOtherBytes(headers), body: filtered });
  // MCP clients read what answers a GET as events, whatever its type. Most of them are no lists: none breaks a stream
  // that we can read.
  if (message.kind === "stream") return shown(filterEvents(body, isAllowed, "pass"));
  if (isEventStream(headers)) return shown(filterEvents(body, isAllowed, "break"));

  const read = await readWhole(body, MAX_LIST_BYTES, tenant.origin.timeoutMs, stop);
  if (!read.ok) return fail(facts.signal.aborted ? "origin.client_gone" : faultOf(read.error, stop));
  const filtered = filterListBytes(read.value, isAllowed);
  if (filtered !== null) return shown(new Response(filtered).body);
  // A page that says what went wrong, or nothing at all, holds no list.
  const isNoList = status >= 300 || read.value.length === 0;
  return isNoList ? shown(new Response(read.value).body) : fail("origin.list_unreadable");
}

/** A GET stream may bring the answer to an earlier request (MCP 2025-11-25, Streamable HTTP, "Resumability"). */
const mayHoldList = (message: Message): boolean =>
  message.kind === "stream" || (message.kind === "request" && message.method === "tools/list");

function faultOf(fault: ReadFault, stop: AbortSignal): Reason {
  switch (fault) {
    case "too_large":
      return "origin.list_unreadable";
    case "timeout":
      return "origin.timeout";
    case "stopped":
      return stop.reason;
    case "broken":
      return "origin.broken";
  }
}

/**
 * Whether a call of the tool could be admitted, as far as that does not depend on the call: the same rules decide.
 *
 * @param now seconds
 */
function mayCall(name: string, caller: Caller, tenant: Tenant, now: number): boolean {
  if (!isToolName(name)) return false;
  const action = deriveAction("tools/call", name, tenant.actions);
  if (!action.ok) return false;
  const tool = { name, arguments: {} };
  const isProvable = caller.kind === "token" || mayProve(caller, tool, action.value, tenant);
  return (
    isProvable &&
    [checkTool, checkEnvironment].every((check) => check({ tenant, caller, tool, grants: null, now }).ok)
  );
}

function mayProve(
  { mandate, agent }: AgentCaller,
  tool: ToolCall,
  action: string,
  { evidenceRules }: Tenant,
): boolean {
  const call: Message = { kind: "request", id: 0, method: "tools/call", params: {}, tool };
  return bindCapability(mandate, action).ok && requiredEvidence(call, evidenceRules, agent).ok;
}

/** The headers without what they say of the origin's bytes (RFC 9530, RFC 9110 section 8.8.3, RFC 9421). */
function ofOtherBytes(headers: Headers): Headers {
  const other = new Headers(headers);
  for (const name of DESCRIPTIONS) other.delete(name);
  return other;
}

const DESCRIPTIONS = [
  "content-digest",
  "repr-digest",
  "digest",
  "content-md5",
  "etag",
  "signature",
  "signature-input",
];
