/** JOSE algorithm names of the signature keys Countersign verifies with. */
export type KeyAlgorithm = "ES256" | "EdDSA" | "RS256";

/** A public key that passed `hygiene.ts`, imported for exactly one algorithm. */
export interface VerificationKey {
  /** As registered; the RFC 7638 thumbprint where the JWK has no `kid`. Unique in its table. */
  readonly kid: string;
  /** Pinned: a message names an algorithm only to be compared with this. */
  readonly alg: KeyAlgorithm;
  /** RFC 7638 SHA-256 thumbprint, base64url. */
  readonly thumbprint: string;
  readonly key: CryptoKey;
}

/** A shared secret for HS256. Whoever verifies with it can also forge, so it proves nothing to third parties. */
export interface SharedSecret {
  readonly alg: "HS256";
  readonly key: CryptoKey;
}
