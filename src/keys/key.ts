/** JOSE algorithm names of the public keys Countersign verifies with. */
export type KeyAlgorithm = "ES256" | "ES384" | "EdDSA" | "PS512" | "RS256";

/** What WebCrypto signs and verifies with. ECDSA signatures are r then s, not DER. */
export const WEB_CRYPTO: Readonly<Record<KeyAlgorithm, SigningParameters>> = {
  ES256: { name: "ECDSA", hash: "SHA-256" },
  ES384: { name: "ECDSA", hash: "SHA-384" },
  EdDSA: { name: "Ed25519" },
  PS512: { name: "RSA-PSS", saltLength: 64 },
  RS256: { name: "RSASSA-PKCS1-v1_5" },
};

export interface SigningParameters {
  readonly name: string;
  readonly hash?: string;
  readonly saltLength?: number;
}

/** What mandates, execution records and ECTs are signed with (Countersign profile). */
export const TOKEN_ALGORITHMS = ["ES256", "EdDSA"] as const satisfies readonly KeyAlgorithm[];

export type TokenAlgorithm = (typeof TOKEN_ALGORITHMS)[number];

/** What workload identity tokens are signed with, and what the keys in them may be for. */
export const WIT_ALGORITHMS = ["ES256", "ES384", "EdDSA", "PS512"] as const satisfies readonly KeyAlgorithm[];

/**
 * What access tokens and DPoP proofs are signed with. RFC 9068 section 2.1 wants RS256, and most JWK sets do not say what an RSA key is
 * for, so that it is the only one for RSA here.
 */
export const OAUTH_ALGORITHMS = [
  "ES256",
  "ES384",
  "EdDSA",
  "RS256",
] as const satisfies readonly KeyAlgorithm[];

/** The same as metadata and challenges list them. RFC 9864 gives EdDSA with this curve a name of its own. */
export const OAUTH_ALGORITHM_NAMES: readonly string[] = [...OAUTH_ALGORITHMS, "Ed25519"];

export type OAuthAlgorithm = (typeof OAUTH_ALGORITHMS)[number];

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

/** A shared secret with a name, in the place of a public key. */
export interface NamedSecret extends SharedSecret {
  readonly kid: string;
  /**
   * Tells two secrets apart that HMAC tells apart, and those alone: a MAC by the secret itself. A plain hash would let
   * whoever reads it somewhere try out secrets, as RFC 7638 section 7 warns; this gives away no more than a signature.
   */
  readonly thumbprint: string;
}
