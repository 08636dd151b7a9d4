/**
 * Decision records and execution receipts (SEP-2828; maintained text: vaaraio/vaara, server execution record), read strictly:
 * every object is closed, and no number has a fraction.
 */

import { digitsOf, parseTime } from "../../evidence/attestation/envelope.ts";
import { isObject, type JsonObject, type JsonValue, parseStrictJson } from "../../json/strict-json.ts";
import { MAX_IDENTIFIER_LENGTH, MAX_JTI_LENGTH } from "../../limits.ts";
import { fail, ok, type Result } from "../../result.ts";

/** Which call a record is about; the same in the decision record and the receipt of one call. */
export interface BackLink {
  /** `sha256:<hex>` of the JCS of the attestation with its signature, or of what `fallbackProjection` names. */
  readonly attestationDigest: string;
  readonly attestationNonce: string;
  /** Only for a call without an attestation. */
  readonly fallbackProjection: typeof FALLBACK_PROJECTION | null;
}

/** The one projection of a call that stands in for an attestation. */
export const FALLBACK_PROJECTION = "tools_call_params_plus_meta_authorization_binding_v1";

/** A record whose shape is right; nothing in it has been verified. */
interface UnverifiedRecord {
  /** As received, `signature` included. */
  readonly raw: JsonObject;
  /** `alg` at top level, and in the issuer's block: any strings, judged when the key is chosen. */
  readonly outerAlg: string;
  readonly alg: string;
  readonly iss: string;
  readonly sub: string;
  readonly secretVersion: string;
  readonly nonce: string;
  readonly backLink: BackLink;
  /** As received; meant to be hex. */
  readonly signature: string;
}

/** Written before the call is passed on. */
export interface DecisionRecord extends UnverifiedRecord {
  readonly kind: "decision";
  readonly decision: "allow" | "block" | "escalate";
  /** Whole seconds, as `2026-06-01T10:00:00Z`: compared as text, the later one is the greater. */
  readonly decidedAt: string;
}

/** Written when the outcome is known. */
export interface ExecutionReceipt extends UnverifiedRecord {
  readonly kind: "receipt";
  readonly status: "executed" | "refused" | "errored";
  readonly completedAt: string;
  /** Null where the receipt commits to no result. */
  readonly result: ResultCommitment | null;
  /** `sha256:<hex>` of the JCS of the decision record with its signature; older receipts lack it. */
  readonly decisionDigest: string | null;
}

/** JSON text of the result or of its digest, and `sha256:<hex>` of that text. */
export interface ResultCommitment {
  readonly projection: string;
  readonly projectionDigest: string;
}

export type RecordFault = "not_strict_json" | "schema";

/** @param text the record's JSON */
export function parseDecisionRecord(text: string): Result<DecisionRecord, RecordFault> {
  const read = readRecord(text, "issuerAsserted", "decisionDerived");
  if (!read.ok) return read;
  const { derived, ...common } = read.value;
  const { decision, decidedAt } = derived;
  const isShaped =
    isClosed(derived, ["decision", "decidedAt"], [...DECISION_TEXTS, ...DECISION_SCORES]) &&
    isOneOf(decision, ["allow", "block", "escalate"]) &&
    DECISION_TEXTS.every((name) => derived[name] === undefined || isText(derived[name])) &&
    DECISION_SCORES.every((name) => derived[name] === undefined || isDecimal(derived[name]));
  if (!isShaped || !isTime(decidedAt)) return fail("schema");
  return ok({ ...common, kind: "decision", decision, decidedAt });
}

const DECISION_TEXTS = ["reason", "policyId", "clientTurnId"];
const DECISION_SCORES = ["riskScore", "thresholdAllow", "thresholdBlock"];

