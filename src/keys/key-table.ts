import { calculateJwkThumbprint, errors } from "jose";
import { isObject, type JsonObject, type JsonValue } from "../json/strict-json.ts";
import { MAX_KEY_OPERATIONS, MAX_REMOTE_KEYS } from "../limits.ts";
import { fail, ok, type Result } from "../result.ts";
import { PRIVATE_MEMBERS } from "./hygiene.ts";

/**
 * The keys that a document publishes, by kid, each with the members that count and no others: a table is remembered. Whether
 * one is fit to verify with is seen when it is wanted.
 */
export type KeyTable = ReadonlyMap<string, JsonObject>;

/** Why a document has no keys that may be used: what its owner has to mend. */
export type SetFault = "malformed" | "not_owned" | "too_many_keys" | "private_key";

/** The keys of a JWK set (RFC 7517 section 5). */
export async function jwksKeys(set: JsonValue | undefined): Promise<Result<KeyTable, SetFault>> {
  const jwks = jwksOf(set);
  return jwks === null ? fail("malformed") : keyTable(jwks);
}

/** The same by thumbprint, whatever their kids. */
export async function keysByThumbprint(set: JsonValue | undefined): Promise<Result<KeyTable, SetFault>> {
  const jwks = jwksOf(set);
  return jwks === null ? fail("malformed") : keyTable(jwks.map(({ kid: _, ...jwk }) => jwk));
}

function jwksOf(set: JsonValue | undefined): readonly JsonObject[] | null {
  const jwks = isObject(set) ? set.keys : undefined;
  return Array.isArray(jwks) && jwks.every(isObject) ? jwks : null;
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
  if (jwks.some(hasPrivateMember)) return fail("private_key");
  const table = new Map<string, JsonObject>();
  const seen = new Set<string>();
  for (const jwk of jwks) {
    if (!isForSignatures(jwk)) continue;
    const kid = Object.hasOwn(jwk, "kid") ? jwk.kid : await thumbprintOf(jwk);
    if (typeof kid !== "string") continue;
    if (seen.has(kid)) table.delete(kid);
    else if (isWellFormed(jwk)) table.set(kid, onlyWhatCounts(jwk));
    seen.add(kid);
  }
  return ok(table);
}

export const hasPrivateMember = (jwk: JsonObject): boolean =>
  PRIVATE_MEMBERS.some((name) => Object.hasOwn(jwk, name));

/** Others, such as a key for encryption, may have a kid that a signature key has too. */
const isForSignatures = ({ kty, use }: JsonObject): boolean =>
  (kty === "EC" || kty === "OKP" || kty === "RSA") && (use === undefined || use === "sig");

const TEXTS = ["kty", "crv", "x", "y", "n", "e", "alg", "use", "kid"];
const TIMES = ["nbf", "exp"];

const onlyWhatCounts = (jwk: JsonObject): JsonObject =>
  Object.fromEntries(
    [...TEXTS, ...TIMES, "key_ops"].flatMap((name) => {
      const value = Object.hasOwn(jwk, name) ? jwk[name] : undefined;
      return value === undefined ? [] : [[name, value]];
    }),
  );

/** Whether what counts is of its type, and no key that its owner has revoked (`revoked` of OpenID Federation 1.0, 8.7.3). */
function isWellFormed(jwk: JsonObject): boolean {
  const { key_ops: operations } = jwk;
  const isAbsentOr = (is: (value: JsonValue) => boolean) => (name: string) =>
    !Object.hasOwn(jwk, name) || is(jwk[name] ?? null);
  return (
    !Object.hasOwn(jwk, "revoked") &&
    TEXTS.every(isAbsentOr((value) => typeof value === "string")) &&
    TIMES.every(isAbsentOr(Number.isSafeInteger)) &&
    (operations === undefined ||
      (Array.isArray(operations) &&
        operations.length <= MAX_KEY_OPERATIONS &&
        operations.every((operation) => typeof operation === "string")))
  );
}

/**
 * Whether a key of a table may be used at a time: its `nbf` and `exp`, NumericDate seconds, where it has them.
 *
 * @param now milliseconds
 */
export function isInTime({ nbf, exp }: JsonObject, now: number): boolean {
  return (typeof nbf !== "number" || now >= nbf * 1000) && (typeof exp !== "number" || now < exp * 1000);
}

async function thumbprintOf(jwk: JsonObject): Promise<string | null> {
  try {
    return await calculateJwkThumbprint(jwk);
  } catch (error) {
    // jose says "members are missing" by throwing; anything that is not its own error is a bug.
    if (error instanceof errors.JOSEError) return null;
    throw error;
  }
}
