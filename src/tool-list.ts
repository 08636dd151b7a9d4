import { type ReadFault, readWhole } from "./bytes/read-whole.ts";
import { bindCapability } from "./evidence/act/bind.ts";
import type { Caller } from "./evidence/caller.ts";
import { MAX_LIST_BYTES } from "./limits.ts";
import { isToolName, type Message } from "./mcp/message.ts";
import { filterEvents } from "./mcp/tool-list/event-stream.ts";
import { filterListBytes } from "./mcp/tool-list/filter.ts";
import { isEventStream } from "./origin/headers.ts";
import { deriveAction } from "./policy/actions.ts";
import { authorize } from "./policy/authorize.ts";
import { requiredEvidence } from "./policy/required.ts";
import type { Reason } from "./reasons.ts";
import { fail, ok, type Result } from "./result.ts";
import type { Tenant } from "./tenant/tenant.ts";

/** An origin's answer, as far as it concerns a list of tools in it. */
export interface Listing {
  readonly status: number;
  /** Those that describe the bytes are taken out where the bytes change. */
  readonly headers: Headers;
  readonly body: ReadableStream<Uint8Array> | null;
}

/**
 * Shows the caller in an answer to `tools/list` only the tools that it may call, where its tenant wants that. Streams
 * go on streaming. Part of stage 10.
 *
 * @returns the body to send in place of the origin's
 */
export async function filterTools(
  answer: Listing,
  message: Message,
  caller: Caller,
  tenant: Tenant,
  clientGone: AbortSignal,
): Promise<Result<Listing["body"], Reason>> {
  const { status, headers, body } = answer;
  if (!tenant.tools.filterList || !mayHoldList(message) || body === null || status >= 300) return ok(body);
  const isStream = isEventStream(headers);
  // A GET that is answered with anything but a stream was not answered.
  if (message.kind === "stream" && !isStream) return ok(body);
  if ((headers.get("content-encoding") ?? "identity") !== "identity") {
    await body.cancel();
    return fail("origin.list_unreadable");
  }
  const isAllowed = (tool: string) => mayCall(tool, caller, tenant);
  for (const name of DESCRIPTIONS) headers.delete(name);
  if (isStream) return ok(filterEvents(body, isAllowed));
  const read = await readWhole(body, MAX_LIST_BYTES, tenant.origin.timeoutMs);
  if (!read.ok) return fail(clientGone.aborted ? "origin.client_gone" : FAULTS[read.error]);
  const filtered = filterListBytes(read.value, isAllowed);
  return filtered === null ? fail("origin.list_unreadable") : ok(new Response(filtered).body);
}

/** A stream that is resumed may bring the answer to an earlier request. */
const mayHoldList = (message: Message): boolean =>
  message.kind === "stream" || (message.kind === "request" && message.method === "tools/list");

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

/** What an origin says of its bytes (RFC 9530, RFC 9110 section 8.8.3, RFC 9421): of other bytes it would be wrong. */
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
