import { compactVerify, errors } from "jose";
import { fromBase64url, fromUtf8 } from "../encoding.ts";
import { isObject, type JsonObject, parseStrictJson } from "../json/strict-json.ts";
import type { NamedSecret, VerificationKey } from "../keys/key.ts";
import { MAX_TOKEN_BYTES } from "../limits.ts";
import { fail, ok, type Result } from "../result.ts";

/** A JWS in compact serialization (RFC 7515 section 7.1), decoded but not verified. */
export interface Jws {
  readonly token: string;
  readonly header: JsonObject;
  readonly payload: JsonObject;
}

/** Decodes a compact JWS whose payload is a JSON object. Strict base64url and strict JSON throughout. */
export function decodeJws(token: string, maxBytes = MAX_TOKEN_BYTES): Result<Jws, "malformed" | "too_large"> {
  if (token.length > maxBytes) return fail("too_large");
  const parts = token.split(".");
  const [header, payload, signature] = parts.map(fromBase64url);
  // An empty signature part is the shape of an unsigned token; `alg` decides about that, not its form.
  if (parts.length !== 3 || !header || !payload || !signature) return fail("malformed");
  const [headerObject, payloadObject] = [header, payload].map(decodeObject);
  if (!headerObject || !payloadObject) return fail("malformed");
  return ok({ token, header: headerObject, payload: payloadObject });
}

/** Verifies the signature with one key and that key's algorithm, whatever the header says. */
export async function verifyJws(
  jws: Jws,
  { alg, key }: Pick<VerificationKey | NamedSecret, "alg" | "key">,
): Promise<boolean> {
  // We understand no extension; jose understands one (`b64`), which changes what is signed.
  if (jws.header.crit !== undefined) return false;
  try {
    // RFC 9864 gives EdDSA with this curve a name of its own.
    await compactVerify(jws.token, key, { algorithms: alg === "EdDSA" ? [alg, "Ed25519"] : [alg] });
    return true;
  } catch (error) {
    // jose says "does not verify" by throwing; anything that is not its own error is a bug.
    if (error instanceof errors.JOSEError) return false;
    throw error;
  }
}

/** Decodes UTF-8 and strict JSON; null for anything but one object. */
export function decodeObject(bytes: Uint8Array): JsonObject | null {
  const text = fromUtf8(bytes);
  if (text === null) return null;
  const json = parseStrictJson(text);
  return json.ok && isObject(json.value) ? json.value : null;
}
