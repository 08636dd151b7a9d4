import { fail, ok, type Result } from "../result.ts";
import type { VerificationKey } from "./key.ts";
import type { KeyFault, KeyFinder, KeyRing, WantedKey } from "./source.ts";

/** The finder of a deployment: what its Worker can reach. */
export const keyFinder =
  (_env: Env): KeyFinder =>
  async () =>
    fail("unknown");

/**
 * Finds the key of a ring that a message names. A source that cannot be reached makes the answer `unavailable` only where
 * no other source has the key.
 */
export async function findKey(
  { own, sources }: KeyRing,
  wanted: WantedKey,
  find: KeyFinder,
): Promise<Result<VerificationKey, KeyFault>> {
  const key = own.get(wanted.kid);
  if (key !== undefined) return ok(key);
  let fault: KeyFault = "unknown";
  for (const source of sources) {
    const found = await find(source, wanted);
    if (found.ok) return found;
    if (fault !== "unavailable") fault = found.error === "unknown" ? fault : found.error;
  }
  return fail(fault);
}
