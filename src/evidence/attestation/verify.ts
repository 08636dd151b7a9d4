/** Verifies an attestation (SEP-2787): key and algorithm, signature, time, and whose it is. */

import { fromHex } from "../../encoding.ts";
import { digestOf } from "../../json/digest.ts";
import { CLOCK_SKEW, MAX_ATTESTATION_TTL } from "../../limits.ts";
import type { Reason } from "../../reasons.ts";
import { fail, ok, type Result } from "../../result.ts";
import {
  type Agent,
  type AttestationKey,
  type AttestationPolicy,
  attestationIdentity,
  attestationKeyId,
  type SignedDialect,
} from "../../tenant/tenant.ts";
import type { Envelope, PlannedCall } from "./envelope.ts";
import {
  isAttestationAlgorithm,
  signatureLength,
  signingInput,
  signingInputC,
  webCrypto,
} from "./signature.ts";

/** Signed, in time, and of a known agent; not yet held against the call. */
export interface VerifiedAttestation {
  readonly agent: Agent;
  readonly iss: string;
  readonly nonce: string;
  /** Seconds, perhaps with a fraction. */
  readonly iat: number;
  readonly calls: readonly PlannedCall[];
  readonly dialect: SignedDialect;
  readonly hasUnknownMembers: boolean;
  /** The last second at which this attestation can be accepted; its nonce must be kept until then. */
  readonly lastAcceptable: number;
  /** `sha256:<hex>` of the canonical envelope as received, with its signature. */
  readonly digest: string;
}

export interface AttestationTrust {
  /** By `attestationKeyId(iss, secretVersion)`. */
  readonly keys: ReadonlyMap<string, AttestationKey>;
  /** By `attestationIdentity(iss, sub)`. */
  readonly agents: ReadonlyMap<string, Agent>;
  readonly policy: AttestationPolicy;
  /** Seconds, an integer. */
  readonly now: number;
}

export async function verifyAttestation(
  envelope: Envelope,
  { keys, agents, policy, now }: AttestationTrust,
): Promise<Result<VerifiedAttestation, Reason>> {
  const { iss, sub, nonce, iat, ttl, calls, hasUnknownMembers } = envelope;
  if (!policy.dialects.has(envelope.dialect)) return fail("attestation.dialect_not_allowed");

  const verified = await verifySignature(envelope, keys);
  if (!verified.ok) return verified;

  // SEP-2787 rule 3; the bounds themselves pass.
  const lastAcceptable = lastAcceptableSecond(iat, ttl);
  if (now < iat - CLOCK_SKEW) return fail("attestation.iat_in_future");
  if (now > lastAcceptable) return fail("attestation.ttl_passed");
  if (ttl > Math.min(policy.maxTtl, MAX_ATTESTATION_TTL)) return fail("attestation.ttl_over_cap");

  const agent = agents.get(attestationIdentity(iss, sub));
  if (agent === undefined) return fail("attestation.identity_unknown");

  const [dialect, digest] = [verified.value, await digestOf(envelope.raw)];
  return ok({ agent, iss, nonce, iat, calls, dialect, hasUnknownMembers, lastAcceptable, digest });
}

/** From signed values only. The text keeps a nonce until `iat + expSeconds`, 30 s less than it accepts it. */
const lastAcceptableSecond = (iat: number, ttl: number): number => Math.floor(iat) + ttl + CLOCK_SKEW;

/** @returns the dialect whose signature it is */
async function verifySignature(
  envelope: Envelope,
  keys: ReadonlyMap<string, AttestationKey>,
): Promise<Result<SignedDialect, Reason>> {
  const { dialect, alg, outerAlg, iss, secretVersion, raw } = envelope;
  if (!isAttestationAlgorithm(alg) || !isAttestationAlgorithm(outerAlg))
    return fail("attestation.alg_unsupported");
  if (alg !== outerAlg) return fail("attestation.alg_fields_differ");

  const key = keys.get(attestationKeyId(iss, secretVersion));
  if (key === undefined) {
    return fail(knowsIssuer(keys, iss) ? "attestation.secret_version_unknown" : "attestation.issuer_unknown");
  }
  // The envelope does not choose how its key is used: an HMAC keyed with a public key would otherwise verify.
  if (key.alg !== alg) return fail("attestation.alg_not_pinned");

  const signature = fromHex(envelope.signature, signatureLength(alg, key.key));
  if (signature === null) return fail("attestation.signature_encoding");
  const covers = (bytes: Uint8Array<ArrayBuffer>) =>
    crypto.subtle.verify(webCrypto(alg), key.key, signature, bytes);
  if (await covers(signingInput(raw))) return ok(dialect);
  const takesC = dialect === "A" && key.alg === "HS256" && key.unsafeDialectC === true;
  return takesC && (await covers(signingInputC(raw))) ? ok("C") : fail("attestation.signature_mismatch");
}

/** Only to name the fault; walks the table, which is small. */
const knowsIssuer = (keys: ReadonlyMap<string, AttestationKey>, iss: string): boolean =>
  [...keys.keys()].some((id) => (JSON.parse(id) as readonly string[])[0] === iss);
