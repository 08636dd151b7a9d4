import { type CaseSource, denied } from "../../make/case.ts";
import type { Members } from "../../make/tokens.ts";
import { ARGUMENTS_TEXT, attested, committing, type Dialect, policy, respelledInMeta } from "./calls.ts";

const SCHEMA = "SEP-2787, schema";
const TIME = "Countersign attestation, gap 10";
const CAP = "Countersign attestation, gap 7";
const DIALECTS = "Countersign attestation, dialects";

/** Members of the signed envelope, each with a value that it must not have. */
const WRONG: readonly (readonly [id: string, where: "issuer" | "planner", members: Members])[] = [
  ["no-iss", "issuer", { iss: undefined }],
  ["iss-empty", "issuer", { iss: "" }],
  ["no-sub", "issuer", { sub: undefined }],
  ["no-secret-version", "issuer", { secretVersion: undefined }],
  ["secret-version-number", "issuer", { secretVersion: 1 }],
  ["no-nonce", "issuer", { nonce: undefined }],
  ["nonce-129", "issuer", { nonce: "n".repeat(129) }],
  ["no-alg", "issuer", { alg: undefined }],
  ["no-intent", "planner", { intent: undefined }],
  ["intent-empty", "planner", { intent: "" }],
];

const WRONG_TTL: readonly (readonly [id: string, value: unknown])[] = [
  ["zero", 0],
  ["negative", -1],
  ["fraction", 1.5],
  ["text", "300"],
  ["huge", 1e21],
];

const WRONG_IAT: readonly (readonly [id: string, iat: string])[] = [
  ["date", "2026-02-26"],
  ["no-zone", "2026-02-26T00:00:00"],
  ["offset", "2026-02-26T00:00:00+00:00"],
  ["lower-case", "2026-02-26t00:00:00z"],
  ["no-seconds", "2026-02-26T00:00Z"],
  ["hour-24", "2026-02-25T24:00:00Z"],
  ["no-such-day", "2026-02-30T00:00:00Z"],
  ["leap-second", "2026-02-25T23:59:60Z"],
  ["four-decimals", "2026-02-26T00:00:00.0000Z"],
  ["words", "Feb 26, 2026 00:00:00Z"],
];

const sha = `sha256:${"a".repeat(64)}`;

export const shape = (dialect: Dialect): readonly CaseSource[] => [
  ...WRONG.map(([id, where, members]) =>
    denied(
      `schema-${id}`,
      "attestation.schema",
      `${Object.keys(members)[0]} is ${JSON.stringify(Object.values(members)[0])?.slice(0, 12) ?? "absent"}, and it is signed so`,
      SCHEMA,
      attested(dialect, { [where]: members }),
    ),
  ),
  ...WRONG_TTL.map(([id, value]) =>
    denied(
      `exp-${id}`,
      "attestation.schema",
      `expSeconds is ${JSON.stringify(value)}`,
      CAP,
      attested(dialect, { issuer: { expSeconds: value } }),
    ),
  ),
  ...["300.0", "3e2"].map((token) =>
    denied(
      `exp-token-${token.replace(".", "-")}`,
      "attestation.schema",
      `expSeconds is written ${token} in _meta, which is no integer token`,
      CAP,
      respelledInMeta(dialect, (text) => text.replace('"expSeconds":300', `"expSeconds":${token}`)),
    ),
  ),
  ...WRONG_IAT.map(([id, iat]) =>
    denied(`iat-${id}`, "attestation.schema", `iat is ${iat}`, TIME, attested(dialect, { issuer: { iat } })),
  ),
  denied(
    "no-calls",
    "attestation.schema",
    "toolCalls is empty",
    SCHEMA,
    attested(dialect, { calls: () => [] }),
  ),
  denied(
    "signature-number",
    "attestation.schema",
    "signature is a number",
    SCHEMA,
    attested(dialect, { signature: () => 1 }),
  ),
  denied(
    "not-an-object",
    "attestation.schema",
    "The header carries an array",
    SCHEMA,
    attested(dialect, { text: (text) => `[${text}]` }),
  ),
  denied(
    "no-commitment",
    "attestation.args_missing",
    "The planned call commits to nothing, and is signed so",
    SCHEMA,
    attested(dialect, { calls: committing({}) }),
  ),
  denied(
    "too-large",
    "attestation.too_large",
    "The envelope has more than 64 KiB",
    SCHEMA,
    attested(dialect, { in: "meta", planner: { intent: "i".repeat(65_536) } }),
  ),
  denied(
    "too-many-calls",
    "attestation.too_large",
    "65 planned calls",
    SCHEMA,
    attested(dialect, {
      in: "meta",
      calls: (call) => Array(65).fill({ ...call, serverFingerprint: "urn:other" }),
    }),
  ),
  denied(
    "dialect-not-allowed",
    "attestation.dialect_not_allowed",
    "The tenant takes the other dialect alone",
    DIALECTS,
    attested(dialect),
    policy({ dialects: [dialect === "A" ? "B" : "A"] }),
  ),
  denied(
    "older-form",
    "attestation.dialect_unknown",
    "turnId, as an early revision had it",
    DIALECTS,
    attested(dialect, { planner: { turnId: "turn-7" } }),
  ),
  denied(
    "snake-case",
    "attestation.dialect_unknown",
    "args_projection, as an early revision had it",
    DIALECTS,
    attested(dialect, { calls: committing({ args_projection: "{}" }) }),
  ),
  ...(dialect === "A" ? shapeA() : shapeB()),
];

