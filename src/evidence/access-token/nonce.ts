/**
 * Server nonces of DPoP (RFC 9449 section 9): a proof with one was made after the nonce was given out, whatever the client's clock says.
 * Nothing is stored: a nonce is a MAC over the span of time that it belongs to, the same for all clients.
 */

import { toBase64url, utf8 } from "../../encoding.ts";
import { DPOP_NONCE_WINDOW } from "../../limits.ts";

/** `current`: of this span. `previous`: of the one before, still good, and the client is told the next. */
export type NonceAge = "current" | "previous" | "bad";

/**
 * @param keys the first of them makes nonces, all of them are taken
 * @param now seconds
 */
export const currentNonce = ([key]: readonly CryptoKey[], now: number): Promise<string> => {
  if (key === undefined) throw new Error("there is always a key");
  return nonceOf(key, spanAt(now));
};

/** @param now seconds */
export async function nonceAge(nonce: string, keys: readonly CryptoKey[], now: number): Promise<NonceAge> {
  const span = spanAt(now);
  for (const [i, key] of keys.entries()) {
    if (nonce === (await nonceOf(key, span))) return i === 0 ? "current" : "previous";
    if (nonce === (await nonceOf(key, span - 1))) return "previous";
  }
  return "bad";
}

const spanAt = (now: number): number => Math.floor(now / DPOP_NONCE_WINDOW);

async function nonceOf(key: CryptoKey, span: number): Promise<string> {
  return toBase64url(new Uint8Array(await crypto.subtle.sign("HMAC", key, utf8(`${span}`))));
}
