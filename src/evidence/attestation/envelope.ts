/**
 * The attestation envelope (SEP-2787), normalised. Two dialects are read: A is the text of the SEP, B the "v2 wire"
 * form with `version` and `alg` at top level, which all published vectors have. They do not interoperate, and
 * nothing but their members tells them apart.
 */

import { fromBase64url, toHex } from "../../encoding.ts";
import { memberText } from "../../json/member-text.ts";
import { isObject, type JsonObject, type JsonValue, parseStrictJson } from "../../json/strict-json.ts";
import {
  MAX_ATTESTATION_CALLS,
  MAX_IDENTIFIER_LENGTH,
  MAX_JTI_LENGTH,
  MAX_TOOL_NAME_LENGTH,
} from "../../limits.ts";
import type { Reason } from "../../reasons.ts";
import { fail, ok, type Result } from "../../result.ts";
import type { AttestationDialect, AttestationPolicy } from "../../tenant/tenant.ts";

/** An envelope whose shape is right; nothing in it has been verified. */
export interface Envelope {
  readonly dialect: AttestationDialect;
  /** As received, `signature` and unknown members included. */
  readonly raw: JsonObject;
  /** `issuerAsserted.alg`: any string, judged when the key is chosen. */
  readonly alg: string;
  /** The `alg` that B has at top level as well; in A the same as `alg`. */
  readonly outerAlg: string;
  readonly iss: string;
  readonly sub: string;
  readonly secretVersion: string;
  /** Seconds, with a fraction where the sender wrote one. */
  readonly iat: number;
  /** `expSeconds`: an integer of 1 or more. */
  readonly ttl: number;
  readonly nonce: string;
  /** One or more. */
  readonly calls: readonly PlannedCall[];
  /** As received; meant to be hex. */
  readonly signature: string;
  /** Whether it has members that no dialect knows. They are signed like all others, and mean nothing here. */
  readonly hasUnknownMembers: boolean;
}

/** One entry of `payloadDerived.toolCalls`. */
export interface PlannedCall {
  readonly name: string;
  readonly serverFingerprint: string;
  readonly commitment: Commitment;
}

/** How a planned call commits to its arguments: by one of the two, or (A) by both, which must then both hold. */
export interface Commitment {
  readonly projection: Projection | null;
  readonly reference: Reference | null;
}

export interface Projection {
  /** JSON text: of the arguments, of their digest, or of a part of them. */
  readonly text: string;
  /** B only: the hex SHA-256 of the text. */
  readonly digest: string | null;
}

/** The arguments are elsewhere. */
export interface Reference {
  /** As received. */
  readonly uri: string;
  /** Hex SHA-256 of what is there. */
  readonly digest: string;
}

const SHA256_DIGEST = /^sha256:([0-9a-f]{64})$/;

/** The members that each object of an envelope may have. */
const MEMBERS = {
  A: ["issuerAsserted", "payloadDerived", "plannerDeclared", "signature"],
  B: ["alg", "issuerAsserted", "payloadDerived", "plannerDeclared", "signature", "version"],
  issuer: ["alg", "expSeconds", "iat", "iss", "nonce", "secretVersion", "sub"],
  planner: ["intent", "plannerRef", "requestedCapability"],
  payload: ["toolCalls"],
  callA: ["argsProjection", "argsRef", "name", "serverFingerprint"],
  callB: ["args", "name", "serverFingerprint"],
  argsRef: ["digest", "uri"],
  args: ["canonicalization", "digest", "projection", "projectionDigest", "ref"],
} as const;

/** Members that earlier revisions of the SEP had where `plannerRef` is now. */
const OLDER_PLANNER_MEMBERS = ["turnId", "toolCallId", "agentLineage"];

/**
 * @param raw the envelope, strictly parsed
 * @param text the JSON text that `raw` was parsed from
 * @param numbers which numbers it may hold, by dialect
 */
export function parseEnvelope(
  raw: JsonObject,
  text: string,
  numbers: AttestationPolicy["numbers"],
): Result<Envelope, Reason> {
  const { issuerAsserted: issuer, plannerDeclared: planner, payloadDerived: payload, signature } = raw;
  if (!isObject(issuer) || !isObject(planner) || !isObject(payload)) return fail("attestation.schema");
  const entries = payload.toolCalls;
  if (!Array.isArray(entries) || entries.length === 0 || !entries.every(isObject))
    return fail("attestation.schema");

  const dialect = dialectOf(raw, planner, entries);
  if (dialect === null) return fail("attestation.dialect_unknown");
  if (entries.length > MAX_ATTESTATION_CALLS) return fail("attestation.too_large");

  const { alg, iss, sub, secretVersion, nonce, expSeconds: ttl } = issuer;
  const outerAlg = dialect === "B" ? raw.alg : alg;
  const iat = parseTime(issuer.iat);
  if (
    !isText(alg, MAX_IDENTIFIER_LENGTH) ||
    !isText(outerAlg, MAX_IDENTIFIER_LENGTH) ||
    !isText(iss, MAX_IDENTIFIER_LENGTH) ||
    !isText(sub, MAX_IDENTIFIER_LENGTH) ||
    !isText(secretVersion, MAX_IDENTIFIER_LENGTH) ||
    !isText(nonce, MAX_JTI_LENGTH) ||
    typeof signature !== "string" ||
    iat === null ||
    typeof ttl !== "number" ||
    // An integer token: 300.0 and 3e2 have the same value, but not every parser says so.
    !/^[1-9][0-9]*$/.test(memberText(text, ["issuerAsserted", "expSeconds"]) ?? "") ||
    !isPlanner(planner)
  ) {
    return fail("attestation.schema");
  }

  const calls: PlannedCall[] = [];
  for (const entry of entries) {
    const { name, serverFingerprint } = entry;
    if (!isText(name, MAX_TOOL_NAME_LENGTH) || !isText(serverFingerprint, MAX_IDENTIFIER_LENGTH)) {
      return fail("attestation.schema");
    }
    const commitment = dialect === "A" ? commitmentA(entry) : commitmentB(entry);
    if (!commitment.ok) return commitment;
    calls.push({ name, serverFingerprint, commitment: commitment.value });
  }
  if (numbers[dialect] !== "any" && !parseStrictJson(text, numbers[dialect]).ok)
    return fail("attestation.envelope_number");

  const hasUnknownMembers =
    !knows(raw, MEMBERS[dialect]) ||
    !knows(issuer, MEMBERS.issuer) ||
    !knows(planner, MEMBERS.planner) ||
    !knows(payload, MEMBERS.payload) ||
    !entries.every((entry) => knowsCall(entry, dialect));
  const named = { alg, outerAlg, iss, sub, secretVersion, nonce, signature };
  return ok({ dialect, raw, ...named, iat, ttl, calls, hasUnknownMembers });
}

