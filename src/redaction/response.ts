/** What is cut out of the answer to a call: it stays a JSON-RPC response to it, and a result as MCP has them. */

import { fromUtf8, utf8 } from "../encoding.ts";
import { hasCaseVariant } from "../json/fold-case.ts";
import { isObject, type JsonObject, type JsonValue, parseStrictJson } from "../json/strict-json.ts";
import type { RequestId } from "../mcp/message.ts";
import { fail, ok, type Result } from "../result.ts";
import type { Redaction } from "../tenant/schema/redaction.ts";
import { isWord, redactBlock, textBlock } from "./blocks.ts";
import { TRUNCATED } from "./texts.ts";
import { redactList, redactMembers, redactText } from "./values.ts";

/** Why an answer cannot be redacted: it is no JSON that all parsers read alike, or no response to the call. */
export type ResponseFault = "not_json" | "not_response";

const ENVELOPE_NAMES = ["jsonrpc", "id", "method", "result", "error"];
const RESULT_NAMES = ["content", "structuredContent", "isError", "resultType", "_meta"];

/**
 * Redacts the body of an answer: one JSON-RPC response to the request with this id.
 *
 * @returns the very same bytes where nothing is cut out of them
 */
export function redactResponse(
  bytes: Uint8Array<ArrayBuffer>,
  id: RequestId,
  redaction: Redaction,
): Result<Uint8Array<ArrayBuffer>, ResponseFault> {
  const text = fromUtf8(bytes);
  const parsed = text === null ? null : parseStrictJson(text);
  if (!parsed?.ok) return fail("not_json");
  const message = parsed.value;
  if (!isResponse(message, id)) return fail("not_response");
  const redacted = redactMembers(message, redaction, (name, value) => {
    if (name === "jsonrpc" || name === "id") return value;
    if (name === "result" && isObject(value)) return redactResult(value, redaction);
    return name === "error" && isObject(value) ? redactError(value, redaction) : undefined;
  });
  return ok(redacted === message ? bytes : utf8(JSON.stringify(redacted)));
}

/** The names of the envelope and of a result must be theirs alone: some parsers take `Content` for `content`. */
function isResponse(message: JsonValue, id: RequestId): message is JsonObject {
  if (!isObject(message) || message.jsonrpc !== "2.0" || message.id !== id) return false;
  const { method, result, error } = message;
  if (hasCaseVariant(message, ENVELOPE_NAMES) || method !== undefined) return false;
  if (result !== undefined)
    return error === undefined && isObject(result) && !hasCaseVariant(result, RESULT_NAMES);
  return isObject(error) && Number.isInteger(error.code) && typeof error.message === "string";
}

const redactError = (error: JsonObject, redaction: Redaction): JsonObject =>
  redactMembers(error, redaction, (name, value) => {
    if (name === "code") return value;
    return name === "message" && typeof value === "string" ? redactText(value, redaction, null) : undefined;
  });

/** `CallToolResult` of MCP, and what may come in its place. Names of fields are looked for within its members. */
const redactResult = (result: JsonObject, redaction: Redaction): JsonObject =>
  redactMembers(result, redaction, (name, value) => {
    switch (name) {
      case "isError":
        return typeof value === "boolean" ? value : undefined;
      case "resultType":
        return isWord(value) ? value : undefined;
      case "content":
        return Array.isArray(value)
          ? redactList(value, redaction, textBlock(TRUNCATED), (block) => redactBlock(block, redaction))
          : undefined;
      case "structuredContent":
      case "_meta":
        return isObject(value) ? redactMembers(value, redaction) : undefined;
      default:
        return undefined;
    }
  });
