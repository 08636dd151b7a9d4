import { hasCaseVariant } from "../json/fold-case.ts";
import { isObject, type JsonObject, type JsonValue } from "../json/strict-json.ts";
import { MAX_TOOL_NAME_LENGTH } from "../limits.ts";
import type { Reason } from "../reasons.ts";
import { fail, ok, type Result } from "../result.ts";

export type RequestId = string | number;

/** What one HTTP request asks of the MCP server. */
export type Message =
  | { kind: "request"; id: RequestId; method: string; params: JsonObject; tool: ToolCall | null }
  | { kind: "notification"; method: string; params: JsonObject }
  /** A client's answer to a server's request (revisions up to 2025-11-25). */
  | { kind: "response" }
  /** GET: open the server's event stream. */
  | { kind: "stream" }
  /** DELETE: end the session. */
  | { kind: "session-end" };

export interface ToolCall {
  name: string;
  /** `{}` where the call has none. */
  arguments: JsonObject;
}

/** A refusal, with the id and method where they were read: the answer depends on them. */
export interface MessageFault {
  reason: Reason;
  id: RequestId | null;
  method: string | null;
}

/** A refusal before id and method could be read. */
export const unread = (reason: Reason): MessageFault => ({ reason, id: null, method: null });

/** Names that decide what a message is. A parser that ignores case would take `Method` for `method`. */
const ENVELOPE_NAMES = ["jsonrpc", "id", "method", "params", "result", "error"];
const PARAM_NAMES = ["name", "arguments", "_meta", "inputResponses", "requestState"];

/** Classifies what a POST body says: exactly one JSON-RPC 2.0 message. Stage 3. */
export function parseMessage(json: JsonValue): Result<Message, MessageFault> {
  if (Array.isArray(json)) return fail(unread("message.batch"));
  if (!isObject(json)) return fail(unread("message.not_jsonrpc"));
  const id = readId(json.id);
  const classified = classify(json, id);
  if (classified.ok) return classified;
  const { method } = json;
  return fail({ reason: classified.error, id, method: typeof method === "string" ? method : null });
}

function classify(envelope: JsonObject, id: RequestId | null): Result<Message, Reason> {
  if (hasCaseVariant(envelope, ENVELOPE_NAMES)) return fail("message.case_variant");
  if (envelope.jsonrpc !== "2.0") return fail("message.not_jsonrpc");
  const answers = ["result", "error"].filter((name) => Object.hasOwn(envelope, name)).length;
  if (Object.hasOwn(envelope, "id") && id === null) return fail("message.not_jsonrpc");

  if (answers > 0) {
    // A message with both a method and a result would be one thing to us and another to the origin.
    if (answers > 1 || Object.hasOwn(envelope, "method") || id === null) return fail("message.not_jsonrpc");
    return ok({ kind: "response" });
  }

  const { method } = envelope;
  if (typeof method !== "string") return fail("message.not_jsonrpc");
  const params = envelope.params === undefined ? {} : envelope.params;
  if (!isObject(params)) return fail("message.params");
  if (params._meta !== undefined && !isObject(params._meta)) return fail("message.params");
  if (hasCaseVariant(params, PARAM_NAMES)) return fail("message.case_variant");

  if (id === null) {
    // Without an id a request would pass for a notification, which needs less evidence; an origin might run it.
    const isNotification = method.startsWith("notifications/");
    return isNotification ? ok({ kind: "notification", method, params }) : fail("message.request_without_id");
  }
  if (method !== "tools/call") return ok({ kind: "request", id, method, params, tool: null });
  const tool = readToolCall(params);
  return tool.ok ? ok({ kind: "request", id, method, params, tool: tool.value }) : tool;
}

function readToolCall(params: JsonObject): Result<ToolCall, Reason> {
  const { name } = params;
  if (typeof name !== "string" || !isToolName(name)) return fail("message.tool_name");
  const given = params.arguments === undefined ? {} : params.arguments;
  return isObject(given) ? ok({ name, arguments: given }) : fail("message.params");
}

/** A tool name that can be called, as an action can be derived from it. */
export const isToolName = (name: string): boolean =>
  /^[\x21-\x7e]+$/.test(name) && name.length <= MAX_TOOL_NAME_LENGTH;

/** A request id is a string or an integer (MCP, basic protocol); null for anything else. */
function readId(id: JsonValue | undefined): RequestId | null {
  return typeof id === "string" || (typeof id === "number" && Number.isInteger(id)) ? id : null;
}
