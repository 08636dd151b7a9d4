/** The section `act` of a tenant document: mandates, delegation, records. */

import * as v from "valibot";
import { MAX_DELEGATION_DEPTH, MAX_RECORD_STATUSES } from "../../limits.ts";
import { fields, flag, identifier, integer, nonEmptyList } from "../fields.ts";

export const act = v.pipe(
  fields({
    delegation: v.optional(
      v.pipe(
        fields({
          maxDepth: integer(
            1,
            MAX_DELEGATION_DEPTH,
            "Most delegations from an issuer's mandate to the one that is presented.",
          ),
        }),
        v.description(
          "Takes mandates that an agent derived from its own and signed with its own key. Absent: any mandate with del is refused.",
        ),
      ),
    ),
    recordStatuses: v.optional(
      nonEmptyList(
        identifier("A status."),
        MAX_RECORD_STATUSES,
        "The status of execution records that are taken.",
      ),
      ["completed"],
    ),
    unsafeUncappedSession: flag(
      "Takes initialize, ping and notifications without a matching cap: any mandate for this tenant opens a session.",
    ),
  }),
  v.description("ACT mandates and execution records."),
);

export interface ActPolicy {
  /** 0 where no delegated mandate is taken. */
  readonly maxDelegationDepth: number;
  readonly recordStatuses: ReadonlySet<string>;
  /** Whether `initialize`, `ping` and notifications need no entry of `cap`. */
  readonly unsafeUncappedSession: boolean;
}

export const actPolicy = ({
  delegation,
  recordStatuses,
  unsafeUncappedSession,
}: v.InferOutput<typeof act>): ActPolicy => ({
  maxDelegationDepth: delegation?.maxDepth ?? 0,
  recordStatuses: new Set(recordStatuses),
  unsafeUncappedSession,
});
