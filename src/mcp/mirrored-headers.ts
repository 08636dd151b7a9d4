import { fromUtf8 } from "../encoding.ts";
import { isObject, type JsonObject, type JsonValue } from "../json/strict-json.ts";
import type { Reason } from "../reasons.ts";
import { fail, ok, type Result } from "../result.ts";
import type { Message } from "./message.ts";

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
  if (message.kind !== "request" && message.kind !== "notification") return ok(undefined);
  const version = claimedVersion(message.params);
  const modern = isModern(message);

  const mirrored: [header: string, value: JsonValue | undefined, required: boolean][] = [
    ["mcp-protocol-version", version, modern],
    ["mcp-method", message.method, modern],
    ["mcp-name", mirroredName(message.method, message.params), modern],
  ];
  for (const [header, value, required] of mirrored) {
    if (value === undefined) continue;
    const sent = headers.get(header);
    if (sent === undefined) {
      if (required) return fail("message.header_missing");
      // The encoded form is for values of the caller's choice: who routes by the others reads them as they are.
    } else if ((header === "mcp-name" ? decodeValue(sent) : sent) !== value)
      return fail("message.header_mismatch");
  }
  return ok(undefined);
}

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
