import type { KeyAlgorithm } from "../../keys/key.ts";

/** JOSE names of all algorithms that messages are signed with. */
export type MessageAlgorithm = KeyAlgorithm | "HS256";

/** One signature algorithm under its three names (RFC 9421 section 3.3). */
export interface SignatureAlgorithm {
  /** Value of the `alg` parameter. */
  readonly name: string;
  readonly webCrypto: { readonly name: string; readonly hash?: string; readonly saltLength?: number };
  /** Octets of a signature; null where they are those of the modulus. ECDSA: r then s, not DER. */
  readonly signatureLength: number | null;
}

/** The only place that relates the names of one algorithm. Which keys exist is for `keys/` to say. */
const SIGNATURE_ALGORITHMS: Readonly<Record<MessageAlgorithm, SignatureAlgorithm>> = {
  ES256: {
    name: "ecdsa-p256-sha256",
    webCrypto: { name: "ECDSA", hash: "SHA-256" },
    signatureLength: 64,
  },
  ES384: {
    name: "ecdsa-p384-sha384",
    webCrypto: { name: "ECDSA", hash: "SHA-384" },
    signatureLength: 96,
  },
  EdDSA: { name: "ed25519", webCrypto: { name: "Ed25519" }, signatureLength: 64 },
  PS512: { name: "rsa-pss-sha512", webCrypto: { name: "RSA-PSS", saltLength: 64 }, signatureLength: null },
  RS256: { name: "rsa-v1_5-sha256", webCrypto: { name: "RSASSA-PKCS1-v1_5" }, signatureLength: null },
  HS256: { name: "hmac-sha256", webCrypto: { name: "HMAC" }, signatureLength: 32 },
};

/** What a key of this JOSE algorithm signs messages with. */
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
