/** The section `ect` of a tenant document: execution context tokens. */

import * as v from "valibot";
import { MAX_ECT_AGE } from "../../limits.ts";
import { fields, integer, nonEmptyList } from "../fields.ts";

export const ect = v.pipe(
  fields({
    algorithms: v.optional(
      nonEmptyList(
        v.picklist(["ES256", "EdDSA"]),
        2,
        "Algorithms of ECTs. The ECT reference code takes ES256 alone.",
      ),
      ["ES256"],
    ),
    maxAgeSeconds: v.optional(integer(1, MAX_ECT_AGE, "Oldest iat of an ECT."), MAX_ECT_AGE),
  }),
  v.description("Execution context tokens."),
);

export interface EctPolicy {
  readonly algorithms: ReadonlySet<"ES256" | "EdDSA">;
  /** Oldest `iat`, in seconds. */
  readonly maxAge: number;
}

export const ectPolicy = ({ algorithms, maxAgeSeconds }: v.InferOutput<typeof ect>): EctPolicy => ({
  algorithms: new Set(algorithms),
  maxAge: maxAgeSeconds,
});
