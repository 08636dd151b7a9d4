/** The constraints `minimum` and `maximum`: numbers alone, the bound itself included. Text of digits is no number. */

import type { JsonValue } from "../../../json/strict-json.ts";
import type { ConstraintKind } from "./kind.ts";

const read = (value: JsonValue) => (typeof value === "number" ? { limit: value } : null);

export const minimum: ConstraintKind<number> = {
  read,
  permits: (limit, value) => typeof value === "number" && value >= limit,
  narrows: (child, parent) => child >= parent,
};

export const maximum: ConstraintKind<number> = {
  read,
  permits: (limit, value) => typeof value === "number" && value <= limit,
  narrows: (child, parent) => child <= parent,
};
