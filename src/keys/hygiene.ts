/**
 * Which keys are fit to verify with. WebCrypto imports one key under several spellings and labels, and keys for which
 * anybody can make signatures, so every member is checked before WebCrypto sees it.
 */

import { calculateJwkThumbprint } from "jose";
import { fromBase64url, toBase64url, utf8 } from "../encoding.ts";
import {
  MAX_IDENTIFIER_LENGTH,
  MAX_RSA_BITS,
  MAX_RSA_EXPONENT_BYTES,
  MIN_RSA_BITS,
  MIN_SECRET_BYTES,
} from "../limits.ts";
import { fail, ok, type Result } from "../result.ts";
import type { KeyAlgorithm, NamedSecret, SharedSecret, VerificationKey } from "./key.ts";

type Members = Readonly<Record<string, unknown>>;

/** A public key whose own members are sound: those alone, and what they are imported as. */
interface PublicKey {
  readonly alg: KeyAlgorithm;
  readonly jwk: JsonWebKey & { kty: string };
  readonly algorithm: { name: string; namedCurve?: string; hash?: string };
}

/** RFC 7518 sections 6.2.2, 6.3.2 and 6.4.1. */
export const PRIVATE_MEMBERS = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

/** What the JWK's own `alg` may say. RFC 9864 renames EdDSA with this curve to Ed25519. */
const ALG_NAMES: Readonly<Record<KeyAlgorithm, readonly unknown[]>> = {
  ES256: ["ES256"],
  ES384: ["ES384"],
  EdDSA: ["EdDSA", "Ed25519"],
  PS512: ["PS512"],
  RS256: ["RS256"],
};

/**
 * Imports a public JWK (RFC 7517) for exactly one algorithm, which must be in `allowed`: P-256 for ES256, P-384 for
 * ES384, Ed25519 for EdDSA, and RSA for what its `alg` says, or without one for PS512 or RS256, whichever alone is allowed.
 * The error is a sentence for the operator who configured the key.
 */
export async function importVerificationKey(
  jwk: unknown,
  allowed: readonly KeyAlgorithm[],
): Promise<Result<VerificationKey, string>> {
  if (!isMembers(jwk)) return fail("A key must be a JSON object (a JWK).");
  const secret = PRIVATE_MEMBERS.find((name) => jwk[name] !== undefined);
  if (secret !== undefined)
    return fail(`The JWK has the private member ${secret}; give the public key only.`);

  const checked = publicKey(jwk, allowed);
  if (!checked.ok) return checked;
  const { alg, jwk: members, algorithm } = checked.value;
  const fault = algorithmFault(jwk, alg, allowed) ?? useFault(jwk);
  if (fault !== null) return fail(fault);

  const thumbprint = await calculateJwkThumbprint(members);
  const kid = jwk.kid === undefined ? thumbprint : jwk.kid;
  if (!isKid(kid)) return fail(KID_PROBLEM);
  try {
    const key = await crypto.subtle.importKey("jwk", members, algorithm, false, ["verify"]);
    return ok({ kid, alg, thumbprint, key });
  } catch (cause) {
    // Only WebCrypto can tell whether a point is on the curve. Any other exception is a bug.
    if (!(cause instanceof DOMException)) throw cause;
    const { namedCurve } = algorithm;
    return fail(
      namedCurve === undefined
        ? `The key does not import (${cause.name}).`
        : `x and y are not a point of ${namedCurve}.`,
    );
  }
}

/** Imports an HS256 secret, given as canonical base64url. The error is a sentence for the operator. */
export async function importSharedSecret(secret: string): Promise<Result<SharedSecret, string>> {
  const bytes = fromBase64url(secret);
  if (bytes === null) return fail("The secret is not canonical, unpadded base64url.");
  if (bytes.length < MIN_SECRET_BYTES) {
    return fail(`The secret has ${bytes.length} bytes; ${MIN_SECRET_BYTES} is the least accepted.`);
  }
  return ok({ alg: "HS256", key: await crypto.subtle.importKey("raw", bytes, HMAC, false, ["verify"]) });
}

