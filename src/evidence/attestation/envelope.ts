/**
 * The attestation envelope (SEP-2787), normalised. Two dialects are read: A is the text of the SEP, B the "v2 wire"
 * form with `version` and `alg` at top level, which all published vectors have. They do not interoperate, and
 * nothing but their members tells them apart.
 */

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
import type { AttestationDialect } from "../../tenant/tenant.ts";

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
}

/** One entry of `payloadDerived.toolCalls`. */
export interface PlannedCall {
  readonly name: string;
  readonly serverFingerprint: string;
  readonly commitment: Commitment;
}

/** How a planned call commits to its arguments. */
export type Commitment =
  /** JSON text of the arguments or of their digest. `digest` (B only) is the hex SHA-256 of the text. */
  | { readonly kind: "projection"; readonly text: string; readonly digest: string | null }
  /** The arguments are elsewhere; in A perhaps beside a projection, and then both would have to hold. */
  | { readonly kind: "ref" };

const SHA256_DIGEST = /^sha256:([0-9a-f]{64})$/;

const B_MEMBERS = new Set([
  "version",
  "alg",
  "plannerDeclared",
  "issuerAsserted",
  "payloadDerived",
  "signature",
]);

/** Members that earlier revisions of the SEP had where `plannerRef` is now. */
const OLDER_PLANNER_MEMBERS = ["turnId", "toolCallId", "agentLineage"];

/**
 * @param raw the envelope, strictly parsed
 * @param text the JSON text that `raw` was parsed from
 */
export function parseEnvelope(raw: JsonObject, text: string): Result<Envelope, Reason> {
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
  // Signers of B cannot produce a float, so one here was put in by somebody else or is read differently elsewhere.
  if (dialect === "B" && !parseStrictJson(text, "integer").ok) return fail("attestation.args_number");

  return ok({ dialect, raw, alg, outerAlg, iss, sub, secretVersion, iat, ttl, nonce, calls, signature });
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
    Object.keys(raw).every((name) => B_MEMBERS.has(name)) &&
    entries.every((entry) => !hasAny(entry, "argsRef", "argsProjection")) &&
    entries.every((entry) => !hasAny(entry, "args") || isObject(entry.args));
  return isB ? "B" : null;
}

function commitmentA(entry: JsonObject): Result<Commitment, Reason> {
  const { argsRef: ref, argsProjection: text } = entry;
  if (ref === undefined && text === undefined) return fail("attestation.args_missing");
  if (text !== undefined && typeof text !== "string") return fail("attestation.schema");
  if (ref === undefined) return ok({ kind: "projection", text: text ?? "", digest: null });
  const isRef = isObject(ref) && typeof ref.uri === "string" && typeof ref.digest === "string";
  return isRef ? ok({ kind: "ref" }) : fail("attestation.schema");
}

function commitmentB(entry: JsonObject): Result<Commitment, Reason> {
  const args = entry.args;
  if (!isObject(args)) return fail("attestation.args_missing");
  const { ref, projection } = args;
  if (ref === undefined && projection === undefined) return fail("attestation.args_missing");
  // One of the two: readers that look for either first would see different commitments.
  if (ref !== undefined && projection !== undefined) return fail("attestation.schema");
  if (ref !== undefined) {
    const { digest, canonicalization = "jcs" } = args;
    const isRef = typeof ref === "string" && sha256Hex(digest) !== null && canonicalization === "jcs";
    return isRef ? ok({ kind: "ref" }) : fail("attestation.schema");
  }
  const digest = sha256Hex(args.projectionDigest);
  if (typeof projection !== "string" || digest === null) return fail("attestation.schema");
  return ok({ kind: "projection", text: projection, digest });
}

/** The hex digits of `sha256:<hex>`; null for anything else. */
export const sha256Hex = (value: JsonValue | undefined): string | null =>
  typeof value === "string" ? (SHA256_DIGEST.exec(value)?.[1] ?? null) : null;

/**
 * Seconds of an ISO 8601 UTC time with `Z` and at most three decimals; null for anything else. `Date` alone would
 * take many spellings and roll 30 February over into March, so the fields must come back as they went in.
 */
function parseTime(text: JsonValue | undefined): number | null {
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
