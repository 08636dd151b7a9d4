/** The constraints `equals` and `in`: one value, or one of several. */

import { isObject, type JsonValue } from "../../../json/strict-json.ts";
import type { ConstraintKind } from "./kind.ts";
import { memberCount } from "./members.ts";

export const equals: ConstraintKind<JsonValue> = {
  read: (value) => ({ limit: value }),
  permits: (limit, value) => isEqual(limit, value),
  narrows: (child, parent) => isEqual(child, parent),
  values: (limit) => [limit],
};

export const isIn: ConstraintKind<readonly JsonValue[]> = {
  read: (value) =>
    Array.isArray(value) && value.length > 0 ? { limit: value as readonly JsonValue[] } : null,
  permits: (limit, value) => limit.some((one) => isEqual(one, value)),
  narrows: (child, parent) => child.every((one) => parent.some((other) => isEqual(one, other))),
  values: (limit) => limit,
};

/**
 * Whether two values of the strict parser have the same canonical text (RFC 8785). They are compared member by member and
 * not as texts, so that the cost is that of the one in the mandate, beside counting the other's members once.
 */
function isEqual(a: JsonValue, b: JsonValue): boolean {
  if (isObject(a) && isObject(b)) {
    if (memberCount(a) !== memberCount(b)) return false;
    return Object.keys(a).every(
      (name) => Object.hasOwn(b, name) && isEqual(a[name] as JsonValue, b[name] as JsonValue),
    );
  }
  if (Array.isArray(a) && Array.isArray(b)) {
    return a.length === b.length && a.every((item: JsonValue, i) => isEqual(item, b[i] as JsonValue));
  }
  return a === b;
}
