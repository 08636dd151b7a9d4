import { MAX_JSON_VALUES } from "../limits.ts";
import { hasAtMost } from "./spans.ts";
import type { JsonValue } from "./strict-json.ts";

/**
 * Reads a text as most parsers do: of members with one name the last counts. For what others wrote to others, where `spans.ts` then
 * shows what stands there twice.
 *
 * @returns undefined where it is no JSON, and for more values than are read: as a tree they would take many times the text's room
 */
export function parsePlainJson(text: string): JsonValue | undefined {
  if (!hasAtMost(text, MAX_JSON_VALUES)) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
