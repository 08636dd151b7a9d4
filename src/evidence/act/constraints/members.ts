import type { JsonObject } from "../../../json/strict-json.ts";

const COUNTS = new WeakMap<JsonObject, number>();

/**
 * How many members an object of the strict parser has. It is counted once, however many constraints the object is held against: the
 * arguments of a call may have a hundred thousand members, a mandate some thousand values.
 */
export function memberCount(object: JsonObject): number {
  const known = COUNTS.get(object);
  if (known !== undefined) return known;
  const count = Object.keys(object).length;
  COUNTS.set(object, count);
  return count;
}
