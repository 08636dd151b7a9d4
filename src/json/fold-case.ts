import type { JsonObject } from "./strict-json.ts";

/**
 * By way of capitals, so that U+017F (long s), which Go's parser takes for s, becomes s. Up to a NUL, where a parser
 * in C may end the name.
 */
export const foldCase = (key: string): string => (key.split("\0")[0] ?? "").toUpperCase().toLowerCase();

/** Whether an object has a member that is none of these, and would be one to a parser that ignores case. */
export function hasCaseVariant(object: JsonObject, names: readonly string[]): boolean {
  const exact = new Set(names);
  const folded = new Set(names.map(foldCase));
  return Object.keys(object).some((key) => !exact.has(key) && folded.has(foldCase(key)));
}
