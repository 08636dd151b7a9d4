import type { JsonObject } from "../json/strict-json.ts";
import { fail, ok, type Result } from "../result.ts";
import { publishedKey } from "./documents.ts";
import { importVerificationKey } from "./hygiene.ts";
import type { VerificationKey } from "./key.ts";
import type { KeyFault, KeyFinder, KeyRing, WantedKey } from "./source.ts";
import { certifiedKey } from "./x509/find.ts";

/**
 * The finder of a deployment: what its Worker can reach.
 *
 * @param now milliseconds
 */
export const keyFinder =
  (env: Env, now: number): KeyFinder =>
  async (source, wanted) => {
    switch (source.type) {
      case "jwks":
      case "did:web":
      case "clientIdMetadata":
      case "signatureAgent": {
        const jwk = await publishedKey(source, wanted.kid, env, now);
        return jwk.ok ? importOnce(jwk.value, wanted) : jwk;
      }
      case "x509":
        return certifiedKey(source, wanted, now);
    }
  };

/**
 * Finds the key of a ring that a message names. A source that cannot be reached makes the answer `unavailable` only where
 * no other source has the key.
 */
export async function findKey(
  { own, sources, pinned }: KeyRing,
  wanted: WantedKey,
  find: KeyFinder,
): Promise<Result<VerificationKey, KeyFault>> {
  const key = own.get(wanted.kid);
  if (key !== undefined) return ok(key);
  let fault: KeyFault = "unknown";
  for (const source of sources) {
    const found = await find(source, wanted);
    if (found.ok) {
      if (!pinned.has(found.value.thumbprint)) return found;
      continue;
    }
    if (fault !== "unavailable") fault = found.error === "unknown" ? fault : found.error;
  }
  return fail(fault);
}

/** What a published JWK was imported as, by the algorithms that were wanted; null where it is not fit for them. */
const imports = new WeakMap<JsonObject, Map<string, VerificationKey | null>>();

async function importOnce(
  jwk: JsonObject,
  { algorithms }: WantedKey,
): Promise<Result<VerificationKey, "unknown">> {
  const known = imports.get(jwk) ?? new Map<string, VerificationKey | null>();
  imports.set(jwk, known);
  const purpose = algorithms.join();
  let key = known.get(purpose);
  if (key === undefined) {
    const imported = await importVerificationKey(jwk, algorithms);
    key = imported.ok ? imported.value : null;
    known.set(purpose, key);
  }
  return key === null ? fail("unknown") : ok(key);
}
