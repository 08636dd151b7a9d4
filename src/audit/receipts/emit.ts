/**
 * Writes decision records and execution receipts (SEP-2828), for attested calls; `record.ts` reads them. They are signed with
 * ES256, the only asymmetric algorithm that SEP-2828 and Countersign's own keys share.
 */

import { toHex } from "../../encoding.ts";
import { signingInput, webCrypto } from "../../evidence/attestation/signature.ts";
import { canonical } from "../../json/canonical.ts";
import { digestOf } from "../../json/digest.ts";
import type { JsonObject, JsonValue } from "../../json/strict-json.ts";
import type { SigningKey } from "../../keys/signing.ts";

const ALG = "ES256";

/** What a record is about, and who says it. */
export interface Emission {
  /** The tenant's public URL. */
  readonly iss: string;
  /** The principal. */
  readonly sub: string;
  /** No other record has it. */
  readonly nonce: string;
  /** Seconds, whole. */
  readonly at: number;
  /** The attestation as received: `sha256:<hex>` of its canonical form with its signature, and its nonce. */
  readonly attestation: { readonly digest: string; readonly nonce: string };
}

export interface EmittedRecord {
  /** Canonical JSON. */
  readonly text: string;
  /** `sha256:<hex>` of it. */
  readonly digest: string;
}

/** Says before the call is passed on what was decided; of a call that was blocked, also why. */
export function emitDecision(
  emission: Emission,
  decided: { readonly decision: "allow" } | { readonly decision: "block"; readonly reason: string },
  key: SigningKey,
): Promise<EmittedRecord> {
  const decidedAt = timeOf(emission.at);
  const issuerAsserted = issuerOf(emission, key);
  return signed({ ...common(emission), decisionDerived: { ...decided, decidedAt }, issuerAsserted }, key);
}

/** Says what became of the call, under this very decision. */
export async function emitReceipt(
  emission: Emission,
  decision: EmittedRecord,
  { status, result }: ExecutionOutcome,
  key: SigningKey,
): Promise<EmittedRecord> {
  const outcomeDerived = {
    status,
    completedAt: timeOf(emission.at),
    ...(result !== null && { resultCommitment: await commit(result) }),
    decisionDigest: decision.digest,
  };
  const receiptAsserted = issuerOf(emission, key);
  return signed({ ...common(emission), outcomeDerived, receiptAsserted }, key);
}

export type ExecutionOutcome =
  | {
      readonly status: "executed" | "errored";
      /** What is committed to; null where that is nothing. No number in it has a fraction. */
      readonly result: JsonValue | null;
    }
  | { readonly status: "refused"; readonly result: null };

const common = ({ attestation: { digest, nonce } }: Emission) => ({
  version: 1,
  alg: ALG,
  backLink: { attestationDigest: digest, attestationNonce: nonce },
});

const issuerOf = ({ iss, sub, nonce, at }: Emission, { public: { kid } }: SigningKey) => ({
  iss,
  sub,
  iat: timeOf(at),
  nonce,
  secretVersion: kid,
  alg: ALG,
});

/** Commits to the digest alone, which shows nothing of the result. */
async function commit(result: JsonValue): Promise<JsonObject> {
  const projected = { digest: await digestOf(result) };
  return { projection: canonical(projected), projectionDigest: await digestOf(projected) };
}

async function signed(record: JsonObject, { private: own }: SigningKey): Promise<EmittedRecord> {
  const made = await crypto.subtle.sign(webCrypto(ALG), own, signingInput(record));
  const complete = { ...record, signature: toHex(new Uint8Array(made)) };
  return { text: canonical(complete), digest: await digestOf(complete) };
}

/** Whole seconds, as `2026-06-01T10:00:00Z`. */
const timeOf = (at: number): string => new Date(at * 1000).toISOString().replace(".000Z", "Z");
