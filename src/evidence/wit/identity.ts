import { isObject, type JsonObject, parseStrictJson } from "../../json/strict-json.ts";
import { importVerificationKey } from "../../keys/hygiene.ts";
import { WIT_ALGORITHMS } from "../../keys/key.ts";
import { algorithmOf, type SignatureAlgorithm, verifyBytes } from "../http-signature/algorithms.ts";
import { readWit } from "./parse.ts";

/** What a deployment signs answers with: its own workload identity token, and the private key that the token confirms. */
export interface EdgeIdentity {
  readonly wit: string;
  readonly algorithm: SignatureAlgorithm;
  readonly privateKey: CryptoKey;
}

/** The text that was read last, and what it gave: the secret of a deployment changes only with a new isolate. */
let known: { readonly text: string; readonly identity: EdgeIdentity | null } | null = null;

/**
 * Reads the secret `WIMSE_IDENTITY`: JSON with `wit`, a token in compact form, and `privateJwk`, the private key of its
 * `cnf.jwk`.
 *
 * @returns null where it is absent or has any other form: then no answer is signed
 */
export async function readEdgeIdentity(text: string | null): Promise<EdgeIdentity | null> {
  if (text === null) return null;
  if (known?.text === text) return known.identity;
  const json = parseStrictJson(text);
  const identity = json.ok && isObject(json.value) ? await importIdentity(json.value) : null;
  if (identity === null) console.error(JSON.stringify({ event: "wimse_identity.malformed" }));
  known = { text, identity };
  return identity;
}

async function importIdentity({ wit, privateJwk }: JsonObject): Promise<EdgeIdentity | null> {
  const token = typeof wit === "string" ? readWit(wit) : null;
  if (typeof wit !== "string" || !token?.ok || !isObject(privateJwk)) return null;
  const { confirmed } = token.value;
  const confirmedKey = await importVerificationKey(confirmed, WIT_ALGORITHMS);
  if (!confirmedKey.ok) return null;
  // Public members are the token's, so that what is signed is what the token says can verify it.
  const { kty, crv, x, y, n, e } = confirmed;
  const { d, p, q, dp, dq, qi } = privateJwk;
  try {
    const jwk = JSON.parse(JSON.stringify({ kty, crv, x, y, n, e, d, p, q, dp, dq, qi })) as JsonWebKey;
    const privateKey = await crypto.subtle.importKey("jwk", jwk, confirmedKey.value.key.algorithm, false, [
      "sign",
    ]);
    const algorithm = algorithmOf(confirmedKey.value.alg);
    const identity = { wit, algorithm, privateKey };
    return (await isPair(identity, confirmedKey.value.key)) ? identity : null;
  } catch (cause) {
    if (!(cause instanceof DOMException)) throw cause;
    return null;
  }
}

/** Never a signature base: that ends with a line `@signature-params`. */
const PROBE = new Uint8Array(1);

/** Whether the two halves belong together, which an import does not compare for Ed25519 and RSA. */
async function isPair({ algorithm, privateKey }: EdgeIdentity, publicKey: CryptoKey): Promise<boolean> {
  // With halves of two RSA keys workerd signs nothing and throws an error of no certain kind.
  const made = await crypto.subtle.sign(algorithm.webCrypto, privateKey, PROBE).catch(() => null);
  return made !== null && verifyBytes(algorithm, publicKey, new Uint8Array(made), PROBE);
}
