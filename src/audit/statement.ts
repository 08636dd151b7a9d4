/** Verification of what Countersign signs: receipts and checkpoints, with the keys that it publishes. */

import { type Jws, verifyJws } from "../evidence/jws.ts";
import { isObject, type JsonObject, type JsonValue } from "../json/strict-json.ts";
import { importVerificationKey } from "../keys/hygiene.ts";
import { TOKEN_ALGORITHMS, type VerificationKey } from "../keys/key.ts";
import { MAX_SIGNING_KEYS } from "../limits.ts";
import { fail, ok, type Result } from "../result.ts";

/** By `kid`. */
export type StatementKeys = ReadonlyMap<string, VerificationKey>;

/** `type`: it says that it is another kind of statement. `alg`: it says another algorithm than that of its key. */
export type StatementFault = "type" | "key_unknown" | "alg" | "signature";

/**
 * Imports the keys that Countersign publishes.
 *
 * @param jwks a JWK Set (RFC 7517 section 5)
 * @returns null where it is none, a key in it is not fit to verify with, or two have one `kid`
 */
export async function statementKeys(jwks: JsonValue | undefined): Promise<StatementKeys | null> {
  if (!isObject(jwks) || !Array.isArray(jwks.keys) || jwks.keys.length > MAX_SIGNING_KEYS) return null;
  const keys = new Map<string, VerificationKey>();
  for (const jwk of jwks.keys as readonly JsonValue[]) {
    const imported = await importVerificationKey(jwk, TOKEN_ALGORITHMS);
    if (!imported.ok || keys.has(imported.value.kid)) return null;
    keys.set(imported.value.kid, imported.value);
  }
  return keys;
}

/** Verifies that a statement is of this type and signed with one of these keys. What it says is not looked at. */
export async function verifyStatement(
  jws: Jws,
  typ: string,
  keys: StatementKeys,
): Promise<Result<JsonObject, StatementFault>> {
  if (jws.header.typ !== typ) return fail("type");
  const { kid, alg } = jws.header;
  const key = typeof kid === "string" ? keys.get(kid) : undefined;
  if (key === undefined) return fail("key_unknown");
  if (alg !== key.alg) return fail("alg");
  return (await verifyJws(jws, key)) ? ok(jws.payload) : fail("signature");
}
