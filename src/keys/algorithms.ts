import { type KeyAlgorithm, type SigningParameters, WEB_CRYPTO } from "./key.ts";

/** JOSE names of all algorithms that messages and tokens are signed with. */
export type MessageAlgorithm = KeyAlgorithm | "HS256";

/** One signature algorithm under its three names (RFC 9421 section 3.3). */
export interface SignatureAlgorithm {
  /** Value of the `alg` parameter. */
  readonly name: string;
  readonly webCrypto: SigningParameters;
  /** Octets of a signature; null where they are those of the modulus. ECDSA: r then s, not DER. */
  readonly signatureLength: number | null;
}

/** The only place that relates the names of one algorithm. Which keys there are is for `key.ts` to say. */
const SIGNATURE_ALGORITHMS: Readonly<Record<MessageAlgorithm, SignatureAlgorithm>> = {
  ES256: { name: "ecdsa-p256-sha256", webCrypto: WEB_CRYPTO.ES256, signatureLength: 64 },
  ES384: { name: "ecdsa-p384-sha384", webCrypto: WEB_CRYPTO.ES384, signatureLength: 96 },
  EdDSA: { name: "ed25519", webCrypto: WEB_CRYPTO.EdDSA, signatureLength: 64 },
  PS512: { name: "rsa-pss-sha512", webCrypto: WEB_CRYPTO.PS512, signatureLength: null },
  RS256: { name: "rsa-v1_5-sha256", webCrypto: WEB_CRYPTO.RS256, signatureLength: null },
  HS256: { name: "hmac-sha256", webCrypto: { name: "HMAC" }, signatureLength: 32 },
};

/** What a key of this JOSE algorithm signs with. */
export const algorithmOf = (key: MessageAlgorithm): SignatureAlgorithm => SIGNATURE_ALGORITHMS[key];

export function verifyBytes(
  { webCrypto, signatureLength }: SignatureAlgorithm,
  key: CryptoKey,
  signature: Uint8Array<ArrayBuffer>,
  base: Uint8Array<ArrayBuffer>,
): Promise<boolean> {
  if (signatureLength !== null && signature.length !== signatureLength) return Promise.resolve(false);
  return crypto.subtle.verify(webCrypto, key, signature, base);
}
