import { findKey } from "../../keys/find.ts";
import type { VerificationKey } from "../../keys/key.ts";
import type { KeyFault, KeyFinder, KeyRing } from "../../keys/source.ts";
import type { Reason } from "../../reasons.ts";
import { fail, ok, type Result } from "../../result.ts";
import type { SignaturePolicy } from "../../tenant/tenant.ts";
import { checkWit } from "./check.ts";
import type { Wit } from "./parse.ts";

export interface WitContext {
  /** By the trust domain of `sub`. */
  readonly trustDomains: ReadonlyMap<string, KeyRing>;
  /** What the key in the token may be for. */
  readonly policy: SignaturePolicy;
  readonly keys: KeyFinder;
  /** Seconds. */
  readonly now: number;
}

/** A workload identity token that its trust domain signed, in time. Who sends it has yet to prove the key. */
export interface VerifiedWit {
  readonly subject: string;
  /** The key of the trust domain. */
  readonly anchor: WitAnchor;
  /** `cnf.jwk`, sound and imported for the algorithm that it names. */
  readonly key: VerificationKey;
}

/** By which key of which trust domain a token was signed. */
export interface WitAnchor {
  readonly trustDomain: string;
  readonly key: VerificationKey;
}

/**
 * Verifies a WIT: keys of its trust domain from the tenant's configuration alone, signature, time, and the key in it. It
 * is used for many requests, so nothing of it is spent here.
 */
export async function verifyWit(
  wit: Wit,
  { trustDomains, policy, keys, now }: WitContext,
): Promise<Result<VerifiedWit, Reason>> {
  const anchor = await findAnchor(wit, trustDomains, keys);
  if (!anchor.ok) return anchor;
  const key = await checkWit(wit, anchor.value.key, policy.publicAlgorithms, now);
  return key.ok ? ok({ subject: wit.subject, anchor: anchor.value, key: key.value }) : key;
}

/** Finds the key of the token's trust domain that it names. */
export async function findAnchor(
  { trustDomain, kid, alg }: Pick<Wit, "trustDomain" | "kid" | "alg">,
  trustDomains: ReadonlyMap<string, KeyRing>,
  keys: KeyFinder,
): Promise<Result<WitAnchor, Reason>> {
  const ring = trustDomains.get(trustDomain);
  if (ring === undefined) return fail("wit.trust_domain_unknown");
  const found = await findKey(ring, { kid, algorithms: [alg], x5c: null }, keys);
  return found.ok ? ok({ trustDomain, key: found.value }) : fail(KEY_FAULTS[found.error]);
}

const KEY_FAULTS: Readonly<Record<KeyFault, Reason>> = {
  unknown: "wit.key_unknown",
  unavailable: "keys.unavailable",
  untrusted: "wit.key_unknown",
};
