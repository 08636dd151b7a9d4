/** What a tenant document says of the results of a tool: what is cut out of them before the caller sees them. */

import * as v from "valibot";
import { MAX_REDACTED_BYTES, MAX_TENANT_LIST } from "../../limits.ts";
import { fields, integer, list, text } from "../fields.ts";

export const redaction = v.pipe(
  fields({
    fields: v.optional(
      list(
        text(/^[^\0]{1,128}$/, "must have 1 to 128 characters", "Name of a member, wherever it is."),
        MAX_TENANT_LIST,
        "Members whose values are cut out.",
      ),
      [],
    ),
    maxBytes: v.optional(
      integer(1, MAX_REDACTED_BYTES, "Largest answer of the origin's."),
      MAX_REDACTED_BYTES,
    ),
  }),
  v.description("Results are passed on only as one JSON document, without what is named here."),
);

export interface Redaction {
  readonly fields: ReadonlySet<string>;
  readonly maxBytes: number;
}

export const redactionPolicy = ({ fields, maxBytes }: v.InferOutput<typeof redaction>): Redaction => ({
  fields: new Set(fields),
  maxBytes,
});
