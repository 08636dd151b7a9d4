import { digestOf } from "../../make/attestation.ts";
import { admitted, type CaseSource, denied } from "../../make/case.ts";
import { ARGUMENTS_TEXT, against, attested, type Dialect } from "./calls.ts";

const RULE = "SEP-2787, verification rule 5";
const REDACTED = "Countersign attestation, gap 1";
const HASH_ONLY = "Countersign attestation, gap 2";
const STRICT = "Countersign attestation, gap 11";

const OTHER = '{"query":"waves"}';

/** Projections that are no strict JSON; each is signed. */
const NOT_STRICT: readonly (readonly [id: string, title: string, text: string])[] = [
  ["empty", "The projection is empty", ""],
  ["truncated", "The projection ends too early", "{"],
  ["trailing", "Something follows the projection", `${ARGUMENTS_TEXT}{}`],
  ["duplicate", "The projection has a member twice", '{"query":"waves","query":"tides"}'],
  ["duplicate-escaped", "The same, once with an escape", '{"\\u0071uery":"waves","query":"tides"}'],
  ["duplicate-nested", "A member of a member is there twice", '{"a":{"b":1,"b":1}}'],
  ["duplicate-proto", "__proto__ is there twice", '{"__proto__":1,"__proto__":1}'],
  ["large-integer", "The projection has a number beyond 2^53 - 1", '{"query":9007199254740993}'],
  ["minus-zero", "The projection has -0", '{"query":-0}'],
  ["overflow", "The projection has 1e400", '{"query":1e400}'],
  ["surrogate", "The projection has a lone surrogate", '{"query":"\\ud800"}'],
  ["bom", "The projection has a byte order mark", `\ufeff${ARGUMENTS_TEXT}`],
  ["deep", "The projection is nested deeper than 64 levels", `{"query":${"[".repeat(65)}${"]".repeat(65)}}`],
];

export async function argumentCases(dialect: Dialect): Promise<readonly CaseSource[]> {
  const digest = await digestOf(ARGUMENTS_TEXT);
  const looksLike = { digest };
  const wrong = `{"digest":"sha256:${"0".repeat(64)}"}`;
  return [
    denied(
      "hash-only-differs",
      "attestation.hash_only_mismatch",
      "The digest is that of other arguments",
      HASH_ONLY,
      against(dialect, OTHER),
    ),
    denied(
      "identity-differs",
      "attestation.redacted_not_allowed",
      "The projection is other arguments",
      REDACTED,
      against(dialect, OTHER, { projection: "identity" }),
    ),
    denied(
      "argument-added",
      "attestation.redacted_not_allowed",
      "The call has an argument more",
      REDACTED,
      against(dialect, '{"query":"tides","all":true}', { projection: "identity" }),
    ),
    denied(
      "argument-added-proto",
      "attestation.redacted_not_allowed",
      "The call has an argument __proto__ more",
      REDACTED,
      against(dialect, '{"query":"tides","__proto__":{}}', { projection: "identity" }),
    ),
    denied(
      "digest-upper-case",
      "attestation.redacted_not_allowed",
      "A digest in upper case is none",
      HASH_ONLY,
      attested(dialect, { projectionText: `{"digest":"${digest.toUpperCase()}"}` }),
    ),
    denied(
      "digest-and-more",
      "attestation.redacted_not_allowed",
      "A digest with a member beside it is none",
      HASH_ONLY,
      attested(dialect, { projectionText: `{"digest":"${digest}","note":1}` }),
    ),
    admitted(
      "like-a-digest",
      "The arguments look like a digest, and are the projection",
      HASH_ONLY,
      attested(dialect, { projection: "identity" }, { arguments: looksLike }),
    ),
    admitted(
      "like-a-digest-hashed",
      "The arguments look like a digest, and the projection is theirs",
      HASH_ONLY,
      attested(dialect, {}, { arguments: looksLike }),
    ),
    denied(
      "like-a-digest-wrong",
      "attestation.hash_only_mismatch",
      "The arguments look like a digest, and the projection is another",
      HASH_ONLY,
      attested(dialect, { projectionText: wrong }, { arguments: looksLike }),
    ),
    admitted("empty", "The arguments are {}", RULE, against(dialect, "{}", {}, {})),
    denied(
      "absent-is-empty",
      "attestation.hash_only_mismatch",
      "No arguments are {}, and nothing else",
      RULE,
      against(dialect, null),
    ),
    denied(
      "null",
      "message.params",
      "The arguments are null",
      RULE,
      against(dialect, "null", { projectionText: "null" }),
    ),
    denied(
      "array",
      "message.params",
      "The arguments are an array",
      RULE,
      against(dialect, "[]", { projectionText: "[]" }),
    ),
    ...NOT_STRICT.map(([id, title, projectionText]) =>
      denied(
        `projection-${id}`,
        "attestation.projection_not_json",
        title,
        STRICT,
        attested(dialect, { projectionText }),
      ),
    ),
  ];
}
