/** What verifying and signing share: the signed bytes and the algorithms of SEP-2787. */

import { utf8 } from "../../encoding.ts";
import { canonical } from "../../json/canonical.ts";
import type { JsonObject } from "../../json/strict-json.ts";

export type AttestationAlgorithm = "HS256" | "ES256" | "RS256";

const WEB_CRYPTO = {
  HS256: { name: "HMAC" },
  // The signature is r || s in this primitive, as SEP-2787 wants it, never DER.
  ES256: { name: "ECDSA", hash: "SHA-256" },
  RS256: { name: "RSASSA-PKCS1-v1_5" },
} as const satisfies Record<AttestationAlgorithm, object>;

export const isAttestationAlgorithm = (alg: string): alg is AttestationAlgorithm =>
  Object.hasOwn(WEB_CRYPTO, alg);

export const webCrypto = (alg: AttestationAlgorithm) => WEB_CRYPTO[alg];

/**
 * The bytes a signature covers, in dialects A and B: JCS of the envelope without `signature`. Taken from the envelope
 * as received, so that members nobody modelled are covered too.
 */
export function signingInput(envelope: JsonObject): Uint8Array<ArrayBuffer> {
  const { signature: _, ...signed } = envelope;
  return utf8(canonical(signed));
}

/** The same in dialect C, where `signature` is there and empty. */
export const signingInputC = (envelope: JsonObject): Uint8Array<ArrayBuffer> =>
  utf8(canonical({ ...envelope, signature: "" }));

/** Bytes of a signature made with this key. */
export function signatureLength(alg: AttestationAlgorithm, key: CryptoKey): number {
  switch (alg) {
    case "HS256":
      return 32;
    case "ES256":
      return 64;
    case "RS256":
      return Math.ceil((key.algorithm as { modulusLength: number }).modulusLength / 8);
  }
}
