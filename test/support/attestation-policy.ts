import * as v from "valibot";
import { attestation, attestationPolicy } from "../../src/tenant/schema/attestation.ts";
import type { AttestationPolicy } from "../../src/tenant/tenant.ts";

/** What a tenant document says of attestations, in the form the gate works with. */
export const policyOf = (section: v.InferInput<typeof attestation> = {}): AttestationPolicy =>
  attestationPolicy(v.parse(attestation, section));
