import { calculateJwkThumbprint, errors } from "jose";
import { isObject, type JsonObject, type JsonValue } from "../json/strict-json.ts";
import { MAX_REMOTE_KEYS } from "../limits.ts";
import { fail, ok, type Result } from "../result.ts";
import { PRIVATE_MEMBERS } from "./hygiene.ts";

/** The keys that a document publishes, by kid. Whether one is fit to verify with is seen when it is wanted. */
export type KeyTable = ReadonlyMap<string, JsonObject>;

/** Why a document has no keys that may be used: what its owner has to mend. */
export type SetFault = "malformed" | "not_owned" | "too_many_keys" | "private_key";

/** The keys of a JWK set (RFC 7517 section 5). */
export function jwksKeys(set: JsonValue | undefined): Promise<Result<KeyTable, SetFault>> {
  const jwks = isObject(set) ? set.keys : undefined;
  if (!Array.isArray(jwks) || !jwks.every(isObject)) return Promise.resolve(fail("malformed"));
  return keyTable(jwks);
}

/** The same by thumbprint, whatever their kids. */
export async function keysByThumbprint(set: JsonValue | undefined): Promise<Result<KeyTable, SetFault>> {
  const jwks = isObject(set) ? set.keys : undefined;
  if (!Array.isArray(jwks) || !jwks.every(isObject)) return fail("malformed");
  return keyTable(jwks.map(({ kid: _, ...jwk }) => jwk));
}

/** The keys of a directory for HTTP message signatures. A kid there is the thumbprint of its key, or that is no key. */
export async function directoryKeys(set: JsonValue | undefined): Promise<Result<KeyTable, SetFault>> {
  const table = await jwksKeys(set);
  if (!table.ok) return table;
  const own = new Map<string, JsonObject>();
  for (const [kid, jwk] of table.value) if ((await thumbprintOf(jwk)) === kid) own.set(kid, jwk);
  return ok(own);
}

/**
 * Files public JWKs under their kids, or their thumbprints (RFC 7638) where they have none. A kid that is there twice
 * means no key. One private key spoils all: who publishes it does not know what the others are worth either.
 */
export async function keyTable(jwks: readonly JsonObject[]): Promise<Result<KeyTable, SetFault>> {
  if (jwks.length > MAX_REMOTE_KEYS) return fail("too_many_keys");
  if (jwks.some((jwk) => PRIVATE_MEMBERS.some((name) => Object.hasOwn(jwk, name))))
    return fail("private_key");
  const table = new Map<string, JsonObject>();
  const repeated = new Set<string>();
  for (const jwk of jwks) {
    if (!isForSignatures(jwk)) continue;
    const kid = Object.hasOwn(jwk, "kid") ? jwk.kid : await thumbprintOf(jwk);
    if (typeof kid !== "string") continue;
    if (table.has(kid)) repeated.add(kid);
    table.set(kid, jwk);
  }
  for (const kid of repeated) table.delete(kid);
  return ok(table);
}

/** Others, such as a key for encryption, may have a kid that a signature key has too. */
const isForSignatures = ({ kty, use }: JsonObject): boolean =>
  (kty === "EC" || kty === "OKP" || kty === "RSA") && (use === undefined || use === "sig");

async function thumbprintOf(jwk: JsonObject): Promise<string | null> {
  try {
    return await calculateJwkThumbprint(jwk);
  } catch (error) {
    // jose says "members are missing" by throwing; anything that is not its own error is a bug.
    if (error instanceof errors.JOSEError) return null;
    throw error;
  }
}