/**
 * Imports a JWK of `kty` `oct` (RFC 7518 section 6.4) for HS256, under its `kid`. The error is a sentence for the operator.
 */
export async function importNamedSecret(jwk: Members): Promise<Result<NamedSecret, string>> {
  const { kty, k, kid, alg } = jwk;
  if (kty !== "oct" || !isText(k)) return fail("A shared secret must be a JWK with kty oct and k.");
  if (alg !== undefined && alg !== "HS256") return fail("alg of this key must be HS256 or absent.");
  if (!isKid(kid)) return fail(KID_PROBLEM);
  const wrongUse = useFault(jwk);
  if (wrongUse !== null) return fail(wrongUse);
  const imported = await importSharedSecret(k);
  if (!imported.ok) return imported;
  const signing = await crypto.subtle.importKey("jwk", { kty, k }, HMAC, false, ["sign"]);
  const mac = await crypto.subtle.sign("HMAC", signing, utf8("Countersign thumbprint of a shared secret"));
  return ok({ ...imported.value, kid, thumbprint: toBase64url(new Uint8Array(mac)) });
}

const HMAC = { name: "HMAC", hash: "SHA-256" };

const isKid = (kid: unknown): kid is string =>
  typeof kid === "string" && /^[\x21-\x7e]+$/.test(kid) && kid.length <= MAX_IDENTIFIER_LENGTH;

const KID_PROBLEM = `kid must be a string of 1 to ${MAX_IDENTIFIER_LENGTH} printable ASCII characters.`;

const isMembers = (value: unknown): value is Members =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** RFC 7517 section 4.4, and whether keys for this algorithm are taken at all. */
function algorithmFault(jwk: Members, alg: KeyAlgorithm, allowed: readonly KeyAlgorithm[]): string | null {
  if (jwk.alg !== undefined && !ALG_NAMES[alg].includes(jwk.alg))
    return `alg of this key must be ${alg} or absent.`;
  return allowed.includes(alg) ? null : `This is a key for ${alg}; accepted here: ${allowed.join(", ")}.`;
}

/** RFC 7517 sections 4.2 and 4.3: what the JWK says it is for. */
function useFault(jwk: Members): string | null {
  if (jwk.use !== undefined && jwk.use !== "sig") return "use must be sig or absent.";
  if (jwk.key_ops !== undefined && !(Array.isArray(jwk.key_ops) && jwk.key_ops.includes("verify"))) {
    return "key_ops must have verify or be absent.";
  }
  return null;
}

function publicKey(jwk: Members, allowed: readonly KeyAlgorithm[]): Result<PublicKey, string> {
  switch (jwk.kty) {
    case "EC":
      return ecKey(jwk);
    case "OKP":
      return ed25519Key(jwk);
    case "RSA":
      return rsaKey(jwk, allowed);
    default:
      return fail("kty must be EC, OKP or RSA.");
  }
}

/** The curves of ECDSA keys (RFC 7518 sections 3.4 and 6.2.1). */
const CURVES = [
  { crv: "P-256", alg: "ES256", octets: 32 },
  { crv: "P-384", alg: "ES384", octets: 48 },
] as const;

/** The label is compared because WebCrypto imports P-256 coordinates under any `crv`: one key, two thumbprints. */
function ecKey({ crv, x, y }: Members): Result<PublicKey, string> {
  const curve = CURVES.find((one) => one.crv === crv);
  if (curve === undefined) return fail("crv of an EC key must be P-256 or P-384.");
  const { octets, alg } = curve;
  const isCoordinate = (text: unknown): text is string =>
    isText(text) && fromBase64url(text)?.length === octets;
  if (!isCoordinate(x) || !isCoordinate(y)) {
    return fail(
      `x and y of a ${curve.crv} key must each be ${octets} octets in canonical, unpadded base64url.`,
    );
  }
  const jwk = { kty: "EC", crv: curve.crv, x, y };
  return ok({ alg, jwk, algorithm: { name: "ECDSA", namedCurve: curve.crv } });
}

