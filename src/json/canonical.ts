import canonicalize from "canonicalize";
import type { JsonObject, JsonValue } from "./strict-json.ts";

/**
 * The canonical JSON text of a value (RFC 8785, JCS); encode it as UTF-8 to hash or sign it. The value must come from
 * the strict parser: others may hold what JSON has no text for, which throws here because it is a bug.
 */
export function canonical(value: JsonValue): string {
  const quick = isInOrder(value) ? JSON.stringify(value) : null;
  // So it escapes a lone surrogate, which has no canonical form: `canonicalize` is to tell that from a text with these three characters.
  if (quick !== null && !quick.includes("\\ud")) return quick;
  const text: unknown = canonicalize(value);
  if (typeof text !== "string") throw new TypeError("Not a JSON value");
  return text;
}

/**
 * Whether all names stand in the order of RFC 8785 already, and nothing else is there that JSON has no text for. Then
 * `JSON.stringify`, which writes scalars as the RFC does, writes the same, and several times as fast.
 */
function isInOrder(value: unknown): boolean {
  switch (typeof value) {
    case "string":
    case "boolean":
      return true;
    case "number":
      return Number.isFinite(value);
    case "object":
      break;
    default:
      return false;
  }
  if (value === null) return true;
  if (Array.isArray(value)) return value.every(isInOrder);
  const object = value as JsonObject;
  const names = Object.keys(object);
  return names.every((name, i) => (i === 0 || (names[i - 1] ?? "") < name) && isInOrder(object[name]));
}
