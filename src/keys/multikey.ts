/** Public keys as a Multikey writes them: base58btc of a multicodec prefix and the key (W3C Controlled Identifiers 1.0, 2.2.2). */

import { toBase64url } from "../encoding.ts";
import { MAX_MULTIKEY_LENGTH } from "../limits.ts";

const ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";

/** The public JWK that a multibase text stands for; null for anything but an Ed25519 or P-256 key. */
export function multikeyJwk(text: string): Readonly<Record<string, string>> | null {
  if (!text.startsWith("z") || text.length > MAX_MULTIKEY_LENGTH) return null;
  const octets = fromBase58(text.slice(1));
  if (octets === null) return null;
  // The multicodec numbers 0xed and 0x1200, as varints.
  const [first, second] = octets;
  const key = octets.subarray(2);
  if (first === 0xed && second === 0x01 && key.length === 32) {
    return { kty: "OKP", crv: "Ed25519", x: toBase64url(key) };
  }
  return first === 0x80 && second === 0x24 && key.length === 33 ? p256Jwk(key) : null;
}

function fromBase58(text: string): Uint8Array | null {
  let value = 0n;
  for (const character of text) {
    const digit = ALPHABET.indexOf(character);
    if (digit < 0) return null;
    value = value * 58n + BigInt(digit);
  }
  // A leading zero octet is a leading 1; no prefix begins with one, so there is a single spelling of each key.
  return text.startsWith("1") ? null : toOctets(value, Math.ceil(value.toString(16).length / 2));
}

/** The curve of FIPS 186-5, P-256: y^2 = x^3 - 3x + B modulo P. */
const P = 2n ** 256n - 2n ** 224n + 2n ** 192n + 2n ** 96n - 1n;
const B = 0x5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604bn;

/** SEC 1 section 2.3.4: from x and the parity of y. P is 3 modulo 4, so a root is a power. */
function p256Jwk(point: Uint8Array): Readonly<Record<string, string>> | null {
  const [sign] = point;
  const x = toInteger(point.subarray(1));
  if ((sign !== 2 && sign !== 3) || x >= P) return null;
  const square = modulo(x * x * x - 3n * x + B);
  const root = power(square, (P + 1n) / 4n);
  if (modulo(root * root) !== square) return null;
  const y = (root & 1n) === BigInt(sign & 1) ? root : P - root;
  return { kty: "EC", crv: "P-256", x: toBase64url(toOctets(x, 32)), y: toBase64url(toOctets(y, 32)) };
}

const modulo = (value: bigint): bigint => ((value % P) + P) % P;

function power(base: bigint, exponent: bigint): bigint {
  let result = 1n;
  let square = base;
  for (let left = exponent; left > 0n; left >>= 1n) {
    if (left & 1n) result = modulo(result * square);
    square = modulo(square * square);
  }
  return result;
}

/** Big-endian. */
const toInteger = (octets: Uint8Array): bigint =>
  octets.reduce((value, octet) => (value << 8n) | BigInt(octet), 0n);

const toOctets = (value: bigint, length: number): Uint8Array =>
  Uint8Array.from({ length }, (_, i) => Number((value >> BigInt(8 * (length - 1 - i))) & 0xffn));
