/** Compact JWS of whatever header and payload a case wants (RFC 7515 section 7.1). */

import { type Bytes, key } from "./keys.ts";

export type Members = Readonly<Record<string, unknown>>;

/** Members that are changed or added; undefined takes one out. */
export type Changes = Readonly<Record<string, unknown>>;

export const utf8 = (text: string): Bytes => new Uint8Array(new TextEncoder().encode(text));

export const base64url = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64url");

export const sha256 = async (bytes: Bytes): Promise<Bytes> =>
  new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));

export interface TokenChanges {
  /** Name of the key that signs. */
  readonly by?: string;
  /** Of the JOSE header. */
  readonly header?: Changes;
  readonly claims?: Changes;
  /** The JSON text of the header or payload, in place of what it would be. */
  readonly headerText?: (text: string) => string;
  readonly payloadText?: (text: string) => string;
  /** The token, in place of what it would be. */
  readonly token?: (token: string) => string | Promise<string>;
}

/** @param by who signs, unless the changes say otherwise */
export async function makeToken(
  typ: string,
  by: string,
  claims: Members,
  changes: TokenChanges = {},
): Promise<string> {
  const { headerText = same, payloadText = same, token = same } = changes;
  const signer = key(changes.by ?? by);
  const header = { typ, alg: signer.alg, kid: signer.kid, ...changes.header };
  const signed = await compact(
    headerText(JSON.stringify(header)),
    payloadText(JSON.stringify({ ...claims, ...changes.claims })),
    signer.sign,
  );
  return token(signed);
}

const same = (text: string): string => text;

export async function compact(
  header: string,
  payload: string | Bytes,
  sign: (bytes: Bytes) => Promise<Bytes>,
): Promise<string> {
  const body = typeof payload === "string" ? utf8(payload) : payload;
  const input = `${base64url(utf8(header))}.${base64url(body)}`;
  return `${input}.${base64url(await sign(utf8(input)))}`;
}

/** Changes one of the three parts of a token, in its base64url form. */
export const part =
  (n: 0 | 1 | 2, change: (text: string) => string) =>
  (token: string): string => {
    const parts = token.split(".");
    return parts.with(n, change(parts[n] ?? "")).join(".");
  };

/** With one bit of its first octet the other way. */
export const flipped = (text: string): string => {
  const bytes = Buffer.from(text, "base64url");
  bytes[0] = (bytes[0] ?? 0) ^ 1;
  return bytes.toString("base64url");
};

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/** Another spelling of the same octets: an unused bit of the last character set. */
export function respelled(text: string): string {
  if (text.length % 4 === 0) throw new Error("this text has no unused bits");
  const last = ALPHABET[ALPHABET.indexOf(text.slice(-1)) ^ 1] ?? "";
  return text.slice(0, -1) + last;
}
