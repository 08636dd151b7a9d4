/**
 * Strict JSON: a text that all parsers read alike, or a fault. What is judged here is read again by the origin, whose
 * parser may keep the other one of two equal names, or other digits of a large integer.
 */

import { fail, ok, type Result } from "../result.ts";
import { JsonScanner, type ScanFault } from "./json-scanner.ts";
import type { NumberPolicy } from "./scalars.ts";
import { hasLoneSurrogate } from "./surrogates.ts";

export type { NumberPolicy } from "./scalars.ts";

export type JsonValue = null | boolean | number | string | readonly JsonValue[] | JsonObject;

/** `__proto__`, `toString` and the like are ordinary names: use `Object.hasOwn` before reading a name a caller chose. */
export interface JsonObject {
  readonly [name: string]: JsonValue;
}

/** Why a text is refused. For a request body the reason code is `message.` and this. */
export type JsonFault = "empty" | "duplicate_key" | "lone_surrogate" | ScanFault;

export const isObject = (value: JsonValue | undefined): value is JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/**
 * Reads one JSON text (RFC 8259). Beyond the grammar it refuses repeated names in one object, numbers that parsers
 * read differently (-0, overflow, underflow, integers beyond ±(2^53 - 1), digits lost beyond them), lone surrogates,
 * and more nesting or values than `limits.ts` allows. Names are compared after decoding escapes. A byte order mark is
 * `not_json`.
 */
export function parseStrictJson(text: string, numbers: NumberPolicy = "any"): Result<JsonValue, JsonFault> {
  const reader = new StrictJsonReader(numbers);
  const fault = reader.push(text);
  return fault === null ? reader.end() : fail(fault);
}

/**
 * The same for a text that comes in pieces, cut anywhere. Most faults show in the piece that has them; repeated names
 * and what is wrong within strings only in the end.
 */
export class StrictJsonReader {
  readonly #scanner: JsonScanner;
  #text = "";

  constructor(numbers: NumberPolicy = "any") {
    this.#scanner = new JsonScanner(numbers);
  }

  /** What has come so far. */
  get text(): string {
    return this.#text;
  }

  /** Reads on. After a fault nothing more can be asked. */
  push(piece: string): JsonFault | null {
    this.#text += piece;
    return this.#scanner.push(piece);
  }

  end(): Result<JsonValue, JsonFault> {
    if (this.#text === "") return fail("empty");
    const fault = this.#scanner.end();
    if (fault !== null) return fail(fault);
    const value = parse(this.#text);
    if (value === undefined) return fail("not_json");
    if (hasLoneSurrogate(this.#text)) return fail("lone_surrogate");
    // JSON.parse keeps one member of each name, so the value has fewer members than the text if, and only if, an
    // object repeats a name. Counting leaves decoding to JSON.parse: no second decoder of names could disagree with it.
    const kept = isContainer(value) ? countMembers(value) : 0;
    return kept === this.#scanner.members ? ok(value) : fail("duplicate_key");
  }
}

/** JSON.parse has the last word on the grammar: the scanner does not look into strings. */
function parse(text: string): JsonValue | undefined {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

type JsonContainer = readonly JsonValue[] | JsonObject;

/** How many members all objects in a container have together. Recursion is safe: the scanner has bounded the nesting. */
function countMembers(container: JsonContainer): number {
  let members = 0;
  if (isArray(container)) {
    // With at(), because container[i] would make V8 turn an array of plain numbers into one of objects.
    for (let i = 0; i < container.length; i++) {
      const child = container.at(i);
      if (isContainer(child)) members += countMembers(child);
    }
    return members;
  }
  for (const name in container) {
    members += 1;
    const child = container[name];
    if (isContainer(child)) members += countMembers(child);
  }
  return members;
}

const isContainer = (value: JsonValue | undefined): value is JsonContainer =>
  typeof value === "object" && value !== null;

const isArray = (container: JsonContainer): container is readonly JsonValue[] => Array.isArray(container);
