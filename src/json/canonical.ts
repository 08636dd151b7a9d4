import canonicalize from "canonicalize";
import type { JsonValue } from "./strict-json.ts";

/**
 * The canonical JSON text of a value (RFC 8785, JCS); encode it as UTF-8 to hash or sign it. The value must come from
 * the strict parser: others may hold what JSON has no text for, which throws here because it is a bug.
 */
export function canonical(value: JsonValue): string {
  const text: unknown = canonicalize(value);
  if (typeof text !== "string") throw new TypeError("Not a JSON value");
  return text;
}
