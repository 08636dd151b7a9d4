import { importVerificationKey } from "../hygiene.ts";
import type { KeyAlgorithm } from "../key.ts";
import type { Certificate } from "./certificate.ts";

/** A kind of key in certificates. */
interface KeyKind {
  readonly alg: KeyAlgorithm;
  /** How WebCrypto imports it; RSA keys belong to a hash there. */
  readonly import: { readonly name: string; readonly namedCurve?: string };
  /** ECDSA: octets of r, and of s, which stand in a DER sequence. */
  readonly integerLength?: number;
}

const P256: KeyKind = { alg: "ES256", import: { name: "ECDSA", namedCurve: "P-256" }, integerLength: 32 };
const P384: KeyKind = { alg: "ES384", import: { name: "ECDSA", namedCurve: "P-384" }, integerLength: 48 };
const ED25519: KeyKind = { alg: "EdDSA", import: { name: "Ed25519" } };
const RSA: KeyKind = { alg: "RS256", import: { name: "RSASSA-PKCS1-v1_5" } };

/**
 * By the AlgorithmIdentifier of a SubjectPublicKeyInfo (RFC 5480, RFC 8410, RFC 3279), DER in base64url. WebCrypto does
 * not look at it everywhere: workerd takes any key for Ed25519.
 */
const KINDS: ReadonlyMap<string, KeyKind> = new Map([
  ["MBMGByqGSM49AgEGCCqGSM49AwEH", P256],
  ["MBAGByqGSM49AgEGBSuBBAAi", P384],
  ["MAUGAytlcA", ED25519],
  ["MA0GCSqGSIb3DQEBAQUA", RSA],
]);

/** What certificates may be signed with, by object identifier (RFC 5758, RFC 4055, RFC 8410). A hash belongs to its curve, as in JOSE. */
const ALGORITHMS: ReadonlyMap<string, { readonly kind: KeyKind; readonly hash?: string }> = new Map([
  ["1.2.840.10045.4.3.2", { kind: P256, hash: "SHA-256" }],
  ["1.2.840.10045.4.3.3", { kind: P384, hash: "SHA-384" }],
  ["1.2.840.113549.1.1.11", { kind: RSA, hash: "SHA-256" }],
  ["1.2.840.113549.1.1.12", { kind: RSA, hash: "SHA-384" }],
  ["1.2.840.113549.1.1.13", { kind: RSA, hash: "SHA-512" }],
  ["1.3.101.112", { kind: ED25519 }],
]);

/** Whether a certificate is signed with the key of another one, which has to be fit for that. */
export async function isSignedBy(certificate: Certificate, authority: Certificate): Promise<boolean> {
  const algorithm = ALGORITHMS.get(certificate.signatureAlgorithm);
  if (algorithm === undefined || KINDS.get(authority.keyAlgorithm) !== algorithm.kind) return false;
  const { kind, hash } = algorithm;
  const { signature: der } = certificate;
  const signature = kind.integerLength === undefined ? der : fromDerSignature(der, kind.integerLength);
  const key = await importSpki(authority.spki, { ...kind.import, ...(hash && { hash }) });
  if (signature === null || key === null) return false;
  if (!(await importVerificationKey(await publicJwk(key), [kind.alg])).ok) return false;
  return crypto.subtle.verify(
    { name: kind.import.name, ...(hash && { hash }) },
    key,
    signature,
    certificate.tbs,
  );
}

/** The public JWK of a certificate's key; null for kinds of keys that we verify nothing with. */
export async function subjectJwk({ keyAlgorithm, spki }: Certificate): Promise<JsonWebKey | null> {
  const kind = KINDS.get(keyAlgorithm);
  const key = kind === undefined ? null : await importSpki(spki, { ...kind.import, hash: "SHA-256" });
  return key && publicJwk(key);
}

async function importSpki(
  spki: Uint8Array<ArrayBuffer>,
  algorithm: KeyKind["import"] & { readonly hash?: string },
): Promise<CryptoKey | null> {
  try {
    return await crypto.subtle.importKey("spki", spki, algorithm, true, ["verify"]);
  } catch (cause) {
    if (!(cause instanceof DOMException)) throw cause;
    return null;
  }
}

/** What the key is, without what WebCrypto says it is for. */
async function publicJwk(key: CryptoKey): Promise<JsonWebKey> {
  const {
    alg: _alg,
    key_ops: _ops,
    ext: _ext,
    ...jwk
  } = (await crypto.subtle.exportKey("jwk", key)) as JsonWebKey;
  return jwk;
}

/** Ecdsa-Sig-Value (RFC 3279 section 2.2.3) as r then s, each of this many octets; null for what is none. */
function fromDerSignature(der: Uint8Array, length: number): Uint8Array<ArrayBuffer> | null {
  const raw = new Uint8Array(2 * length);
  let at = 2;
  for (const end of [length, 2 * length]) {
    const size = der[at + 1] ?? 0;
    const octets = der.subarray(at + 2, at + 2 + size);
    const start = octets[0] === 0 ? 1 : 0;
    if (der[at] !== 0x02 || octets.length !== size || size === 0 || size - start > length) return null;
    raw.set(octets.subarray(start), end - (size - start));
    at += 2 + size;
  }
  return der[0] === 0x30 && der[1] === der.length - 2 && at === der.length ? raw : null;
}
