import type { AttestationChanges } from "../../make/attestation.ts";
import { admitted, type CaseSource, denied } from "../../make/case.ts";
import { type Bytes, key } from "../../make/keys.ts";
import { utf8 } from "../../make/tokens.ts";
import { BOBS_PLANNER, PLANNER } from "../../tenants.ts";
import { attested, type Dialect, withAlg } from "./calls.ts";

const RULE = "SEP-2787, verification rule 1";
const PINNED = "Countersign attestation, gap 6";
const HEX = "Countersign attestation, gap 9";
const WHOSE = "Countersign attestation, whose it is";

const issuer = (members: Readonly<Record<string, unknown>>): AttestationChanges => ({ issuer: members });

const ALGORITHMS = { hs256: "planner-hs256", es256: "planner-es256", rs256: "planner-rs256" } as const;

/** Another spelling of a signature, of which each algorithm takes one. */
const SPELLINGS: readonly (readonly [id: string, title: string, change: (hex: string) => string])[] = [
  ["short", "The signature lacks its last octet", (hex) => hex.slice(0, -2)],
  ["long", "The signature has an octet more", (hex) => `${hex}00`],
  ["odd", "The signature has an odd number of digits", (hex) => hex.slice(1)],
  ["upper-case", "The signature is in upper case", (hex) => hex.toUpperCase()],
  ["space", "A space in the signature", (hex) => `${hex.slice(0, 8)} ${hex.slice(9)}`],
  ["space-behind", "A space behind the signature", (hex) => `${hex} `],
];

const flippedBit = (hex: string): string =>
  hex.slice(0, -1) + (Number.parseInt(hex.slice(-1), 16) ^ 1).toString(16);

export const keys = (dialect: Dialect): readonly CaseSource[] => [
  denied(
    "iss-unknown",
    "attestation.issuer_unknown",
    "An iss that has no key",
    RULE,
    attested(dialect, issuer({ iss: "https://nobody.example" })),
  ),
  denied(
    "iss-prefix",
    "attestation.issuer_unknown",
    "An iss that begins like a known one",
    RULE,
    attested(dialect, issuer({ iss: `${PLANNER}/` })),
  ),
  denied(
    "version-unknown",
    "attestation.secret_version_unknown",
    "A secretVersion that the issuer does not have",
    RULE,
    attested(dialect, issuer({ secretVersion: "v9" })),
  ),
  ...["HS512", "none", "hs256", "EdDSA"].map((alg) =>
    denied(
      `alg-${alg.toLowerCase()}${alg === "hs256" ? "-lower-case" : ""}`,
      "attestation.alg_unsupported",
      `alg is ${alg}, and the signature is that of HS256 over just this`,
      PINNED,
      attested(dialect, withAlg(dialect, alg)),
    ),
  ),
  ...(dialect === "B"
    ? [
        denied(
          "alg-fields-differ",
          "attestation.alg_fields_differ",
          "alg and issuerAsserted.alg differ, and are signed so",
          PINNED,
          attested("B", { envelope: (e) => ({ ...e, alg: "ES256" }) }),
        ),
        denied(
          "alg-outer-none",
          "attestation.alg_unsupported",
          "alg is none beside an inner HS256, and is signed so",
          PINNED,
          attested("B", { envelope: (e) => ({ ...e, alg: "none" }) }),
        ),
      ]
    : []),
  denied(
    "alg-of-other-key",
    "attestation.alg_not_pinned",
    "HS256, under the secretVersion of an ES256 key",
    PINNED,
    attested(dialect, issuer({ secretVersion: "v2" })),
  ),
  ...(["es256", "rs256"] as const).flatMap((alg) =>
    (["der", "pem"] as const).map((form) =>
      denied(
        `hmac-${alg}-${form}`,
        "attestation.alg_not_pinned",
        `HS256 with the ${alg.toUpperCase()} public key (${form.toUpperCase()}) as the secret`,
        PINNED,
        attested(dialect, {
          issuer: { secretVersion: key(ALGORITHMS[alg]).kid },
          sign: async (input) => hmac(await publicKey(ALGORITHMS[alg], form), input),
        }),
      ),
    ),
  ),
  ...Object.entries(ALGORITHMS).flatMap(([alg, by]) => [
    denied(
      `${alg}-bit`,
      "attestation.signature_mismatch",
      `${alg.toUpperCase()}: a bit of the signature is changed`,
      RULE,
      attested(dialect, { by, signature: flippedBit }),
    ),
    ...(alg === "hs256" ? [] : SPELLINGS).map(([id, title, signature]) =>
      denied(
        `${alg}-${id}`,
        "attestation.signature_encoding",
        `${alg.toUpperCase()}: ${title}`,
        HEX,
        attested(dialect, { by, signature }),
      ),
    ),
  ]),
  denied(
    "es256-der",
    "attestation.signature_encoding",
    "ES256: the signature is DER",
    HEX,
    attested(dialect, { by: ALGORITHMS.es256, signature: der }),
  ),
  denied(
    "signature-empty",
    "attestation.signature_encoding",
    "signature is empty",
    HEX,
    attested(dialect, { signature: () => "" }),
  ),
  denied(
    "other-issuers-key",
    "attestation.signature_mismatch",
    "Another issuer's key, under the same secretVersion",
    RULE,
    attested(dialect, { by: "bob-planner", iss: PLANNER }),
  ),
  ...tampered(dialect),
  denied(
    "empty-signature-signed",
    "attestation.signature_mismatch",
    "Signed with an empty signature member in it, as dialect C is",
    "Countersign attestation, dialects",
    attested(dialect, {
      input: (input) => utf8(Buffer.from(input).toString().replace(/\}$/, ',"signature":""}')),
    }),
  ),
  denied(
    "sub-unknown",
    "attestation.identity_unknown",
    "A sub that is no agent's",
    WHOSE,
    attested(dialect, issuer({ sub: "agent:eve" })),
  ),
  denied(
    "other-agents",
    "attestation.principal_mismatch",
    "An attestation of bob, shown by ada",
    WHOSE,
    attested(dialect, { by: "bob-planner", iss: BOBS_PLANNER, issuer: { sub: "agent:bob" } }),
  ),
  admitted(
    "bob",
    "bob shows his own",
    WHOSE,
    attested(dialect, { issuer: { sub: "agent:bob" } }, { agent: "bob" }),
  ),
  denied(
    "other-issuer-same-sub",
    "attestation.identity_unknown",
    "bob's planner attests ada's calls: iss and sub name an agent together",
    WHOSE,
    attested(dialect, { by: "bob-planner", iss: BOBS_PLANNER }),
  ),
];