/** @param text the receipt's JSON */
export function parseExecutionReceipt(text: string): Result<ExecutionReceipt, RecordFault> {
  const read = readRecord(text, "receiptAsserted", "outcomeDerived");
  if (!read.ok) return read;
  const { derived, ...common } = read.value;
  const { status, completedAt, resultCommitment, decisionDigest = null } = derived;
  const result = resultCommitment === undefined ? null : readCommitment(resultCommitment);
  if (
    !isClosed(derived, ["status", "completedAt"], ["resultCommitment", "decisionDigest"]) ||
    !isOneOf(status, ["executed", "refused", "errored"]) ||
    !isTime(completedAt) ||
    (decisionDigest !== null && !isDigest(decisionDigest)) ||
    result === "malformed" ||
    // What was refused has no result.
    (status === "refused" && result !== null)
  ) {
    return fail("schema");
  }
  return ok({ ...common, kind: "receipt", status, completedAt, result, decisionDigest });
}

type Common = UnverifiedRecord & { readonly derived: JsonObject };

function readRecord(text: string, issuerMember: string, derivedMember: string): Result<Common, RecordFault> {
  const parsed = parseStrictJson(text, "integer");
  if (!parsed.ok) return fail("not_strict_json");
  const raw = parsed.value;
  if (
    !isObject(raw) ||
    !isClosed(raw, ["version", "alg", "signature", "backLink", issuerMember, derivedMember]) ||
    raw.version !== 1
  ) {
    return fail("schema");
  }
  const { alg: outerAlg, signature, [issuerMember]: issuer, [derivedMember]: derived } = raw;
  const backLink = readBackLink(raw.backLink);
  if (!isObject(issuer) || !isObject(derived) || backLink === null) return fail("schema");
  const { alg, iss, sub, secretVersion, nonce, iat } = issuer;
  if (
    !isClosed(issuer, ["iss", "sub", "iat", "nonce", "secretVersion", "alg"]) ||
    !isText(outerAlg) ||
    !isText(alg) ||
    !isText(iss) ||
    !isText(sub) ||
    !isText(secretVersion) ||
    !isText(nonce, MAX_JTI_LENGTH) ||
    !isTime(iat) ||
    typeof signature !== "string"
  ) {
    return fail("schema");
  }
  return ok({ raw, outerAlg, alg, iss, sub, secretVersion, nonce, backLink, signature, derived });
}

function readBackLink(value: JsonValue | undefined): BackLink | null {
  if (!isObject(value)) return null;
  const { attestationDigest, attestationNonce, fallbackProjection = null } = value;
  const isLink =
    isClosed(value, ["attestationDigest", "attestationNonce"], ["fallbackProjection"]) &&
    isDigest(attestationDigest) &&
    isText(attestationNonce, MAX_JTI_LENGTH);
  if (!isLink || (fallbackProjection !== null && fallbackProjection !== FALLBACK_PROJECTION)) return null;
  return { attestationDigest, attestationNonce, fallbackProjection };
}

/** References to results elsewhere are not read: nobody could tell from the record alone what they were. */
function readCommitment(value: JsonValue): ResultCommitment | "malformed" {
  if (!isObject(value) || !isClosed(value, ["projection", "projectionDigest"])) return "malformed";
  const { projection, projectionDigest } = value;
  return typeof projection === "string" && isDigest(projectionDigest)
    ? { projection, projectionDigest }
    : "malformed";
}

const isClosed = (
  object: JsonObject,
  required: readonly string[],
  optional: readonly string[] = [],
): boolean =>
  required.every((name) => Object.hasOwn(object, name)) &&
  Object.keys(object).every((name) => required.includes(name) || optional.includes(name));

const isOneOf = <const T extends string>(value: JsonValue | undefined, values: readonly T[]): value is T =>
  (values as readonly (JsonValue | undefined)[]).includes(value);

const isText = (value: JsonValue | undefined, max = MAX_IDENTIFIER_LENGTH): value is string =>
  typeof value === "string" && value !== "" && value.length <= max;

const isDigest = (value: JsonValue | undefined): value is string => digitsOf(value) !== null;

/** Scores are text, since a fraction has no canonical form that all signers agree on. */
const isDecimal = (value: JsonValue | undefined): boolean =>
  typeof value === "string" && /^-?[0-9]{1,18}(?:\.[0-9]{1,18})?$/.test(value);

/** A UTC time in whole seconds. */
const isTime = (value: JsonValue | undefined): value is string =>
  parseTime(value) !== null && !String(value).includes(".");
