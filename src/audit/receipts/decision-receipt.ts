/** The receipt that the answer to every governed request carries: what was decided, and its place in the journal. */

import { decodeJws } from "../../evidence/jws.ts";
import type { JsonObject } from "../../json/strict-json.ts";
import type { Place } from "../../ledger/protocol.ts";
import type { Reason } from "../../reasons.ts";
import { fail, ok, type Result } from "../../result.ts";
import { type AuditRecord, type DecisionFacts, isForwarded, type Verdict } from "../record.ts";
import { isCount, isHash, isNullOr, isOneOf, isText, memberFault } from "../shapes.ts";
import { type SigningKeys, signStatement } from "../signing-keys.ts";
import { type StatementFault, type StatementKeys, verifyStatement } from "../statement.ts";

/** Carries the receipt, a compact JWS (RFC 7515). */
export const RECEIPT_HEADER = "countersign-receipt";

/** `typ` of its header. */
export const RECEIPT_TYPE = "countersign-receipt+jwt";

/** What a receipt says. The record behind `hash` says the rest; see `digestRecord` and `linkHash`. */
export interface ReceiptClaims {
  /** The tenant's public URL. */
  readonly iss: string;
  /** The principal. */
  readonly sub: string;
  /** The decision id. */
  readonly jti: string;
  /** When it was decided, seconds. */
  readonly iat: number;
  readonly verdict: Verdict;
  readonly reason: Reason | null;
  readonly act: string | null;
  /** base64url SHA-256 of the body. */
  readonly inp_hash: string | null;
  readonly chain: string;
  readonly seq: number;
  readonly hash: string;
  /** `hash` of the record of the outcome, null for a denial. Only in a receipt that was asked for, never in a header. */
  readonly outcome?: string | null;
}

export interface Decided {
  readonly issuer: string;
  readonly decision: string;
  readonly verdict: Verdict;
  readonly reason: Reason | null;
  readonly facts: Pick<DecisionFacts, "principal" | "action" | "input_hash">;
  readonly place: Place;
}

export const signReceipt = (decided: Decided, { signing }: SigningKeys): Promise<string> =>
  signStatement(signing, RECEIPT_TYPE, claimsOf(decided));

/**
 * The receipt of a decision that is in the log, with its outcome. Only for records that are under a checkpoint: whoever can write to
 * the log could else have whatever signed.
 *
 * @param issuer whose checkpoint it is
 */
export const signLater = (
  issuer: string,
  decision: AuditRecord,
  outcome: AuditRecord | null,
  { signing }: SigningKeys,
): Promise<string> =>
  signStatement(signing, RECEIPT_TYPE, { ...claimsIn(issuer, decision), outcome: outcome?.hash ?? null });

function claimsOf({ issuer, decision, verdict, reason, facts, place }: Decided): ReceiptClaims {
  const { chain, seq, time, hash } = place;
  return {
    iss: issuer,
    sub: facts.principal,
    jti: decision,
    iat: Math.floor(time / 1000),
    verdict,
    reason,
    act: facts.action,
    inp_hash: facts.input_hash,
    chain,
    seq,
    hash,
  };
}

/** What the receipt of a decision says, according to its record. */
export const claimsIn = (issuer: string, record: AuditRecord): ReceiptClaims =>
  claimsOf({
    issuer,
    decision: record.id,
    verdict: record.verdict ?? "denied",
    reason: record.reason,
    facts: record,
    place: record,
  });

/** Whether a record is that of what became of this decision. */
export const isOutcomeOf = (outcome: AuditRecord, decision: AuditRecord): boolean =>
  isForwarded(decision.verdict) &&
  outcome.kind === "outcome" &&
  outcome.id === `${decision.id}.outcome` &&
  outcome.seq > decision.seq &&
  (["decision", "tenant", "chain", "principal", "mandate", "input_hash"] as const).every(
    (name) => outcome[name] === decision[name],
  );

const CLAIMS = {
  iss: isText,
  sub: isText,
  jti: isText,
  iat: isCount,
  verdict: isOneOf("admitted", "observed", "denied"),
  reason: isNullOr(isText),
  act: isNullOr(isText),
  inp_hash: isNullOr(isHash),
  chain: isText,
  seq: isCount,
  hash: isHash,
};

/** `malformed`: no compact JWS. `claims`: signed, but they are not those of a receipt. */
export type ReceiptFault = "malformed" | "claims" | StatementFault;

/** Verifies type, key, algorithm and signature of a receipt, and reads it. Receipts have no expiry. */
export async function verifyReceipt(
  text: string,
  keys: StatementKeys,
): Promise<Result<ReceiptClaims, ReceiptFault>> {
  const jws = decodeJws(text);
  if (!jws.ok) return fail("malformed");
  const verified = await verifyStatement(jws.value, RECEIPT_TYPE, keys);
  return verified.ok ? readClaims(verified.value) : verified;
}

function readClaims(payload: JsonObject): Result<ReceiptClaims, "claims"> {
  const checks = Object.hasOwn(payload, "outcome") ? { ...CLAIMS, outcome: isNullOr(isHash) } : CLAIMS;
  return memberFault(payload, checks) === null ? ok(payload as unknown as ReceiptClaims) : fail("claims");
}
