/** What a tenant document says of the results of a tool: what is cut out of them before the caller sees them. */

import * as v from "valibot";
import { foldCase } from "../../json/fold-case.ts";
import { MAX_REDACTED_BYTES, MAX_TENANT_LIST, MIN_TRUNCATED_TEXT } from "../../limits.ts";
import { ALL_SECRET_FORMS, type SecretForm } from "../../redaction/secrets.ts";
import { fields, integer, list, text } from "../fields.ts";

const truncate = v.pipe(
  fields({
    maxText: v.optional(
      integer(MIN_TRUNCATED_TEXT, MAX_REDACTED_BYTES, "Characters of one text; the rest is cut off."),
    ),
    maxItems: v.optional(integer(1, MAX_REDACTED_BYTES, "Elements of one list; the rest is cut off.")),
  }),
  v.description("What is cut off results that are long."),
);

export const redaction = v.pipe(
  fields({
    secrets: v.optional(
      v.pipe(
        v.union(
          [v.literal("all"), v.array(v.picklist(ALL_SECRET_FORMS))],
          "must be all, or a list of forms of secrets",
        ),
        v.description("Forms of secrets that are cut out of texts, wherever they are."),
      ),
      "all",
    ),
    fields: v.optional(
      list(
        text(/^[^\0]{1,128}$/, "must have 1 to 128 characters", "Name of a member, in any case."),
        MAX_TENANT_LIST,
        "Members whose values are cut out, wherever they are.",
      ),
      [],
    ),
    truncate: v.optional(truncate, {}),
    maxBytes: v.optional(
      integer(1, MAX_REDACTED_BYTES, "Largest answer of the origin's that is passed on."),
      MAX_REDACTED_BYTES,
    ),
  }),
  v.description("Results are passed on only as one JSON document, without what is named here."),
);

export interface Redaction {
  readonly secrets: ReadonlySet<SecretForm>;
  /** Names of members, case folded. */
  readonly fields: ReadonlySet<string>;
  /** Characters of one text, elements of one list; Infinity where nothing is cut off. */
  readonly maxText: number;
  readonly maxItems: number;
  /** Of the origin's answer. */
  readonly maxBytes: number;
}

export const redactionPolicy = ({
  secrets,
  fields,
  truncate,
  maxBytes,
}: v.InferOutput<typeof redaction>): Redaction => ({
  secrets: new Set(secrets === "all" ? ALL_SECRET_FORMS : secrets),
  fields: new Set(fields.map(foldCase)),
  maxText: truncate.maxText ?? Number.POSITIVE_INFINITY,
  maxItems: truncate.maxItems ?? Number.POSITIVE_INFINITY,
  maxBytes,
});

/** What all of them together cut out; null where there are none. */
export function strictestOf(redactions: readonly Redaction[]): Redaction | null {
  if (redactions.length === 0) return null;
  return {
    secrets: new Set(redactions.flatMap(({ secrets }) => [...secrets])),
    fields: new Set(redactions.flatMap(({ fields }) => [...fields])),
    maxText: Math.min(...redactions.map(({ maxText }) => maxText)),
    maxItems: Math.min(...redactions.map(({ maxItems }) => maxItems)),
    maxBytes: Math.min(...redactions.map(({ maxBytes }) => maxBytes)),
  };
}
