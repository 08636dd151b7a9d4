/** What `GET <tenant>/receipts/<decision>` answers; `check.ts` verifies it, `write.ts` writes it. */

import { isObject, parseStrictJson } from "../../json/strict-json.ts";
import { isProof, type Proof } from "../proof.ts";
import type { AuditRecord } from "../record.ts";
import { type Check, isCount, isListOf, isNullOr, isRecord, isText, memberFault } from "../shapes.ts";

export interface ReceiptDocument {
  readonly decision: AuditRecord;
  /** Null for a denial, and while the call runs. */
  readonly outcome: AuditRecord | null;
  /** Decision record and execution receipt of an attested call (SEP-2828), as far as there are any: those that the two records hold. */
  readonly execution: readonly string[];
  /** Each is null until a checkpoint covers its record. */
  readonly proof: { readonly decision: Proof | null; readonly outcome: Proof | null };
  /** A compact JWS, see `ReceiptClaims`; null until all that it would say is proven. */
  readonly receipt: string | null;
  /** Seconds until what is null now may be there; null where nothing more will come. */
  readonly retry_after: number | null;
}

const DOCUMENT: Readonly<Record<keyof ReceiptDocument, Check>> = {
  decision: isRecord,
  outcome: isNullOr(isRecord),
  execution: isListOf(isText),
  proof: (proof) =>
    isObject(proof) &&
    memberFault(proof, { decision: isNullOr(isProof), outcome: isNullOr(isProof) }) === null,
  receipt: isNullOr(isText),
  retry_after: isNullOr(isCount),
};

/** Reads the JSON of a document; null where it has another form. Nothing in it is verified. */
export function readDocument(text: string): ReceiptDocument | null {
  const json = parseStrictJson(text);
  const isShaped = json.ok && isObject(json.value) && memberFault(json.value, DOCUMENT) === null;
  return isShaped ? (json.value as unknown as ReceiptDocument) : null;
}
