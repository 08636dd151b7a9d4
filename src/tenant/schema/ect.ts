/** The section `ect` of a tenant document: execution context tokens. */

import * as v from "valibot";
import { TOKEN_ALGORITHMS, type TokenAlgorithm } from "../../keys/key.ts";
import { MAX_ECT_AGE } from "../../limits.ts";
import { fields, flag, integer, nonEmptyList } from "../fields.ts";

export const ect = v.pipe(
  fields({
    algorithms: v.optional(
      nonEmptyList(
        v.picklist(TOKEN_ALGORITHMS),
        2,
        "Algorithms of ECTs. The ECT reference code takes ES256 alone.",
      ),
      ["ES256"],
    ),
    level: v.optional(
      v.pipe(
        v.picklist([2, 3]),
        v.description(
          "The level ECTs are taken at: signed (2), or signed and with nothing but known steps of level 3 before it (3).",
        ),
      ),
      2,
    ),
    unsafeUnsigned: flag(
      "Also takes unsigned ECTs (level 1) that the agent's HTTP signature covers. Nobody can verify them later.",
    ),
    deniedParents: v.optional(
      v.pipe(
        v.boolean(),
        v.description("Whether pred may name a step that was denied: false breaks clients that do."),
      ),
      true,
    ),
    maxAgeSeconds: v.optional(integer(1, MAX_ECT_AGE, "Oldest iat of an ECT."), MAX_ECT_AGE),
  }),
  v.description("Execution context tokens."),
);

/** Level of an ECT (draft-nennemann-wimse-ect): 1 unsigned, 2 signed, 3 signed and kept in a ledger with all before it. */
export type EctLevel = 1 | 2 | 3;

export interface EctPolicy {
  /** The level that signed ECTs are taken at. */
  readonly level: 2 | 3;
  /** Whether level 1 is taken too, where the caller's HTTP signature covers it. */
  readonly unsafeUnsigned: boolean;
  /** Whether a step that was denied may be a parent. */
  readonly deniedParents: boolean;
  readonly algorithms: ReadonlySet<TokenAlgorithm>;
  /** Oldest `iat`, in seconds. */
  readonly maxAge: number;
}

export const ectPolicy = ({ algorithms, maxAgeSeconds, ...rest }: v.InferOutput<typeof ect>): EctPolicy => ({
  ...rest,
  algorithms: new Set(algorithms),
  maxAge: maxAgeSeconds,
});