const CHANGED: readonly (readonly [id: string, what: string, from: string, to: string])[] = [
  ["sub", "sub", '"sub":"agent:ada"', '"sub":"agent:bob"'],
  ["nonce", "The nonce", '"nonce":"attestation-1"', '"nonce":"attestation-9"'],
  ["exp", "expSeconds", '"expSeconds":300', '"expSeconds":299'],
  ["intent", "The intent", '"intent":"Show', '"intent":"Hide'],
  ["tool", "The tool", '"name":"sealed"', '"name":"search"'],
];

const tampered = (dialect: Dialect): readonly CaseSource[] =>
  CHANGED.map(([id, what, from, to]) =>
    denied(
      `changed-${id}`,
      "attestation.signature_mismatch",
      `${what} is changed after signing`,
      RULE,
      attested(dialect, {
        text: (text) => {
          if (!text.includes(from)) throw new Error(`the envelope has no ${from}`);
          return text.replace(from, to);
        },
      }),
    ),
  );

/** r and s as DER integers (RFC 3279 section 2.2.3), each with an octet of zeros in front. */
const der = (hex: string): string => `304602210${"0"}${hex.slice(0, 64)}02210${"0"}${hex.slice(64)}`;

async function publicKey(name: string, form: "der" | "pem"): Promise<Bytes> {
  const { alg, publicJwk } = key(name);
  const { kid: _, ...members } = publicJwk;
  const algorithm =
    alg === "ES256" ? { name: "ECDSA", namedCurve: "P-256" } : { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" };
  const imported = await crypto.subtle.importKey("jwk", members, algorithm, true, ["verify"]);
  const spki = new Uint8Array((await crypto.subtle.exportKey("spki", imported)) as ArrayBuffer);
  if (form === "der") return spki;
  const lines = Buffer.from(spki)
    .toString("base64")
    .replace(/.{64}(?=.)/g, "$&\n");
  return utf8(`-----BEGIN PUBLIC KEY-----\n${lines}\n-----END PUBLIC KEY-----\n`);
}

async function hmac(secret: Bytes, input: Bytes): Promise<Bytes> {
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  const imported = await crypto.subtle.importKey("raw", secret, algorithm, false, ["sign"]);
  return new Uint8Array(await crypto.subtle.sign(algorithm, imported, input));
}
