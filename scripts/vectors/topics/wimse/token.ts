import { WORKLOAD } from "../../make/call.ts";
import { type CaseSource, NOW } from "../../make/case.ts";
import { key } from "../../make/keys.ts";
import { headerOf, withLine } from "../../make/message.ts";
import { flipped, part, respelled, type TokenChanges } from "../../make/tokens.ts";
import { asWorkload, CREDS, HTTP, IDENTIFIER, wimseAdmitted, wimseDenied } from "./changes.ts";

const wit = (changes: TokenChanges) => ({ workload: { wit: changes } });
const claims = (changes: Readonly<Record<string, unknown>>) => wit({ claims: changes });
const jwk = (changes: Readonly<Record<string, unknown>>) =>
  claims({ cnf: { jwk: { ...key("workload").publicJwk, alg: "ES256", ...changes } } });

const BAD_HEADERS: readonly (readonly [id: string, reason: string, title: string, header: object])[] = [
  ["typ", "wit.typ", "typ of a plain JWT", { typ: "JWT" }],
  ["typ-absent", "wit.typ", "No typ", { typ: undefined }],
  ["typ-case", "wit.typ", "typ in capitals", { typ: "WIT+JWT" }],
  ["alg-none", "wit.alg", "alg none", { alg: "none" }],
  ["alg-hs256", "wit.alg", "A symmetric alg", { alg: "HS256" }],
  ["alg-other", "wit.alg", "alg of another key than kid names", { alg: "EdDSA" }],
  ["crit", "wit.crit", "A crit extension", { crit: ["exp"], exp: 1 }],
  ["kid-absent", "wit.kid", "No kid", { kid: undefined }],
  ["kid-type", "wit.kid", "A kid that is a number", { kid: 1 }],
  ["kid-unknown", "wit.key_unknown", "A kid that the trust domain does not have", { kid: "elsewhere" }],
];

const BAD_SUBJECTS: readonly (readonly [id: string, title: string, sub: unknown])[] = [
  ["absent", "No sub", undefined],
  ["no-uri", "A sub that is no URI", "ada"],
  ["upper-scheme", "A scheme in capitals", "WIMSE://example.org/ada"],
  ["upper-domain", "A trust domain in capitals", "wimse://Example.org/ada"],
  ["port", "A port", "wimse://example.org:443/ada"],
  ["userinfo", "User information", "wimse://x@example.org/ada"],
  ["no-path", "A trust domain alone", "wimse://example.org"],
  ["slash", "A slash at the end", `${WORKLOAD}/`],
  ["empty-segment", "An empty segment", "wimse://example.org//ada"],
  ["dots", "A dot segment", "wimse://example.org/x/../ada"],
  ["percent", "Percent-encoding", "wimse://example.org/%61da"],
  ["query", "A query", `${WORKLOAD}?x`],
  ["fragment", "A fragment", `${WORKLOAD}#x`],
];

const BAD_CONFIRMATIONS: readonly (readonly [id: string, title: string, send: ReturnType<typeof claims>])[] =
  [
    ["absent", "No cnf", claims({ cnf: undefined })],
    ["thumbprint", "cnf with a thumbprint alone", claims({ cnf: { jkt: "x" } })],
    ["no-alg", "A key without alg", jwk({ alg: undefined })],
    ["alg-none", "A key for none", jwk({ alg: "none" })],
    ["alg-symmetric", "A key for HS256", jwk({ alg: "HS256" })],
    ["alg-curve", "A key for the algorithm of another curve", jwk({ alg: "ES384" })],
    ["private", "A key with its private part", jwk({ d: "AAAA" })],
    [
      "small-order",
      "An Ed25519 key that anybody can sign for",
      claims({ cnf: { jwk: { kty: "OKP", crv: "Ed25519", alg: "EdDSA", x: "A".repeat(43) } } }),
    ],
  ];

