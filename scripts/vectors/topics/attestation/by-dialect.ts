/** What the two dialects do not have in common: numbers, references, the form of a projection. */

import { digestOf, hex } from "../../make/attestation.ts";
import { admitted, type CaseSource, denied } from "../../make/case.ts";
import { base64url, sha256, utf8 } from "../../make/tokens.ts";
import { ARGUMENTS_TEXT, against, attested, committing, policy } from "./calls.ts";

const RULE = "SEP-2787, verification rule 5";
const REFERENCE = "Countersign attestation, gap 13";
const NUMBERS = "Countersign attestation, gap 12";
const OTHER = '{"query":"waves"}';

export async function argumentsOfA(): Promise<readonly CaseSource[]> {
  const argsRef = {
    uri: "https://blobs.example/1",
    digest: base64url(await sha256(utf8(ARGUMENTS_TEXT))),
  };
  return [
    admitted(
      "float",
      "The arguments have a float, by value",
      NUMBERS,
      against("A", '{"n":15e-1}', { projection: "identity" }, { n: 1.5 }),
    ),
    denied(
      "float-integers",
      "attestation.args_number",
      "The same, where the tenant takes integers alone",
      NUMBERS,
      against("A", '{"n":1.5}', { projection: "identity" }, { n: 1.5 }),
      policy({ numbersA: "integer" }),
    ),
    denied(
      "float-token",
      "attestation.args_number",
      "1.0 for 1, where the tenant takes integers alone",
      NUMBERS,
      against("A", '{"n":1.0}', {}, { n: 1 }),
      policy({ numbersA: "integer" }),
    ),
    admitted(
      "float-canonical",
      "A float in canonical form, where the tenant takes those",
      NUMBERS,
      against("A", '{"n":1.5}', {}, { n: 1.5 }),
      policy({ numbersA: "canonical" }),
    ),
    denied(
      "float-not-canonical",
      "attestation.args_number",
      "A float in another form, where the tenant takes canonical ones",
      NUMBERS,
      against("A", '{"n":1.50}', {}, { n: 1.5 }),
      policy({ numbersA: "canonical" }),
    ),
    denied(
      "reference",
      "attestation.ref_resolver_off",
      "A reference, which is not resolved",
      REFERENCE,
      attested("A", { calls: committing({ argsRef }) }),
    ),
    denied(
      "reference-and-projection",
      "attestation.ref_resolver_off",
      "A reference beside a good projection: both would have to hold",
      REFERENCE,
      attested("A", { calls: (call) => [{ ...call, argsRef }] }),
    ),
    denied(
      "reference-and-wrong-projection",
      "attestation.redacted_not_allowed",
      "A reference beside a wrong projection",
      REFERENCE,
      attested("A", { calls: committing({ argsRef, argsProjection: "{}" }) }),
    ),
  ];
}

export async function argumentsOfB(): Promise<readonly CaseSource[]> {
  const digest = await digestOf(ARGUMENTS_TEXT);
  const wrongDigest = `sha256:${hex(await sha256(utf8(OTHER)))}`;
  const committed = { projection: ARGUMENTS_TEXT, projectionDigest: wrongDigest };
  return [
    denied(
      "projection-digest",
      "attestation.projection_digest_mismatch",
      "projectionDigest is that of another text",
      RULE,
      attested("B", { calls: committing({ args: committed }) }),
    ),
    denied(
      "projection-spaces",
      "attestation.projection_not_canonical",
      "The projection is not in canonical form",
      RULE,
      attested("B", { projectionText: '{ "query":"tides"}' }),
    ),
    denied(
      "projection-order",
      "attestation.projection_not_canonical",
      "The members of the projection are in another order",
      RULE,
      attested(
        "B",
        { projectionText: '{"query":"tides","limit":1}' },
        { arguments: { limit: 1, query: "tides" } },
      ),
    ),
    denied(
      "float",
      "attestation.args_number",
      "The arguments have a float: B commits to integers",
      NUMBERS,
      against("B", '{"n":1.5}', { projection: "identity" }, { n: 1.5 }),
    ),
    denied(
      "float-token",
      "attestation.args_number",
      "1.0 for 1: equal once parsed, and not as a token",
      NUMBERS,
      against("B", '{"n":1.0}', {}, { n: 1 }),
    ),
    denied(
      "float-exponent",
      "attestation.args_number",
      "1e0 for 1",
      NUMBERS,
      against("B", '{"n":1e0}', {}, { n: 1 }),
    ),
    admitted(
      "float-in-text",
      "A string that looks like a float",
      NUMBERS,
      against("B", '{"n":"1.0"}', {}, { n: "1.0" }),
    ),
    admitted(
      "float-taken",
      "A float, where the tenant takes it",
      NUMBERS,
      against("B", '{"n":1.5}', {}, { n: 1.5 }),
      policy({ unsafeNumbersB: "any" }),
    ),
    denied(
      "reference",
      "attestation.ref_resolver_off",
      "A reference, which is not resolved",
      REFERENCE,
      attested("B", { calls: committing({ args: { ref: "https://blobs.example/1", digest } }) }),
    ),
  ];
}
