/** Text and byte encodings. Decoders are strict: one value has one spelling, so that text never aliases bytes. */

import { base64url } from "jose";

const encoder = new TextEncoder();

export const utf8 = (text: string): Uint8Array<ArrayBuffer> =>
  encoder.encode(text) as Uint8Array<ArrayBuffer>;

/** base64url without padding (RFC 7515 section 2). */
export const toBase64url = (bytes: Uint8Array): string => base64url.encode(bytes);

/**
 * Decodes canonical, unpadded base64url; null for anything else (padding, other alphabet, white space, unused
 * bits set). Decoding alone would take several spellings of the same bytes.
 */
export const fromBase64url = (text: string): Uint8Array<ArrayBuffer> | null =>
  BASE64URL.test(text) ? (base64url.decode(text) as Uint8Array<ArrayBuffer>) : null;

/** The last character of a text that does not end with a whole group has bits that no byte takes: they are 0. */
const BASE64URL = /^(?:[\w-]{4})*(?:[\w-][AQgw]|[\w-]{2}[AEIMQUYcgkosw048])?$/;

/** Lower-case hex. */
export const toHex = (bytes: Uint8Array): string =>
  Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");

/** Decodes lower-case hex of exactly `length` bytes; null for anything else, so that one value has one spelling. */
export function fromHex(text: string, length: number): Uint8Array<ArrayBuffer> | null {
  if (text.length !== 2 * length || !/^[0-9a-f]+$/.test(text)) return null;
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i++) bytes[i] = Number.parseInt(text.slice(2 * i, 2 * i + 2), 16);
  return bytes;
}

/** Decodes UTF-8; null for invalid sequences. A byte order mark is kept as a character. */
export const fromUtf8 = (bytes: Uint8Array): string | null => decode(wholeTexts, bytes, true);

const newDecoder = () => new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** It is done with each text when that ends, well or not. */
const wholeTexts = newDecoder();

function decode(decoder: TextDecoder, bytes: Uint8Array, last: boolean): string | null {
  try {
    return decoder.decode(bytes, { stream: !last });
  } catch {
    return null;
  }
}

/**
 * Decodes UTF-8 that comes in pieces, cut anywhere: each call returns the characters that its bytes complete, or null
 * for an invalid sequence, also for an unfinished one where `last` says that no more comes.
 */
export function utf8Decoder(): (bytes: Uint8Array, last: boolean) => string | null {
  const decoder = newDecoder();
  return (bytes, last) => decode(decoder, bytes, last);
}

export const sha256 = async (bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> =>
  new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));

/** The same as lower-case hex. */
export const sha256Hex = async (bytes: Uint8Array<ArrayBuffer>): Promise<string> =>
  toHex(await sha256(bytes));

/** Compares two digests or other public byte strings. Not for secrets: it stops at the first difference. */
export const equalBytes = (a: Uint8Array, b: Uint8Array): boolean =>
  a.length === b.length && a.every((byte, i) => byte === b[i]);

/** A random identifier of 128 bits, as 22 base64url characters. */
export const randomId = (): string => toBase64url(crypto.getRandomValues(new Uint8Array(16)));
