import type { JsonValue } from "../../../json/strict-json.ts";

/**
 * A kind of constraint on the value of one argument. `L` is what the mandate says of it, once it is read. All
 * functions are pure. What `permits` costs is bounded by the size of the limit, once `memberCount` has counted the argument's
 * members; where it reads a text character by character, by `work` for each of `MAX_PATTERN_INPUT` characters.
 */
export interface ConstraintKind<L> {
  /** What the mandate says; null where that is malformed. */
  readonly read: (value: JsonValue) => { readonly limit: L } | null;
  readonly permits: (limit: L, value: JsonValue) => boolean;
  /** Whether all that the child permits the parent permits too. In doubt, false. */
  readonly narrows: (child: L, parent: L) => boolean;
  /** All the values that are permitted, for a kind that lists them: they can be held against any other kind. */
  readonly values?: (limit: L) => readonly JsonValue[];
  /** Most steps for each character of a text, for a kind that takes any; all of a mandate are bounded together. */
  readonly work?: (limit: L) => number;
}
