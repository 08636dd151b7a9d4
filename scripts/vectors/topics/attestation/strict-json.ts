import { jcs } from "../../make/attestation.ts";
import { admitted, type CaseSource, denied } from "../../make/case.ts";
import { base64url, utf8 } from "../../make/tokens.ts";
import { ARGUMENTS_TEXT, attested, bodyWith, type Dialect, policy, respelledInMeta } from "./calls.ts";

const STRICT = "Countersign attestation, gap 11";
const HEADER = "SEP-2787, HTTP transport";

/** Texts of an envelope that is good but for one thing that parsers read differently. */
const NOT_STRICT: readonly (readonly [id: string, title: string, change: (text: string) => string])[] = [
  [
    "duplicate",
    "iss is there twice",
    (text) => text.replace('"iss":', '"iss":"https://other.example","iss":'),
  ],
  [
    "duplicate-equal",
    "sub is there twice, with the same value",
    (text) => text.replace('"sub":', '"sub":"agent:ada","sub":'),
  ],
  [
    "duplicate-escaped",
    "iss is there twice, once with an escape",
    (text) => text.replace('"iss":', '"\\u0069ss":"https://other.example","iss":'),
  ],
  [
    "duplicate-top",
    "plannerDeclared is there twice",
    (text) => text.replace("{", '{"plannerDeclared":{"intent":"x"},'),
  ],
  [
    "duplicate-proto",
    "__proto__ is there twice",
    (text) => text.replace('"intent":', '"__proto__":1,"__proto__":1,"intent":'),
  ],
  [
    "large-integer",
    "A number beyond 2^53 - 1",
    (text) => text.replace('"intent":', '"n":9007199254740993,"intent":'),
  ],
  ["minus-zero", "The number -0", (text) => text.replace('"intent":', '"n":-0,"intent":')],
  ["minus-zero-float", "The number -0.0", (text) => text.replace('"intent":', '"n":-0.0,"intent":')],
  ["overflow", "The number 1e400", (text) => text.replace('"intent":', '"n":1e400,"intent":')],
  ["surrogate", "A lone surrogate", (text) => text.replace('"intent":"', '"intent":"\\ud800')],
  ["trailing", "Something follows the envelope", (text) => `${text}{}`],
  ["bom", "A byte order mark", (text) => `\ufeff${text}`],
  [
    "deep",
    "Nested deeper than 64 levels",
    (text) => text.replace('"intent":', `"n":${"[".repeat(65)}${"]".repeat(65)},"intent":`),
  ],
];

export const strictJson = (dialect: Dialect): readonly CaseSource[] => [
  ...NOT_STRICT.map(([id, title, text]) =>
    denied(
      `json-${id}`,
      "attestation.not_strict_json",
      `The envelope in the header: ${title}`,
      STRICT,
      attested(dialect, { text }),
    ),
  ),
  denied(
    "json-not-utf8",
    "attestation.carrier_undecodable",
    "The header decodes to octets that are no UTF-8",
    STRICT,
    attested(dialect, {
      text: (text) => Uint8Array.from([...utf8(text.slice(0, -2)), 0xff, ...utf8(text.slice(-2))]),
    }),
  ),
  denied(
    "json-duplicate-in-meta",
    "message.duplicate_key",
    "The envelope in _meta: iss is there twice",
    STRICT,
    respelledInMeta(dialect, (text) => text.replace('"iss":', '"iss":"https://other.example","iss":')),
  ),
  denied(
    "json-large-in-meta",
    "message.number",
    "The envelope in _meta: a number beyond 2^53 - 1",
    STRICT,
    respelledInMeta(dialect, (text) => text.replace('"intent":', '"n":9007199254740993,"intent":')),
  ),
  denied(
    "header-not-canonical",
    "attestation.carrier_not_canonical",
    "The envelope in the header is not in canonical form",
    HEADER,
    attested(dialect, { text: reordered }),
  ),
  admitted(
    "header-not-canonical-taken",
    "The same, where the tenant takes it",
    HEADER,
    attested(dialect, { text: reordered }),
    policy({ unsafeNonCanonicalHeader: true }),
  ),
  admitted(
    "meta-not-canonical",
    "The envelope in _meta in any spelling",
    "SEP-2787, STDIO and SSE transport",
    respelledInMeta(dialect, reordered),
  ),
];

/** The members of a text the other way round, with spaces. */
function reordered(text: string): string {
  const members = Object.entries(JSON.parse(text) as object).reverse();
  const other = JSON.stringify(Object.fromEntries(members), null, 1);
  if (jcs(JSON.parse(other)) !== jcs(JSON.parse(text))) throw new Error("the same envelope");
  return other;
}

export const emptyHeader = (): readonly CaseSource[] => [
  denied(
    "header-empty",
    "attestation.carrier_undecodable",
    "X-MCP-Attestation is empty",
    "Countersign attestation, carriers",
    {
      tool: "sealed",
      headers: { "X-MCP-Attestation": "" },
    },
  ),
  denied("header-json", "attestation.carrier_undecodable", "X-MCP-Attestation is JSON, not encoded", HEADER, {
    body: bodyWith(ARGUMENTS_TEXT),
    headers: { "X-MCP-Attestation": "{}" },
  }),
  denied("header-null", "attestation.schema", "X-MCP-Attestation carries null", HEADER, {
    tool: "sealed",
    headers: { "X-MCP-Attestation": base64url(utf8("null")) },
  }),
];
