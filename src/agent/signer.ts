import { calculateJwkThumbprint, exportJWK, generateKeyPair, importJWK, type JWK, SignJWT } from "jose";

/** A private key that signs mandates, or ECTs and HTTP messages, and the name it is registered under. */
export interface Signer {
  /** As in the tenant document. */
  readonly kid: string;
  readonly alg: SignerAlgorithm;
  readonly privateKey: CryptoKey;
}

/** P-256 or Ed25519. A tenant takes ECTs signed with ES256 unless its document says otherwise. */
export type SignerAlgorithm = "ES256" | "EdDSA";

/**
 * Imports a private key from a JWK (RFC 7517): P-256 signs with ES256, Ed25519 with EdDSA.
 *
 * @param kid without it the JWK's own `kid`, or else its RFC 7638 thumbprint
 * @throws TypeError for any other kind of key, and for one without its private part
 * @example
 * import { importSigner } from "countersign/agent";
 *
 * const signer = await importSigner({
 *   kty: "EC",
 *   crv: "P-256",
 *   x: "qIVYZVLCrPZHGHjP17CTW0_-D9Lfw0EkjqF7xB4FivA",
 *   y: "Mc4nN9LTDOBhfoUeg8Ye9WedFRhnZXZJA12Qp0zZ6F0",
 *   d: "UpuF81l-kOxbjf7T4mNSv0r5tN67Gim7rnf6EFpcYDs",
 * });
 */
export async function importSigner(jwk: JWK, kid?: string): Promise<Signer> {
  const { kty, crv, x, y, d } = jwk;
  const alg = algorithmOf(jwk);
  if (d === undefined) throw new TypeError("the JWK has no private part (d)");
  // Only these members: `alg`, `use` and `key_ops` are spelled in too many ways to hand them on.
  const members = { kty, crv, x, d, ...(y !== undefined && { y }) } as JWK;
  const privateKey = await importJWK(members, alg);
  if (privateKey instanceof Uint8Array) throw new TypeError("the JWK is a secret, not a private key");
  return { kid: kid ?? jwk.kid ?? (await calculateJwkThumbprint(members)), alg, privateKey };
}

/**
 * Makes a key pair.
 *
 * @param options.kid without it the RFC 7638 thumbprint of the key
 * @param options.extractable whether `exportJWK` of jose can read the private key, to keep it; no by default
 * @returns the signer, and the public key to put into the tenant document
 * @example
 * import { generateSigner } from "countersign/agent";
 *
 * const { signer, publicJwk } = await generateSigner({ alg: "ES256" });
 * console.log(signer.kid, JSON.stringify(publicJwk));
 */
export async function generateSigner(options: {
  readonly alg: SignerAlgorithm;
  readonly kid?: string;
  readonly extractable?: boolean;
}): Promise<{ signer: Signer; publicJwk: PublicJwk }> {
  const { alg, extractable = false } = options;
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable });
  const jwk = await exportJWK(publicKey);
  const kid = options.kid ?? (await calculateJwkThumbprint(jwk));
  const { kty = "", crv = "", x = "", y } = jwk;
  return {
    signer: { kid, alg, privateKey },
    publicJwk: { kty, crv, x, ...(y !== undefined && { y }), kid, alg },
  };
}

/** A public key as a tenant document lists it. */
export interface PublicJwk {
  readonly kty: string;
  readonly crv: string;
  readonly x: string;
  /** P-256 only. */
  readonly y?: string;
  readonly kid: string;
  readonly alg: SignerAlgorithm;
}

/** Signs claims as a JWS in compact serialization. */
export const signJwt = (
  { kid, alg, privateKey }: Signer,
  typ: string,
  claims: Readonly<Record<string, unknown>>,
): Promise<string> => new SignJWT({ ...claims }).setProtectedHeader({ alg, typ, kid }).sign(privateKey);

function algorithmOf({ kty, crv }: JWK): SignerAlgorithm {
  if (kty === "EC" && crv === "P-256") return "ES256";
  if (kty === "OKP" && crv === "Ed25519") return "EdDSA";
  throw new TypeError(`a signer's key is P-256 or Ed25519, not ${kty} ${crv ?? ""}`.trimEnd());
}
