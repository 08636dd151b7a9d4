/** HTTP message signatures in a tenant document: the section `signature`, and the `workload` of an agent. */

import * as v from "valibot";
import type { KeyAlgorithm } from "../../keys/key.ts";
import { MAX_TENANT_LIST } from "../../limits.ts";
import { fields, list, must, nonEmptyList } from "../fields.ts";
import { trustDomainOf } from "../workload-identifier.ts";
import { keyRole } from "./keys.ts";

export const signature = v.pipe(
  fields({
    algorithms: v.optional(
      nonEmptyList(
        v.picklist(["ES256", "ES384", "EdDSA", "PS512"]),
        4,
        "What the keys of agents may be for: ecdsa-p256-sha256, ecdsa-p384-sha384, ed25519 and rsa-pss-sha512 of RFC 9421, by their JOSE names.",
      ),
      ["ES256", "ES384", "EdDSA", "PS512"],
    ),
    unsafeAlgorithms: v.optional(
      list(
        v.picklist(["RS256", "HS256"]),
        2,
        "Takes rsa-v1_5-sha256 (RS256), whose padding is from before it could be proven safe, and hmac-sha256 (HS256), with which whoever verifies can also sign. HS256 keys are JWKs with kty oct, k and kid.",
      ),
      [],
    ),
  }),
  v.description("HTTP message signatures of agents."),
);

export interface SignaturePolicy {
  /** What agents may sign messages with. */
  readonly algorithms: ReadonlySet<KeyAlgorithm | "HS256">;
  /** Those of them that have public keys. */
  readonly publicAlgorithms: readonly KeyAlgorithm[];
}

export const signaturePolicy = ({
  algorithms,
  unsafeAlgorithms,
}: v.InferOutput<typeof signature>): SignaturePolicy => {
  const all = new Set([...algorithms, ...unsafeAlgorithms]);
  return { algorithms: all, publicAlgorithms: [...all].filter((alg) => alg !== "HS256") };
};

const subjectProblem = (text: string): string | null =>
  trustDomainOf(text) === null ? "must be a workload identifier, such as wimse://example.org/agent" : null;

export const workload = v.pipe(
  fields({
    subjects: nonEmptyList(
      v.pipe(v.string(), must(subjectProblem), v.description("The sub of its WIT, byte for byte.")),
      MAX_TENANT_LIST,
      "Its workload identifiers.",
    ),
    revision: v.optional(
      v.pipe(
        v.picklist(["wimse-07", "wimse-06"]),
        v.description("The revision of draft-ietf-wimse-http-signature that it signs by."),
      ),
      "wimse-07",
    ),
    lane: keyRole.lane,
  }),
  v.description(
    "For an agent that has a workload identity token (WIT) in place of registered keys: it signs HTTP messages and ECTs with the key in its token.",
  ),
);

/** The profiles of WIMSE, which differ in what they cover. */
export type WimseProfile = "wimse-06" | "wimse-07";

/** How a workload proves that it is an agent. */
export interface Workload {
  /** The `sub` of its WIT. */
  readonly subjects: ReadonlySet<string>;
  readonly profile: WimseProfile;
  readonly lane: number;
}
