/** Public keys as Multikeys, for tests. */

import { fromBase64url } from "../../src/encoding.ts";

const ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";

export function base58(octets: Uint8Array): string {
  let value = octets.reduce((sum, octet) => (sum << 8n) | BigInt(octet), 0n);
  let text = "";
  for (; value > 0n; value /= 58n) text = `${ALPHABET[Number(value % 58n)]}${text}`;
  return text;
}

const octets = (text: string | undefined): Uint8Array => fromBase64url(text ?? "") ?? new Uint8Array();

/** Of an Ed25519 or P-256 JWK. */
export function multikey({ x, y }: { readonly x?: string; readonly y?: string }): string {
  if (y === undefined) return `z${base58(Uint8Array.of(0xed, 0x01, ...octets(x)))}`;
  const sign = 2 + ((octets(y).at(-1) ?? 0) & 1);
  return `z${base58(Uint8Array.of(0x80, 0x24, sign, ...octets(x)))}`;
}
