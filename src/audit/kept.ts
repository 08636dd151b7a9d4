/** What an audit record shows of the arguments of a call: the fields that the tenant names, and of those what is short. */

import { readPointer, valueAt } from "../json/pointer.ts";
import type { JsonObject, JsonValue } from "../json/strict-json.ts";
import { MAX_KEPT_LENGTH } from "../limits.ts";
import type { Message } from "../mcp/message.ts";
import type { AuditPolicy } from "../tenant/schema/audit.ts";
import type { DecisionFacts, Kept } from "./record.ts";

/** Null where the message is no tool call, or has nothing that the tenant keeps. */
export function keptOf(message: Message, keep: AuditPolicy["keep"]): DecisionFacts["kept"] {
  const tool = message.kind === "request" ? message.tool : null;
  return tool && keptFields(tool.arguments, keep.get(tool.name) ?? []);
}

/**
 * The values at these places. An object or a list is not kept, nor is a text that is too long: cut, it would pass for another one.
 *
 * @param pointers JSON Pointers (RFC 6901), which are also the names of what is kept
 * @returns null where nothing is kept
 */
export function keptFields(args: JsonObject, pointers: readonly string[]): DecisionFacts["kept"] {
  const kept = pointers.flatMap((pointer): [string, Kept][] => {
    const steps = readPointer(pointer);
    const value = steps === null ? undefined : valueAt(args, steps);
    return isKept(value) ? [[pointer, value]] : [];
  });
  return kept.length === 0 ? null : Object.fromEntries(kept);
}

function isKept(value: JsonValue | undefined): value is Kept {
  if (typeof value === "string") return value.length <= MAX_KEPT_LENGTH;
  return value === null || typeof value === "number" || typeof value === "boolean";
}
