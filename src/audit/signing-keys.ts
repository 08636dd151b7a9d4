/** What receipts, checkpoints and assertions for origins are signed with: the secret `SIGNING_KEYS` of the deployment. */

import { toBase64url, utf8 } from "../encoding.ts";
import { isObject, type JsonObject, parseStrictJson } from "../json/strict-json.ts";
import { importVerificationKey, PRIVATE_MEMBERS } from "../keys/hygiene.ts";
import { TOKEN_ALGORITHMS, type VerificationKey, WEB_CRYPTO } from "../keys/key.ts";
import { importSigningKey, type SigningKey } from "../keys/signing.ts";
import { MAX_SIGNING_KEYS } from "../limits.ts";
import type { StatementKeys } from "./statement.ts";

export interface SigningKeys {
  /** Signs receipts, checkpoints and assertions. */
  readonly signing: SigningKey;
  /** The first one for ES256: it signs execution records (SEP-2828), which know no Ed25519. Null where there is none. */
  readonly es256: SigningKey | null;
  /** The public halves of all keys, as a JWK Set (RFC 7517) for everybody: older ones too, since receipts do not expire. */
  readonly published: { readonly keys: readonly JsonObject[] };
  /** The same, imported. */
  readonly verifying: StatementKeys;
}

/** The text that was read last, and what it gave: the secret of a deployment changes only with a new isolate. */
let known: { readonly text: string; readonly keys: SigningKeys | null } | null = null;

/**
 * Reads the secret `SIGNING_KEYS`: a JWK Set as JSON. Its first key has its private half and signs; the others are published
 * with it, whether their private halves are there or not. To rotate, put the new key first and leave the older ones.
 *
 * @returns null where it is absent or has any other form: then no call is admitted, since none could be given a receipt
 */
export async function readSigningKeys(text: string | undefined): Promise<SigningKeys | null> {
  if (text === undefined) return null;
  if (known?.text === text) return known.keys;
  const json = parseStrictJson(text);
  const keys = json.ok && isObject(json.value) ? await importKeys(json.value.keys) : null;
  if (keys === null) console.error(JSON.stringify({ event: "signing_keys.malformed" }));
  known = { text, keys };
  return keys;
}

async function importKeys(jwks: JsonObject[string] | undefined): Promise<SigningKeys | null> {
  if (!Array.isArray(jwks) || jwks.length > MAX_SIGNING_KEYS) return null;
  const pairs: (SigningKey | null)[] = [];
  const verifying = new Map<string, VerificationKey>();
  const published: JsonObject[] = [];
  for (const jwk of jwks) {
    if (!isObject(jwk)) return null;
    const members = Object.fromEntries(
      Object.entries(jwk).filter(([name]) => !PRIVATE_MEMBERS.includes(name) && name !== "key_ops"),
    );
    const imported = await importVerificationKey(members, TOKEN_ALGORITHMS);
    if (!imported.ok || verifying.has(imported.value.kid)) return null;
    const isPrivate = jwk.d !== undefined;
    const pair = isPrivate ? await importSigningKey(members, jwk, TOKEN_ALGORITHMS) : null;
    if (isPrivate && pair === null) return null;
    pairs.push(pair);
    verifying.set(imported.value.kid, imported.value);
    published.push({ ...members, kid: imported.value.kid, alg: imported.value.alg, use: "sig" });
  }
  const signing = pairs[0] ?? null;
  const es256 = pairs.find((pair) => pair?.public.alg === "ES256") ?? null;
  return signing && { signing, es256, published: { keys: published }, verifying };
}

/**
 * A compact JWS (RFC 7515) of ours. The type keeps one kind of statement from passing for another. Signed by hand: two are made for each
 * call, and a library spends as long on looking at its arguments as the signature takes.
 */
export async function signStatement(
  { public: { alg, kid }, private: own }: SigningKey,
  typ: string,
  claims: object,
): Promise<string> {
  const encoded = (part: object) => toBase64url(utf8(JSON.stringify(part)));
  const signed = `${encoded({ alg, kid, typ })}.${encoded(claims)}`;
  const signature = await crypto.subtle.sign(WEB_CRYPTO[alg], own, utf8(signed));
  return `${signed}.${toBase64url(new Uint8Array(signature))}`;
}
