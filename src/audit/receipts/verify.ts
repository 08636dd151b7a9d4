/** Verification of a record's signature, and of what a receipt says about a result. */

import { fromHex } from "../../encoding.ts";
import { digitsOf } from "../../evidence/attestation/envelope.ts";
import { projectionForm } from "../../evidence/attestation/projection.ts";
import {
  isAttestationAlgorithm,
  signatureLength,
  signingInput,
  webCrypto,
} from "../../evidence/attestation/signature.ts";
import { digestOf } from "../../json/digest.ts";
import { type JsonObject, type JsonValue, parseStrictJson } from "../../json/strict-json.ts";
import { importVerificationKey } from "../../keys/hygiene.ts";
import { fail, ok, type Result } from "../../result.ts";
import { type AttestationKey, attestationKeyId } from "../../tenant/tenant.ts";
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

/**
 * The keys for records of one issuer, from a JWK Set (RFC 7517) as Countersign publishes it. What is no ES256 key signs no records,
 * and of two keys under one `kid` neither does.
 *
 * @param iss of the records: the tenant's public URL
 */
export async function executionKeys(
  iss: string,
  { keys }: { readonly keys: readonly JsonObject[] },
): Promise<ReadonlyMap<string, AttestationKey>> {
  const imported = await Promise.all(keys.map((jwk) => importVerificationKey(jwk, ["ES256"])));
  const known = imported.flatMap((key) => (key.ok ? [key.value] : []));
  const isAlone = (kid: string) => known.filter((key) => key.kid === kid).length === 1;
  return new Map(known.filter(({ kid }) => isAlone(kid)).map((key) => [attestationKeyId(iss, key.kid), key]));
}

/**
 * What a receipt's projection is to a result: the result itself, or its digest alone. Null where it is neither, and where no signer
 * could have written it (digest of another text, not canonical, a fraction).
 *
 * @param result as the origin answered: `result`, or `error` of the JSON-RPC message
 */
export async function resultForm(
  { projection, projectionDigest }: ResultCommitment,
  result: JsonValue,
): Promise<"identity" | "hash-only" | null> {
  if (!parseStrictJson(projection, "integer").ok) return null;
  const form = await projectionForm({ text: projection, digest: digitsOf(projectionDigest) }, result, "none");
  return form.ok && form.value !== "redacted" ? form.value : null;
}
