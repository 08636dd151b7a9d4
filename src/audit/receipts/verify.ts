/** Verification of a record's signature, and of what a receipt says about a result. */

import { fromHex } from "../../encoding.ts";
import {
  isAttestationAlgorithm,
  signatureLength,
  signingInput,
  webCrypto,
} from "../../evidence/attestation/signature.ts";
import { canonical } from "../../json/canonical.ts";
import { isObject, type JsonValue, parseStrictJson } from "../../json/strict-json.ts";
import { fail, ok, type Result } from "../../result.ts";
import { type AttestationKey, attestationKeyId } from "../../tenant/tenant.ts";
import { digestOf, digestOfText } from "./link.ts";
import type { DecisionRecord, ExecutionReceipt, ResultCommitment } from "./record.ts";

/** Signed by a known key, whatever it says. */
export type Verified<T extends DecisionRecord | ExecutionReceipt> = T & {
  /** `sha256:<hex>` of the JCS of the record with its signature. */
  readonly digest: string;
};

export type SignatureFault =
  | "alg_unsupported"
  | "alg_fields_differ"
  | "key_unknown"
  | "alg_not_pinned"
  | "signature_encoding"
  | "signature_mismatch";

/**
 * Records have no expiry. The key decides how it is used: the record's two `alg` can only confirm that.
 *
 * @param keys by `attestationKeyId(iss, secretVersion)`
 */
export async function verifyRecord<T extends DecisionRecord | ExecutionReceipt>(
  record: T,
  keys: ReadonlyMap<string, AttestationKey>,
): Promise<Result<Verified<T>, SignatureFault>> {
  const { alg, outerAlg, iss, secretVersion, raw } = record;
  if (!isAttestationAlgorithm(alg) || !isAttestationAlgorithm(outerAlg)) return fail("alg_unsupported");
  if (alg !== outerAlg) return fail("alg_fields_differ");
  const key = keys.get(attestationKeyId(iss, secretVersion));
  if (key === undefined) return fail("key_unknown");
  if (key.alg !== alg) return fail("alg_not_pinned");
  const signature = fromHex(record.signature, signatureLength(alg, key.key));
  if (signature === null) return fail("signature_encoding");
  const matches = await crypto.subtle.verify(webCrypto(alg), key.key, signature, signingInput(raw));
  return matches ? ok({ ...record, digest: await digestOf(raw) }) : fail("signature_mismatch");
}

export type ResultFault =
  | "projection_digest_mismatch"
  | "projection_not_json"
  | "projection_not_canonical"
  | "result_mismatch";

/**
 * Whether a receipt is about this result: the projection is the result itself, or its digest alone.
 *
 * @param result as the origin answered: `result`, or `error` of the JSON-RPC message
 */
export async function checkResult(
  { projection, projectionDigest }: ResultCommitment,
  result: JsonValue,
): Promise<Result<"identity" | "hash-only", ResultFault>> {
  if (projectionDigest !== (await digestOfText(projection))) return fail("projection_digest_mismatch");
  const parsed = parseStrictJson(projection, "integer");
  if (!parsed.ok) return fail("projection_not_json");
  if (canonical(parsed.value) !== projection) return fail("projection_not_canonical");

  // Identity first: a result may itself be {"digest": "sha256:..."}.
  const actual = canonical(result);
  if (projection === actual) return ok("identity");
  const { value } = parsed;
  const isHashOnly = isObject(value) && Object.keys(value).length === 1;
  return isHashOnly && value.digest === (await digestOfText(actual))
    ? ok("hash-only")
    : fail("result_mismatch");
}
