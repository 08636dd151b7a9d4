/** Private keys of the deployment's own. */

import { importVerificationKey } from "./hygiene.ts";
import { type KeyAlgorithm, type VerificationKey, WEB_CRYPTO } from "./key.ts";

/** Both halves of a key that we sign with. */
export interface SigningKey {
  readonly public: VerificationKey;
  readonly private: CryptoKey;
}

type Members = Readonly<Record<string, unknown>>;

/**
 * Imports a key pair.
 *
 * @param publicJwk has no private member
 * @param privateJwk of it nothing but the private members is looked at
 * @returns null where the two are no pair, or no key that is fit to verify with (`hygiene.ts`)
 */
export async function importSigningKey(
  publicJwk: Members,
  privateJwk: Members,
  allowed: readonly KeyAlgorithm[],
): Promise<SigningKey | null> {
  const imported = await importVerificationKey(publicJwk, allowed);
  if (!imported.ok) return null;
  // What is signed is what the public half, which others are shown, can verify: its members are that half's.
  const { kty, crv, x, y, n, e } = publicJwk;
  const { d, p, q, dp, dq, qi } = privateJwk;
  try {
    const jwk = JSON.parse(JSON.stringify({ kty, crv, x, y, n, e, d, p, q, dp, dq, qi })) as JsonWebKey;
    const { algorithm: ofKey } = imported.value.key;
    const key: SigningKey = {
      public: imported.value,
      private: await crypto.subtle.importKey("jwk", jwk, ofKey, false, ["sign"]),
    };
    return (await isPair(key)) ? key : null;
  } catch (cause) {
    if (!(cause instanceof DOMException)) throw cause;
    return null;
  }
}

/** No message that is ever signed. */
const PROBE = new Uint8Array(1);

/** Whether the two halves belong together, which an import does not compare for Ed25519 and RSA. */
async function isPair({ public: { alg, key }, private: own }: SigningKey): Promise<boolean> {
  // With halves of two RSA keys workerd signs nothing and throws an error of no certain kind.
  const made = await crypto.subtle.sign(WEB_CRYPTO[alg], own, PROBE).catch(() => null);
  return made !== null && crypto.subtle.verify(WEB_CRYPTO[alg], key, made, PROBE);
}
