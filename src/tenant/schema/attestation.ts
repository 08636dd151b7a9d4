/** The sections `attestation` and `attestationKeys` of a tenant document: tool call attestations (SEP-2787). */

import * as v from "valibot";
import { MAX_ATTESTATION_TTL } from "../../limits.ts";
import { fields, identifier, integer, list, nonEmptyList } from "../fields.ts";
import { jwk } from "./identities.ts";

export const attestation = v.pipe(
  fields({
    dialects: v.optional(nonEmptyList(v.picklist(["A", "B"]), 2, "SEP-2787 dialects that are taken."), [
      "A",
      "B",
    ]),
    metaKeys: v.optional(
      list(identifier("Member of params._meta."), 8, "Members of params._meta that may carry an envelope."),
      ["attestation"],
    ),
    maxExpSeconds: v.optional(integer(1, MAX_ATTESTATION_TTL, "Longest expSeconds."), MAX_ATTESTATION_TTL),
  }),
  v.description("Tool call attestations (SEP-2787)."),
);

const attestationKeyName = {
  iss: identifier("The iss of envelopes made with this key."),
  secretVersion: identifier("The secretVersion of envelopes made with this key."),
};

export const attestationKey = v.variant("alg", [
  fields({
    ...attestationKeyName,
    alg: v.literal("HS256"),
    secret: v.pipe(
      v.string(),
      v.maxLength(1024, "must have at most 1024 characters"),
      v.description("Shared secret in base64url without padding. Whoever verifies with it can also forge."),
    ),
  }),
  fields({ ...attestationKeyName, alg: v.literal("ES256"), jwk: jwk("Public JWK: P-256.") }),
  fields({ ...attestationKeyName, alg: v.literal("RS256"), jwk: jwk("Public JWK: RSA, 2048 bits or more.") }),
]);

export type AttestationDialect = "A" | "B";

export interface AttestationPolicy {
  readonly dialects: ReadonlySet<AttestationDialect>;
  /** Members of `params._meta` that may carry an envelope. */
  readonly metaKeys: readonly string[];
  /** Longest `expSeconds`. */
  readonly maxTtl: number;
}

export const attestationPolicy = ({
  dialects,
  metaKeys,
  maxExpSeconds,
}: v.InferOutput<typeof attestation>): AttestationPolicy => ({
  dialects: new Set(dialects),
  metaKeys,
  maxTtl: maxExpSeconds,
});
