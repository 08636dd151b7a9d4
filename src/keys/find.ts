import type { JsonObject } from "../json/strict-json.ts";
import { fail, ok, type Result } from "../result.ts";
import { publishedKey } from "./documents.ts";
import { importVerificationKey } from "./hygiene.ts";
import type { VerificationKey } from "./key.ts";
import type { Clock, KeyFault, KeyFinder, KeyRing, KeySource, Reach, WantedKey } from "./source.ts";
import { certifiedKey } from "./x509/find.ts";

/** The finder of a deployment: what its Worker can reach. */
export const keyFinder =
  (env: Env, clock: Clock): KeyFinder =>
  async (source, wanted, reach) => {
    switch (source.type) {
      case "jwks":
      case "did:web":
      case "clientIdMetadata":
      case "signatureAgent": {
        const jwk = await publishedKey(source, wanted.kid, reach, env, clock);
        return jwk.ok ? importOnce(jwk.value, wanted) : jwk;
      }
      case "x509":
        return certifiedKey(source, wanted, clock());
    }
  };

/**
 * Finds the key of a ring that a message names: in the tenant document, then where nothing need be fetched, then in one source
 * after the other. A source that cannot be reached makes the answer `unavailable` only where no other source has the key.
 */
export async function findKey(
  { own, sources, pinned }: KeyRing,
  wanted: WantedKey,
  find: KeyFinder,
): Promise<Result<VerificationKey, KeyFault>> {
  const key = own.get(wanted.kid);
  if (key !== undefined) return ok(key);
  let fault: KeyFault = "unknown";
  for (const [source, reach] of steps(sources, wanted)) {
    const found = await find(source, wanted, reach);
    if (found.ok) {
      if (!pinned.has(found.value.thumbprint)) return found;
      continue;
    }
    if (fault !== "unavailable") fault = found.error === "unknown" ? fault : found.error;
  }
  return fail(fault);
}

/** Certificates come with the message, so that asking for one comes first, and is in vain without `x5c`. */
function steps(sources: readonly KeySource[], { x5c }: WantedKey): readonly (readonly [KeySource, Reach])[] {
  const certified = x5c === null ? [] : sources.filter(({ type }) => type === "x509");
  const published = sources.filter(({ type }) => type !== "x509");
  const all = (some: readonly KeySource[], reach: Reach) => some.map((source) => [source, reach] as const);
  return [...all(certified, "memory"), ...all(published, "memory"), ...all(published, "network")];
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