export const tokenCases: readonly CaseSource[] = [
  wimseDenied("none", "wit.missing", "No WIT", CREDS, { workload: { wit: null } }),
  wimseDenied("token-text", "wit.malformed", "A WIT that is no JWS", CREDS, wit({ token: () => "token" })),
  wimseDenied(
    "token-respelled",
    "wit.malformed",
    "Another spelling of the same octets",
    "RFC 7515 section 2",
    wit({ token: part(2, respelled) }),
  ),
  wimseDenied(
    "token-unsigned",
    "wit.malformed",
    "A WIT without signature",
    CREDS,
    wit({ token: part(2, () => "") }),
  ),
  wimseDenied(
    "token-large",
    "wit.too_large",
    "A WIT of more than 16 KiB",
    "Countersign limits",
    claims({ x: "x".repeat(16 * 1024) }),
  ),
  wimseDenied("token-twice", "wit.malformed", "Two lines of Workload-Identity-Token", CREDS, {
    workload: {},
    after: (message) =>
      withLine(message, "Workload-Identity-Token", headerOf(message, "Workload-Identity-Token")),
  }),
  ...BAD_HEADERS.map(([id, reason, title, header]) =>
    wimseDenied(`token-${id}`, reason, title, CREDS, wit({ header: { ...header } })),
  ),
  wimseDenied(
    "token-signature",
    "wit.signature",
    "One bit of the signature changed",
    CREDS,
    wit({ token: part(2, flipped) }),
  ),
  wimseDenied(
    "token-stranger",
    "wit.signature",
    "Signed by the workload itself",
    CREDS,
    wit({ by: "workload", header: { kid: "wit-authority" } }),
  ),
  wimseDenied(
    "token-other-domain",
    "wit.alg",
    "Signed by the authority of another trust domain, which has the same kid",
    CREDS,
    wit({ by: "wit-other" }),
  ),
  ...["exp", "iat", "nbf", "iss", "jti"].map((claim) =>
    wimseDenied(`claim-${claim}`, "wit.claims", `${claim} that is an object`, CREDS, claims({ [claim]: {} })),
  ),
  wimseDenied("claim-exp-absent", "wit.claims", "No exp", CREDS, claims({ exp: undefined })),
  wimseAdmitted(
    "claims-least",
    "Nothing but sub, exp and cnf, and a claim nobody knows",
    CREDS,
    claims({ iat: undefined, x: 1 }),
  ),
  wimseAdmitted(
    "exp-edge",
    "In the last second of the tolerated skew",
    CREDS,
    claims({ iat: NOW - 60, exp: NOW - 30 }),
  ),
  wimseDenied("exp", "wit.expired", "Expired", CREDS, claims({ iat: NOW - 60, exp: NOW - 31 })),
  wimseAdmitted("iat-edge", "iat as far in the future as clocks differ", CREDS, claims({ iat: NOW + 30 })),
  wimseDenied("iat", "wit.in_future", "iat in the future", CREDS, claims({ iat: NOW + 31 })),
  wimseDenied("nbf", "wit.in_future", "nbf in the future", CREDS, claims({ nbf: NOW + 31 })),
  ...BAD_SUBJECTS.map(([id, title, sub]) =>
    wimseDenied(`sub-${id}`, "wit.subject", title, IDENTIFIER, claims({ sub })),
  ),
  wimseDenied(
    "sub-other",
    "principal.mismatch",
    "The WIT of another workload",
    HTTP,
    claims({ sub: "wimse://example.org/bob" }),
  ),
  wimseDenied(
    "sub-case",
    "principal.mismatch",
    "A path in another case",
    IDENTIFIER,
    claims({ sub: "wimse://example.org/Ada" }),
  ),
  wimseDenied(
    "sub-scheme",
    "principal.mismatch",
    "Another scheme",
    IDENTIFIER,
    claims({ sub: "spiffe://example.org/ada" }),
  ),
  wimseDenied(
    "sub-domain",
    "wit.trust_domain_unknown",
    "A trust domain that the tenant does not have",
    CREDS,
    claims({ sub: "wimse://elsewhere.example/ada" }),
  ),
  ...BAD_CONFIRMATIONS.map(([id, title, send]) =>
    wimseDenied(`cnf-${id}`, "wit.confirmation", title, CREDS, send),
  ),
  wimseDenied(
    "cnf-pinned",
    "wit.confirmation",
    "A key that the document registers for another agent",
    "Countersign, tenant document: agents",
    claims({ cnf: { jwk: { ...key("bob").publicJwk, alg: "ES256" } } }),
    {
      change: asWorkload(),
    },
  ),
  wimseDenied(
    "cnf-other",
    "signature.mismatch",
    "A token for another key: who has it alone cannot use it",
    HTTP,
    claims({ cnf: { jwk: { ...key("workload-other").publicJwk, alg: "ES256" } } }),
  ),
];