const knows = (object: JsonObject, members: readonly string[]): boolean =>
  Object.keys(object).every((name) => members.includes(name));

function knowsCall(entry: JsonObject, dialect: AttestationDialect): boolean {
  const [members, nested, inner] =
    dialect === "A"
      ? [MEMBERS.callA, MEMBERS.argsRef, entry.argsRef]
      : [MEMBERS.callB, MEMBERS.args, entry.args];
  return knows(entry, members) && (!isObject(inner) || knows(inner, nested));
}

/** Null for a mixture, and for the forms of earlier revisions. */
function dialectOf(
  raw: JsonObject,
  planner: JsonObject,
  entries: readonly JsonObject[],
): AttestationDialect | null {
  const isOlder =
    OLDER_PLANNER_MEMBERS.some((name) => Object.hasOwn(planner, name)) ||
    entries.some((entry) => hasAny(entry, "args_ref", "args_projection"));
  if (isOlder) return null;
  if (!hasAny(raw, "version", "alg")) return entries.some((entry) => hasAny(entry, "args")) ? null : "A";
  const isB =
    raw.version === 1 &&
    Object.hasOwn(raw, "alg") &&
    knows(raw, MEMBERS.B) &&
    entries.every((entry) => !hasAny(entry, "argsRef", "argsProjection")) &&
    entries.every((entry) => !hasAny(entry, "args") || isObject(entry.args));
  return isB ? "B" : null;
}

function commitmentA({ argsRef, argsProjection: text }: JsonObject): Result<Commitment, Reason> {
  if (argsRef === undefined && text === undefined) return fail("attestation.args_missing");
  if (text !== undefined && typeof text !== "string") return fail("attestation.schema");
  const projection = text === undefined ? null : { text, digest: null };
  if (argsRef === undefined) return ok({ projection, reference: null });

  if (!isObject(argsRef) || typeof argsRef.digest !== "string" || !isText(argsRef.uri, MAX_IDENTIFIER_LENGTH))
    return fail("attestation.schema");
  const digest = fromBase64url(argsRef.digest);
  return digest?.length === 32
    ? ok({ projection, reference: { uri: argsRef.uri, digest: toHex(digest) } })
    : fail("attestation.schema");
}

function commitmentB({ args }: JsonObject): Result<Commitment, Reason> {
  if (!isObject(args)) return fail("attestation.args_missing");
  const { ref, projection } = args;
  if (ref === undefined && projection === undefined) return fail("attestation.args_missing");
  // One of the two: readers that look for either first would see different commitments.
  if (ref !== undefined && projection !== undefined) return fail("attestation.schema");
  if (ref !== undefined) {
    const digest = digitsOf(args.digest);
    const { canonicalization = "jcs" } = args;
    if (!isText(ref, MAX_IDENTIFIER_LENGTH) || digest === null || canonicalization !== "jcs")
      return fail("attestation.schema");
    return ok({ projection: null, reference: { uri: ref, digest } });
  }
  const digest = digitsOf(args.projectionDigest);
  if (typeof projection !== "string" || digest === null) return fail("attestation.schema");
  return ok({ projection: { text: projection, digest }, reference: null });
}

/** The hex digits of `sha256:<hex>`; null for anything else. */
export const digitsOf = (value: JsonValue | undefined): string | null =>
  typeof value === "string" ? (SHA256_DIGEST.exec(value)?.[1] ?? null) : null;

/**
 * Seconds of an ISO 8601 UTC time with `Z` and at most three decimals; null for anything else. `Date` alone would
 * take many spellings and roll 30 February over into March, so the fields must come back as they went in.
 */
export function parseTime(text: JsonValue | undefined): number | null {
  if (typeof text !== "string") return null;
  const match = /^(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2})(?:\.(\d{1,3}))?Z$/.exec(text);
  if (match === null) return null;
  const [, seconds, decimals = ""] = match;
  const spelled = `${seconds}.${decimals.padEnd(3, "0")}Z`;
  const ms = Date.parse(spelled);
  return Number.isFinite(ms) && new Date(ms).toISOString() === spelled ? ms / 1000 : null;
}

const isPlanner = ({ intent, requestedCapability, plannerRef }: JsonObject): boolean =>
  typeof intent === "string" &&
  intent !== "" &&
  (requestedCapability === undefined || typeof requestedCapability === "string") &&
  (plannerRef === undefined || typeof plannerRef === "string");

const isText = (value: JsonValue | undefined, maxLength: number): value is string =>
  typeof value === "string" && value !== "" && value.length <= maxLength;

const hasAny = (object: JsonObject, ...names: string[]): boolean =>
  names.some((name) => Object.hasOwn(object, name));
