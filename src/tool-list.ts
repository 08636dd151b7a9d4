import { discard } from "./bytes/discard.ts";
import { type ReadFault, readWhole } from "./bytes/read-whole.ts";
import { bindCapability } from "./evidence/act/bind.ts";
import type { Caller } from "./evidence/caller.ts";
import type { Facts } from "./facts.ts";
import type { Passage } from "./gate.ts";
import { MAX_LIST_BYTES } from "./limits.ts";
import { isToolName, type Message } from "./mcp/message.ts";
import { filterEvents } from "./mcp/tool-list/event-stream.ts";
import { filterListBytes, type IsAllowed } from "./mcp/tool-list/filter.ts";
import type { Answer } from "./origin/forward.ts";
import { isEventStream } from "./origin/headers.ts";
import { deriveAction } from "./policy/actions.ts";
import { authorize } from "./policy/authorize.ts";
import { requiredEvidence } from "./policy/required.ts";
import type { Reason } from "./reasons.ts";
import { fail, ok, type Result } from "./result.ts";
import type { Tenant } from "./tenant/tenant.ts";

/**
 * Shows the caller in an answer to `tools/list` only the tools that it may call, where its tenant wants that. Streams
 * go on streaming. Part of stage 10.
 */
export async function filterTools(
  answer: Answer,
  { tenant, facts, received, caller }: Extract<Passage, { kind: "call" }>,
): Promise<Result<Answer, Reason>> {
  const { status, headers, body } = answer;
  if (!tenant.tools.filterList || body === null || status >= 300) return ok(answer);
  const isStream = isEventStream(headers);
  if (!holdsList(received.message, facts, isStream)) return ok(answer);
  if ((headers.get("content-encoding") ?? "identity") !== "identity") {
    await discard(body);
    return fail("origin.list_unreadable");
  }
  const isAllowed = (tool: string) => mayCall(tool, caller, tenant);
  const filtered = isStream
    ? ok(filterEvents(body, isAllowed))
    : await filterJson(body, isAllowed, tenant.origin.timeoutMs, facts.signal);
  return filtered.ok ? ok({ status, headers: ofOtherBytes(headers), body: filtered.value }) : filtered;
}

async function filterJson(
  body: ReadableStream<Uint8Array>,
  isAllowed: IsAllowed,
  deadlineMs: number,
  clientGone: AbortSignal,
): Promise<Result<Answer["body"], Reason>> {
  const read = await readWhole(body, MAX_LIST_BYTES, deadlineMs);
  if (!read.ok) return fail(clientGone.aborted ? "origin.client_gone" : FAULTS[read.error]);
  const filtered = filterListBytes(read.value, isAllowed);
  return filtered === null ? fail("origin.list_unreadable") : ok(new Response(filtered).body);
}

/** A stream that is resumed (MCP 2025-11-25, Streamable HTTP, "Resumability") may bring the answer to an earlier request. */
const holdsList = (message: Message, { headers }: Facts, isStream: boolean): boolean =>
  message.kind === "stream"
    ? isStream && headers.has("last-event-id")
    : message.kind === "request" && message.method === "tools/list";

/** Whether a call of the tool could be admitted, as far as that does not depend on the call: the same rules decide. */
function mayCall(name: string, { mandate, agent }: Caller, tenant: Tenant): boolean {
  if (!isToolName(name)) return false;
  const action = deriveAction("tools/call", name, tenant.actions);
  return (
    action.ok &&
    bindCapability(mandate, action.value).ok &&
    requiredEvidence(callOf(name), tenant.evidenceRules, agent).ok &&
    authorize(tenant, agent).ok
  );
}

const callOf = (name: string): Message => ({
  kind: "request",
  id: 0,
  method: "tools/call",
  params: {},
  tool: { name, arguments: {} },
});

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

const FAULTS: Record<ReadFault, Reason> = {
  too_large: "origin.list_unreadable",
  timeout: "origin.timeout",
  broken: "origin.broken",
};
