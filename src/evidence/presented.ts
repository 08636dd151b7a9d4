import type { Reason } from "../reasons.ts";

/**
 * One kind of evidence as found in the request, before anything is verified.
 * Malformed is never absent: a caller who sends a broken token is refused, not treated as one who sent none.
 */
export type Presented<T> =
  | { state: "absent" }
  | { state: "malformed"; reason: Reason }
  | { state: "present"; value: T };

export const absent = { state: "absent" } as const;

export const malformed = (reason: Reason): { state: "malformed"; reason: Reason } => ({
  state: "malformed",
  reason,
});

export const present = <T>(value: T): { state: "present"; value: T } => ({ state: "present", value });