function ed25519Key({ crv, x }: Members): Result<PublicKey, string> {
  if (crv !== "Ed25519") return fail("crv of an OKP key must be Ed25519.");
  const octets = isText(x) ? fromBase64url(x) : null;
  if (!isText(x) || octets?.length !== 32) {
    return fail("x of an Ed25519 key must be 32 octets in canonical, unpadded base64url.");
  }
  const y = yCoordinate(octets);
  if (y >= P) return fail("x is not the canonical encoding of an Ed25519 key.");
  if (SMALL_ORDER_Y.includes(y)) return fail("The Ed25519 key has small order: anybody can sign for it.");
  return ok({ alg: "EdDSA", jwk: { kty: "OKP", crv, x }, algorithm: { name: "Ed25519" } });
}

/** The field of edwards25519, and the y of its eight points of small order (RFC 8032 section 5.1). */
const P = 2n ** 255n - 19n;
const Y_OF_ORDER_8 = 0x05fc536d880238b13933c6d305acdfd5f098eff289f4c345b027b2c28f95e826n;
const SMALL_ORDER_Y = [0n, 1n, P - 1n, Y_OF_ORDER_8, P - Y_OF_ORDER_8];

/** RFC 8032 section 5.1.2: little-endian, below the sign of x in the top bit. */
const yCoordinate = (octets: Uint8Array): bigint =>
  BigInt.asUintN(
    255,
    octets.reduceRight((y, octet) => (y << 8n) | BigInt(octet), 0n),
  );

/** What an RSA key can be for: nothing in its numbers says which. */
const RSA_ALGORITHMS: readonly { alg: KeyAlgorithm; algorithm: PublicKey["algorithm"] }[] = [
  { alg: "PS512", algorithm: { name: "RSA-PSS", hash: "SHA-512" } },
  { alg: "RS256", algorithm: { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" } },
];

function rsaKey({ n, e, alg }: Members, allowed: readonly KeyAlgorithm[]): Result<PublicKey, string> {
  const modulus = isText(n) ? integer(n) : null;
  const exponent = isText(e) ? integer(e) : null;
  if (!isText(n) || !isText(e) || modulus === null || exponent === null) {
    return fail("n and e of an RSA key must be canonical, unpadded base64url without leading zero octets.");
  }
  const bits = modulus.length * 8 - (Math.clz32(modulus.at(0) ?? 0) - 24);
  if (bits < MIN_RSA_BITS)
    return fail(`RSA modulus has ${bits} bits; ${MIN_RSA_BITS} is the least accepted.`);
  if (bits > MAX_RSA_BITS) return fail(`RSA modulus has ${bits} bits; ${MAX_RSA_BITS} is the most accepted.`);
  if (!isOdd(modulus)) return fail("RSA modulus is even.");
  // With exponent 1 a signature is its own message.
  if (!isOdd(exponent) || exponent.length > MAX_RSA_EXPONENT_BYTES || e === "AQ") {
    return fail(`RSA exponent must be odd, at least 3 and at most ${MAX_RSA_EXPONENT_BYTES} octets.`);
  }
  const possible = RSA_ALGORITHMS.filter((one) =>
    alg === undefined ? allowed.includes(one.alg) : one.alg === alg,
  );
  const [chosen, ...others] = possible;
  if (chosen === undefined || others.length > 0) {
    return fail(`alg of an RSA key must be PS512 or RS256; accepted here: ${allowed.join(", ")}.`);
  }
  return ok({ ...chosen, jwk: { kty: "RSA", n, e } });
}

const isText = (value: unknown): value is string => typeof value === "string";

/** The octets of a Base64urlUInt (RFC 7518 section 2); null for a second spelling of the same number, and for none. */
function integer(text: string): Uint8Array | null {
  const octets = fromBase64url(text);
  return octets === null || octets.length === 0 || octets[0] === 0 ? null : octets;
}

const isOdd = (octets: Uint8Array): boolean => ((octets.at(-1) ?? 0) & 1) === 1;
