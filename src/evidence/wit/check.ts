import { importVerificationKey } from "../../keys/hygiene.ts";
import type { KeyAlgorithm, VerificationKey } from "../../keys/key.ts";
import { CLOCK_SKEW } from "../../limits.ts";
import type { Reason } from "../../reasons.ts";
import { fail, type Result } from "../../result.ts";
import { verifyReusableJws } from "../jws.ts";
import type { Wit } from "./parse.ts";

/**
 * Checks a WIT against the key of its trust domain: signature, time, and the key in it.
 *
 * @param algorithms what the key in the token may be for
 * @param now seconds
 * @returns `cnf.jwk`, sound and imported for the algorithm that it names
 */
export async function checkWit(
  wit: Wit,
  anchor: VerificationKey,
  algorithms: readonly KeyAlgorithm[],
  now: number,
): Promise<Result<VerificationKey, Reason>> {
  if (anchor.alg !== wit.alg) return fail("wit.alg");
  if (!(await verifyReusableJws(wit.jws, anchor))) return fail("wit.signature");
  if (now > wit.exp + CLOCK_SKEW) return fail("wit.expired");
  if (wit.notBefore !== null && wit.notBefore > now + CLOCK_SKEW) return fail("wit.in_future");
  const key = await importVerificationKey(wit.confirmed, algorithms);
  return key.ok ? key : fail("wit.confirmation");
}
