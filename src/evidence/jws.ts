import { compactVerify, errors } from "jose";
import { fromBase64url, fromUtf8 } from "../encoding.ts";
import { isObject, type JsonObject, type JsonValue, parseStrictJson } from "../json/strict-json.ts";
import type { VerificationKey } from "../keys/key.ts";
import { MAX_IDENTIFIER_LENGTH, MAX_TOKEN_BYTES } from "../limits.ts";
import { fail, ok, type Result } from "../result.ts";

/** A JWS in compact serialization (RFC 7515 section 7.1), decoded but not verified. */
export interface Jws {
  readonly token: string;
  readonly header: JsonObject;
  readonly payload: JsonObject;
}

/** Decodes a compact JWS whose payload is a JSON object. Strict base64url and strict JSON throughout. */
export function decodeJws(token: string): Result<Jws, "malformed" | "too_large"> {
  if (token.length > MAX_TOKEN_BYTES) return fail("too_large");
  const parts = token.split(".");
  const [header, payload, signature] = parts.map(fromBase64url);
  // An empty signature part is the shape of an unsigned token; `alg` decides about that, not its form.
  if (parts.length !== 3 || !header || !payload || !signature) return fail("malformed");
  const [headerObject, payloadObject] = [header, payload].map(decodeObject);
  if (!headerObject || !payloadObject) return fail("malformed");
  return ok({ token, header: headerObject, payload: payloadObject });
}

/**
 * Verifies the signature with one key and that key's algorithm, whatever the header says. A header with `crit`
 * must have been refused before: jose understands an extension of it (`b64`) that we do not.
 */
export async function verifyJws(jws: Jws, key: VerificationKey): Promise<boolean> {
  try {
    await compactVerify(jws.token, key.key, { algorithms: [key.alg] });
    return true;
  } catch (error) {
    // jose says "does not verify" by throwing; anything that is not its own error is a bug.
    if (error instanceof errors.JOSEError) return false;
    throw error;
  }
}

function decodeObject(bytes: Uint8Array): JsonObject | null {
  const text = fromUtf8(bytes);
  if (text === null) return null;
  const json = parseStrictJson(text);
  return json.ok && isObject(json.value) ? json.value : null;
}

// -- claims -------------------------------------------------------------------------------------------

/** A string of 1 to `max` printable ASCII characters; null otherwise. Identifiers are compared byte for byte. */
export const readIdentifier = (value: JsonValue | undefined, max = MAX_IDENTIFIER_LENGTH): string | null =>
  typeof value === "string" && value.length <= max && /^[\x21-\x7e]+$/.test(value) ? value : null;

/** A NumericDate (RFC 7519 section 2) in whole seconds; null otherwise. */
export const readTime = (value: JsonValue | undefined): number | null =>
  typeof value === "number" && Number.isSafeInteger(value) && value >= 0 ? value : null;

/** A string, or a non-empty array of at most `max` of them (the two forms of `aud`); null otherwise. */
export function readIdentifiers(value: JsonValue | undefined, max: number): readonly string[] | null {
  const items = Array.isArray(value) ? value : [value];
  if (items.length === 0 || items.length > max) return null;
  const read = items.map((item) => readIdentifier(item));
  return read.includes(null) ? null : (read as string[]);
}
