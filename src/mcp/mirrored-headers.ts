import { fromUtf8 } from "../encoding.ts";
import { isObject, type JsonObject, type JsonValue } from "../json/strict-json.ts";
import type { Reason } from "../reasons.ts";
import { fail, ok, type Result } from "../result.ts";
import type { Message } from "./message.ts";
import { MCP_METHODS } from "./methods.ts";

/** First revision whose requests must carry headers that mirror the body. */
const FIRST_MODERN_REVISION = "2026-07-28";

const VERSION_KEY = "io.modelcontextprotocol/protocolVersion";

/**
 * Checks the headers that mirror the body against it (MCP 2026-07-28, Streamable HTTP, "Request Metadata").
 * On a modern request they must be there; on an older one they are compared where present, because something
 * between us and the tool may route by them.
 */
export function checkMirroredHeaders(
  headers: ReadonlyMap<string, string>,
  message: Message,
): Result<void, Reason> {
  const body = message.kind === "request" || message.kind === "notification" ? message : null;
  // Which versions it speaks is for the server to say, above all to a client that asks; and a refusal of ours there
  // could not have the status that the specification demands (see `denial.ts`).
  const isQuestion = body?.method === "server/discover";
  const version = body === null || isQuestion ? undefined : claimedVersion(body.params);
  // Before revision 2026-07-28 the header said the version alone.
  if (version !== undefined && differs(headers.get("mcp-protocol-version"), version, message))
    return fault(headers, "mcp-protocol-version");
  if (differs(headers.get("mcp-method"), body?.method, message)) return fault(headers, "mcp-method");
  // What an extension's method mirrors is not known here.
  if (body !== null && !MCP_METHODS.has(body.method)) return ok(undefined);
  const sentName = headers.get("mcp-name");
  // The encoded form is for values of the caller's choice: who routes by the others reads them as they are.
  const name = sentName === undefined ? undefined : decodeValue(sentName);
  const mirrored = body === null ? undefined : mirroredName(body.method, body.params);
  return differs(name, mirrored, message) ? fault(headers, "mcp-name") : ok(undefined);
}

/**
 * Whether a header and the value it mirrors do not go together. A header for what the body does not have would
 * mislead whoever routes by it; a missing one is right only on an older message.
 */
const differs = (sent: string | null | undefined, value: JsonValue | undefined, message: Message): boolean =>
  sent === undefined ? value !== undefined && isModern(message) : sent !== value;

const fault = (headers: ReadonlyMap<string, string>, name: string) =>
  fail<Reason>(headers.has(name) ? "message.header_mismatch" : "message.header_missing");

/** Whether a message follows revision 2026-07-28 or later: the body decides, never a header. */
export function isModern(message: Message): boolean {
  if (message.kind !== "request") return false;
  const version = claimedVersion(message.params);
  return typeof version === "string" && version >= FIRST_MODERN_REVISION;
}

const claimedVersion = (params: JsonObject): JsonValue | undefined =>
  isObject(params._meta) ? params._meta[VERSION_KEY] : undefined;

function mirroredName(method: string, params: JsonObject): JsonValue | undefined {
  switch (method) {
    case "tools/call":
    case "prompts/get":
      return params.name;
    case "resources/read":
      return params.uri;
    case "tasks/get":
    case "tasks/update":
    case "tasks/cancel":
      return params.taskId;
    default:
      return undefined;
  }
}

/** Undoes `=?base64?…?=`; null for a bad encoding, which then equals nothing. */
function decodeValue(value: string): string | null {
  const encoded = /^=\?base64\?(.*)\?=$/.exec(value)?.[1];
  if (encoded === undefined) return value;
  try {
    const bytes = atob(encoded);
    // `atob` also takes white space, missing padding and unused bits.
    if (btoa(bytes) !== encoded) return null;
    return fromUtf8(Uint8Array.from(bytes, (character) => character.charCodeAt(0)));
  } catch {
    return null;
  }
}
