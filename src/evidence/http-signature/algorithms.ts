import type { KeyAlgorithm, VerificationKey } from "../../keys/key.ts";

/** One signature algorithm under its three names (RFC 9421 section 3.3). */
export interface SignatureAlgorithm {
  /** Value of the `alg` parameter. */
  readonly name: string;
  readonly key: KeyAlgorithm;
  readonly webCrypto: { readonly name: string; readonly hash?: string };
  /** Octets of a signature. ECDSA: r then s, not DER. */
  readonly signatureLength: number;
}

/** The only place that relates the names of one algorithm. Which keys exist is for `keys/` to say. */
const SIGNATURE_ALGORITHMS: readonly SignatureAlgorithm[] = [
  {
    name: "ecdsa-p256-sha256",
    key: "ES256",
    webCrypto: { name: "ECDSA", hash: "SHA-256" },
    signatureLength: 64,
  },
  { name: "ed25519", key: "EdDSA", webCrypto: { name: "Ed25519" }, signatureLength: 64 },
];

/** The algorithm a key signs messages with; undefined where there is none. */
export const algorithmOf = (key: KeyAlgorithm): SignatureAlgorithm | undefined =>
  SIGNATURE_ALGORITHMS.find((algorithm) => algorithm.key === key);

export async function verifyBytes(
  algorithm: SignatureAlgorithm,
  key: VerificationKey,
  signature: Uint8Array<ArrayBuffer>,
  base: Uint8Array<ArrayBuffer>,
): Promise<boolean> {
  if (signature.length !== algorithm.signatureLength) return false;
  return crypto.subtle.verify(algorithm.webCrypto, key.key, signature, base);
}
