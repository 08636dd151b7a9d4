/** The test keys of `vectors/keys.json`. Every signature made with them is the same each time. */

import { p256, p384 } from "@noble/curves/nist.js";
import keyFile from "../../../vectors/keys.json" with { type: "json" };

export type Bytes = Uint8Array<ArrayBuffer>;

export interface Jwk {
  readonly kty: string;
  readonly kid: string;
  readonly [member: string]: unknown;
}

export interface Key {
  readonly alg: string;
  readonly kid: string;
  /** For tenant documents. */
  readonly publicJwk: Jwk;
  /** base64url; of shared secrets alone. */
  readonly secret: string | null;
  sign(bytes: Bytes): Promise<Bytes>;
}

const ENTRIES: Readonly<Record<string, { readonly alg: string; readonly jwk: Jwk }>> = keyFile.keys;

/** Members of a JWK that are secret (RFC 7518 section 6). */
const PRIVATE = new Set(["d", "p", "q", "dp", "dq", "qi", "oth", "k"]);

/** The key of a name in `vectors/keys.json`. */
export function key(name: string): Key {
  const entry = ENTRIES[name];
  if (entry === undefined) throw new Error(`vectors/keys.json has no key ${name}`);
  const { alg, jwk } = entry;
  const publicMembers = Object.entries(jwk).filter(([member]) => !PRIVATE.has(member));
  return {
    alg,
    kid: jwk.kid,
    publicJwk: Object.fromEntries(publicMembers) as unknown as Jwk,
    secret: typeof jwk.k === "string" ? jwk.k : null,
    sign: (bytes) => sign(alg, jwk, bytes),
  };
}

/** Signs as JWA says: ECDSA as r and s, not DER. */
async function sign(alg: string, jwk: Jwk, bytes: Bytes): Promise<Bytes> {
  const d = Buffer.from(typeof jwk.d === "string" ? jwk.d : "", "base64url");
  switch (alg) {
    // WebCrypto's ECDSA is random; this one has the nonces of RFC 6979.
    case "ES256":
      return new Uint8Array(p256.sign(bytes, d, { lowS: false }));
    case "ES384":
      return new Uint8Array(p384.sign(bytes, d, { lowS: false }));
    case "EdDSA":
      return webCrypto(jwk, { name: "Ed25519" }, bytes);
    case "RS256":
      return webCrypto(jwk, { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" }, bytes);
    case "HS256":
      return webCrypto(jwk, { name: "HMAC", hash: "SHA-256" }, bytes);
    default:
      throw new Error(`nothing is signed with ${alg} here`);
  }
}

/** Most of the time of a signature would go into reading its key. */
const imported = new Map<Jwk, Promise<CryptoKey>>();

async function webCrypto(jwk: Jwk, algorithm: { name: string; hash?: string }, bytes: Bytes): Promise<Bytes> {
  const { kid: _, ...members } = jwk;
  const key = imported.get(jwk) ?? crypto.subtle.importKey("jwk", members, algorithm, false, ["sign"]);
  imported.set(jwk, key);
  return new Uint8Array(await crypto.subtle.sign(algorithm, await key, bytes));
}

/** Checks a signature with WebCrypto, which had no part in making those of ECDSA. */
export async function isSignedWith(name: string, bytes: Bytes, signature: Bytes): Promise<boolean> {
  const { alg, publicJwk } = key(name);
  const curve = { ES256: "P-256", ES384: "P-384" }[alg];
  if (curve === undefined) throw new Error(`${name} is no ECDSA key`);
  const { kid: _, ...members } = publicJwk;
  const imported = await crypto.subtle.importKey(
    "jwk",
    members,
    { name: "ECDSA", namedCurve: curve },
    false,
    ["verify"],
  );
  const hash = alg === "ES256" ? "SHA-256" : "SHA-384";
  return crypto.subtle.verify({ name: "ECDSA", hash }, imported, signature, bytes);
}

export const keyNames = (): readonly string[] => Object.keys(ENTRIES);