const shapeA = (): readonly CaseSource[] => [
  denied(
    "mixed-version",
    "attestation.dialect_unknown",
    "A with the version of B",
    DIALECTS,
    attested("A", { envelope: (e) => ({ ...e, version: 1 }) }),
  ),
  denied(
    "mixed-alg",
    "attestation.dialect_unknown",
    "A with the outer alg of B",
    DIALECTS,
    attested("A", { envelope: (e) => ({ ...e, alg: "HS256" }) }),
  ),
  denied(
    "mixed-args",
    "attestation.dialect_unknown",
    "A with the args of B",
    DIALECTS,
    attested("A", { calls: committing({ args: { projection: "{}", projectionDigest: sha } }) }),
  ),
  denied(
    "projection-object",
    "attestation.schema",
    "argsProjection is an object",
    SCHEMA,
    attested("A", { calls: committing({ argsProjection: {} }) }),
  ),
  denied(
    "ref-text",
    "attestation.schema",
    "argsRef is a string",
    SCHEMA,
    attested("A", { calls: committing({ argsRef: "https://blobs.example/1" }) }),
  ),
  denied(
    "ref-digest-hex",
    "attestation.schema",
    "The digest in argsRef is in the form of B",
    SCHEMA,
    attested("A", { calls: committing({ argsRef: { uri: "https://blobs.example/1", digest: sha } }) }),
  ),
];

const shapeB = (): readonly CaseSource[] => [
  denied(
    "no-version",
    "attestation.dialect_unknown",
    "There is no version",
    DIALECTS,
    attested("B", { envelope: (e) => ({ ...e, version: undefined }) }),
  ),
  denied(
    "version-2",
    "attestation.dialect_unknown",
    "version is 2",
    DIALECTS,
    attested("B", { envelope: (e) => ({ ...e, version: 2 }) }),
  ),
  denied(
    "no-outer-alg",
    "attestation.dialect_unknown",
    "There is no alg at top level",
    DIALECTS,
    attested("B", { envelope: (e) => ({ ...e, alg: undefined }) }),
  ),
  denied(
    "mixed-projection",
    "attestation.dialect_unknown",
    "B with the argsProjection of A",
    DIALECTS,
    attested("B", { calls: (call) => [{ ...call, argsProjection: ARGUMENTS_TEXT }] }),
  ),
  denied(
    "args-text",
    "attestation.dialect_unknown",
    "args is a string, as an early revision had it",
    DIALECTS,
    attested("B", { calls: committing({ args: ARGUMENTS_TEXT }) }),
  ),
  denied(
    "args-neither",
    "attestation.args_missing",
    "args has neither ref nor projection, and is signed so",
    SCHEMA,
    attested("B", { calls: committing({ args: { digest: sha } }) }),
  ),
  denied(
    "args-both",
    "attestation.schema",
    "args has ref and projection, and is signed so",
    SCHEMA,
    attested("B", {
      calls: committing({ args: { ref: "cid://1", digest: sha, projection: "{}", projectionDigest: sha } }),
    }),
  ),
  denied(
    "projection-without-digest",
    "attestation.schema",
    "args has no projectionDigest",
    SCHEMA,
    attested("B", { calls: committing({ args: { projection: ARGUMENTS_TEXT } }) }),
  ),
  denied(
    "ref-canonicalization",
    "attestation.schema",
    "A reference with another canonicalization than jcs",
    SCHEMA,
    attested("B", { calls: committing({ args: { ref: "cid://1", digest: sha, canonicalization: "none" } }) }),
  ),
  denied(
    "float-in-envelope",
    "attestation.envelope_number",
    "A float in the envelope, signed: signers of B have none",
    "Countersign attestation, gap 12",
    attested("B", { planner: { note: 1.5 } }),
  ),
];
