import { BoundedCache } from "../bounded-cache.ts";
import { fromBase64url, fromUtf8, sha256, toBase64url, utf8 } from "../encoding.ts";
import { canonical } from "../json/canonical.ts";
import { isObject, type JsonObject, parseStrictJson } from "../json/strict-json.ts";
import { algorithmOf, verifyBytes } from "../keys/algorithms.ts";
import type { NamedSecret, VerificationKey } from "../keys/key.ts";
import { MAX_REMEMBERED_TOKEN_BYTES, MAX_TOKEN_BYTES } from "../limits.ts";
import { fail, ok, type Result } from "../result.ts";

/** A JWS in compact serialization (RFC 7515 section 7.1), decoded but not verified. */
export interface Jws {
  readonly token: string;
  readonly header: JsonObject;
  readonly payload: JsonObject;
  readonly signature: Uint8Array<ArrayBuffer>;
}

/** Decodes a compact JWS whose payload is a JSON object. Strict base64url and strict JSON throughout. */
export function decodeJws(token: string, maxBytes = MAX_TOKEN_BYTES): Result<Jws, "malformed" | "too_large"> {
  if (token.length > maxBytes) return fail("too_large");
  const known = verified.get(token);
  if (known !== undefined) return ok(known.jws);
  const parts = token.split(".");
  const [header, payload, signature] = parts.map(fromBase64url);
  // An empty signature part is the shape of an unsigned token; `alg` decides about that, not its form.
  if (parts.length !== 3 || !header || !payload || !signature) return fail("malformed");
  const [headerObject, payloadObject] = [header, payload].map(decodeObject);
  if (!headerObject || !payloadObject) return fail("malformed");
  return ok({ token, header: headerObject, payload: payloadObject, signature });
}

/** Tokens that come again and again, by their whole text: only such as were verified, so that no stranger's push them out. */
const verified = new BoundedCache<{ readonly jws: Jws; readonly keys: WeakSet<CryptoKey> }>(
  MAX_REMEMBERED_TOKEN_BYTES,
  ({ jws }) => jws.token.length,
);

/**
 * The same for a token that is good for many requests. That a key has signed it is found out once and holds for good: whether the key is
 * to be trusted, and what the token says, is for the caller to ask each time.
 */
export async function verifyReusableJws(
  jws: Jws,
  key: Pick<VerificationKey, "alg" | "key">,
): Promise<boolean> {
  const known = verified.get(jws.token);
  if (known?.keys.has(key.key)) return true;
  if (!(await verifyJws(jws, key))) return false;
  const keys = known?.keys ?? new WeakSet();
  verified.set(jws.token, { jws, keys: keys.add(key.key) });
  return true;
}

/** Verifies the signature with one key and that key's algorithm, whatever the header says. */
export async function verifyJws(
  jws: Jws,
  { alg, key }: Pick<VerificationKey | NamedSecret, "alg" | "key">,
): Promise<boolean> {
  const { token, header, signature } = jws;
  // We understand no extension (RFC 7515 section 4.1.11).
  if (header.crit !== undefined) return false;
  // RFC 9864 gives EdDSA with this curve a name of its own.
  if (header.alg !== alg && !(alg === "EdDSA" && header.alg === "Ed25519")) return false;
  const signed = utf8(token.slice(0, token.lastIndexOf(".")));
  return verifyBytes(algorithmOf(alg), key, signature, signed);
}

/** By token, as long as that is remembered. */
const digests = new WeakMap<Jws, string>();

/** base64url SHA-256 of the canonical claims (RFC 8785). */
export async function claimsDigest(jws: Jws): Promise<string> {
  const known = digests.get(jws);
  if (known !== undefined) return known;
  const digest = toBase64url(await sha256(utf8(canonical(jws.payload))));
  digests.set(jws, digest);
  return digest;
}

/** Decodes UTF-8 and strict JSON; null for anything but one object. */
export function decodeObject(bytes: Uint8Array): JsonObject | null {
  const text = fromUtf8(bytes);
  if (text === null) return null;
  const json = parseStrictJson(text);
  return json.ok && isObject(json.value) ? json.value : null;
}
