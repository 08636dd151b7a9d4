import type { ConstraintKind } from "./kind.ts";

/**
 * The constraint `prefix`: text that begins with this text. Text is compared, no path or URL: `a/../b` begins with `a/`.
 * Where the tool resolves such text, a `pattern` that leaves out what it resolves is needed.
 */
export const prefix: ConstraintKind<string> = {
  read: (value) => (typeof value === "string" ? { limit: value } : null),
  permits: (limit, value) => typeof value === "string" && value.startsWith(limit),
  narrows: (child, parent) => child.startsWith(parent),
};
