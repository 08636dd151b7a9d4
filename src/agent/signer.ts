import { calculateJwkThumbprint, exportJWK, generateKeyPair, importJWK, type JWK, SignJWT } from "jose";

/** A private key that signs mandates, or ECTs and HTTP messages, and the name it is registered under. */
export interface Signer {
  /** As in the tenant document. */
  readonly kid: string;
  readonly alg: SignerAlgorithm;
  readonly privateKey: CryptoKey;
  /**
   * Certificates of the key, its own first, each as DER in base64 (RFC 7515 section 4.1.6): every token it signs carries
   * them. For issuers whose keys a tenant knows by an authority.
   */
  readonly x5c?: readonly string[];
}

/**
 * P-256, Ed25519, P-384, RSA (PSS, or PKCS #1 v1.5), and a shared secret. All of them sign HTTP messages, where the tenant
 * takes them: the last two only if its document says so. Mandates and ECTs are signed with the first two alone; a tenant
 * takes ECTs signed with ES256 unless its document says otherwise.
 */
export type SignerAlgorithm = "ES256" | "EdDSA" | "ES384" | "PS512" | "RS256" | "HS256";

/** Algorithms of key pairs that can be made here. */
export type KeyPairAlgorithm = Exclude<SignerAlgorithm, "HS256">;

/**
 * Imports a private key from a JWK (RFC 7517): P-256 signs with ES256, Ed25519 with EdDSA, P-384 with ES384, RSA with PS512
 * or, if its `alg` says so, RS256; a shared secret (`kty` `oct`) with HS256.
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
  const alg = algorithmOf(jwk);
  if (alg === "HS256") return importSecret(jwk, kid);
  if (jwk.d === undefined) throw new TypeError("the JWK has no private part (d)");
  // Only these members: `alg`, `use` and `key_ops` are spelled in too many ways to hand them on.
  const { kty, crv, x, y, d, n, e, p, q, dp, dq, qi } = jwk;
  const members = withoutUndefined({ kty, crv, x, y, d, n, e, p, q, dp, dq, qi });
  const privateKey = await importJWK(members, alg);
  if (privateKey instanceof Uint8Array) throw new TypeError("the JWK is a secret, not a private key");
  return { kid: kid ?? jwk.kid ?? (await calculateJwkThumbprint(members)), alg, privateKey };
}

async function importSecret({ kty, k, ...jwk }: JWK, kid = jwk.kid): Promise<Signer> {
  if (kid === undefined) throw new TypeError("a shared secret needs a kid: nothing of it may be shown");
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  const secret = await crypto.subtle.importKey("jwk", { kty, k } as JsonWebKey, algorithm, false, ["sign"]);
  return { kid, alg: "HS256", privateKey: secret };
}

const withoutUndefined = (members: Readonly<Record<string, string | undefined>>): JWK =>
  Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as JWK;

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
  readonly alg: KeyPairAlgorithm;
  readonly kid?: string;
  readonly extractable?: boolean;
}): Promise<{ signer: Signer; publicJwk: PublicJwk }> {
  const { alg, extractable = false } = options;
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable });
  const jwk = await exportJWK(publicKey);
  const kid = options.kid ?? (await calculateJwkThumbprint(jwk));
  const { kty = "", crv, x, y, n, e } = jwk;
  const members = withoutUndefined({ kty, crv, x, y, n, e }) as JWK & { kty: string };
  return { signer: { kid, alg, privateKey }, publicJwk: { ...members, kid, alg } };
}

/** A public key as a tenant document lists it. */
export interface PublicJwk {
  readonly kty: string;
  /** All but RSA. */
  readonly crv?: string;
  readonly x?: string;
  /** P-256 and P-384. */
  readonly y?: string;
  /** RSA. */
  readonly n?: string;
  readonly e?: string;
  readonly kid: string;
  readonly alg: KeyPairAlgorithm;
}

/**
 * Signs claims as a JWS in compact serialization.
 *
 * @throws TypeError for a key that tokens are not signed with
 */
export async function signJwt(
  { kid, alg, privateKey, x5c }: Signer,
  typ: string,
  claims: Readonly<Record<string, unknown>>,
): Promise<string> {
  if (alg !== "ES256" && alg !== "EdDSA") {
    throw new TypeError(`mandates and ECTs are signed with ES256 or EdDSA, not ${alg}`);
  }
  const header = { alg, typ, kid, ...(x5c !== undefined && { x5c: [...x5c] }) };
  return new SignJWT({ ...claims }).setProtectedHeader(header).sign(privateKey);
}

function algorithmOf({ kty, crv, alg }: JWK): SignerAlgorithm {
  if (kty === "EC" && crv === "P-256") return "ES256";
  if (kty === "EC" && crv === "P-384") return "ES384";
  if (kty === "OKP" && crv === "Ed25519") return "EdDSA";
  if (kty === "RSA") return alg === "RS256" ? "RS256" : "PS512";
  if (kty === "oct") return "HS256";
  const found = `${kty} ${crv ?? ""}`.trimEnd();
  throw new TypeError(`a signer's key is P-256, P-384, Ed25519, RSA or a shared secret, not ${found}`);
}
