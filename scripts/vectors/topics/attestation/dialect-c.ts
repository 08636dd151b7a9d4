/** Dialect C: the members of A, signed with an empty `signature` member among them. */

import { jcs } from "../../make/attestation.ts";
import { admitted, type CaseSource, type Draft, denied } from "../../make/case.ts";
import type { Bytes } from "../../make/keys.ts";
import { utf8 } from "../../make/tokens.ts";
import { against, attested, type Dialect } from "./calls.ts";

const RULE = "Countersign attestation, dialects";

const C = {
  input: (input: Bytes) => {
    const signed = JSON.parse(Buffer.from(input).toString()) as object;
    return utf8(jcs({ ...signed, signature: "" }));
  },
};

const flagged = {
  change: (document: Draft) => {
    const key = document.attestationKeys?.[0];
    if (key?.alg === "HS256") key.unsafeDialectC = true;
  },
};

const asC = (dialect: Dialect, changes: object = {}) => attested(dialect, { ...C, ...changes });

export const dialectC = (): readonly CaseSource[] => [
  denied(
    "off",
    "attestation.signature_mismatch",
    "Dialect C, where nobody said that it is taken",
    RULE,
    asC("A"),
  ),
  admitted("on", "Dialect C, with a key that is marked for it", RULE, asC("A"), flagged),
  admitted(
    "identity",
    "Dialect C with the arguments themselves",
    RULE,
    asC("A", { projection: "identity" }),
    flagged,
  ),
  admitted("still-a", "Dialect A with the same key", RULE, attested("A"), flagged),
  admitted("still-b", "Dialect B with the same key", RULE, attested("B"), flagged),
  denied("b", "attestation.signature_mismatch", "The members of B, signed like C", RULE, asC("B"), flagged),
  denied(
    "es256",
    "attestation.signature_mismatch",
    "ES256, signed like C",
    RULE,
    asC("A", { by: "planner-es256" }),
    flagged,
  ),
  denied(
    "bit",
    "attestation.signature_mismatch",
    "A bit of the signature is changed",
    RULE,
    asC("A", {
      signature: (hex: string) => hex.slice(0, -1) + (Number.parseInt(hex.slice(-1), 16) ^ 1).toString(16),
    }),
    flagged,
  ),
  denied(
    "other-mark",
    "attestation.signature_mismatch",
    "Signed with a signature member that is not empty",
    RULE,
    asC("A", {
      input: (input: Bytes) =>
        utf8(Buffer.from(C.input(input)).toString().replace('"signature":""', '"signature":"0"')),
    }),
    flagged,
  ),
  denied(
    "alg",
    "attestation.alg_not_pinned",
    "alg is ES256, under the secretVersion of the HS256 key",
    RULE,
    asC("A", { issuer: { alg: "ES256" } }),
    flagged,
  ),
  denied(
    "arguments",
    "attestation.hash_only_mismatch",
    "Other arguments",
    RULE,
    against("A", '{"query":"waves"}', C),
    flagged,
  ),
  denied("not-taken", "attestation.dialect_not_allowed", "The tenant takes dialect B alone", RULE, asC("A"), {
    change: (document) => {
      flagged.change(document);
      document.attestation = { dialects: ["B"] };
    },
  }),
];
