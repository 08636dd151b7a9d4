/**
 * Strict JSON: a text that all parsers read alike, or a fault. What is judged here is read again by the origin, whose
 * parser may keep the other one of two equal names, or other digits of a large integer.
 */

import { fail, ok, type Result } from "../result.ts";
import { type NumberPolicy, type ScanFault, scanJson } from "./json-scanner.ts";

export type { NumberPolicy } from "./json-scanner.ts";

export type JsonValue = null | boolean | number | string | readonly JsonValue[] | JsonObject;

/** `__proto__`, `toString` and the like are ordinary names: use `Object.hasOwn` before reading a name a caller chose. */
export interface JsonObject {
  readonly [name: string]: JsonValue;
}

/** Why a text is refused. For a request body the reason code is `message.` and this. */
export type JsonFault = "empty" | "duplicate_key" | ScanFault;

export const isObject = (value: JsonValue | undefined): value is JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/**
 * Parses one JSON text (RFC 8259). Beyond the grammar it refuses repeated names in one object, numbers that parsers
 * read differently (-0, overflow, underflow, integers beyond ±(2^53 - 1), digits lost beyond them), lone surrogates, and more nesting or values than
 * `limits.ts` allows. Names are compared after decoding escapes. A byte order mark is `not_json`.
 */
export function parseStrictJson(text: string, numbers: NumberPolicy = "any"): Result<JsonValue, JsonFault> {
  if (text === "") return fail("empty");
  const scan = scanJson(text, numbers);
  if (!scan.ok) return scan;
  const value: JsonValue = JSON.parse(text);
  // JSON.parse keeps one member of each name, so the value has fewer members than the text if, and only if, an object
  // repeats a name. Counting leaves decoding to JSON.parse: no second decoder of names could disagree with it.
  return countMembers(value) === scan.value.members ? ok(value) : fail("duplicate_key");
}

/** How many members all objects in a value have together. */
function countMembers(root: JsonValue): number {
  let members = 0;
  const pending = [root];
  for (let value = pending.pop(); value !== undefined; value = pending.pop()) {
    if (typeof value !== "object" || value === null) continue;
    const children: readonly JsonValue[] = Array.isArray(value) ? value : Object.values(value);
    if (children !== value) members += children.length;
    for (const child of children) if (typeof child === "object" && child !== null) pending.push(child);
  }
  return members;
}
