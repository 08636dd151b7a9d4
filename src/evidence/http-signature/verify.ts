/** Verification of the caller's HTTP message signature (RFC 9421 section 3.2). */

import { algorithmOf, verifyBytes } from "../../keys/algorithms.ts";
import type { Reason } from "../../reasons.ts";
import { fail, ok, type Result } from "../../result.ts";
import type { AgentKey, SignaturePolicy, SignatureProfile } from "../../tenant/tenant.ts";
import type { FindAgentKey } from "../agent-key.ts";
import { signatureBase } from "./base.ts";
import type { LabelledSignature } from "./fields.ts";
import type { SignedRequest } from "./message.ts";
import { checkAlg, readParameters, requiredComponents, selectWimse, WEB_BOT_AUTH_TAG } from "./profiles.ts";
import { checkTime, lastAcceptable } from "./times.ts";

export interface SignatureContext {
  readonly message: SignedRequest;
  /** Whether the body has any octet. */
  readonly hasBody: boolean;
  readonly policy: SignaturePolicy;
  /** Accepted values of `wimse-aud`. */
  readonly audiences: ReadonlySet<string>;
  /** Lower-case names of the further headers that this tenant's origin receives. */
  readonly forwardHeaders: ReadonlySet<string>;
  /** NumericDate seconds. */
  readonly now: number;
}

/** This signature, by this key, over this list: never just "a signature verified". */
export interface VerifiedSignature {
  readonly key: AgentKey;
  readonly profile: SignatureProfile;
  readonly nonce: string | null;
  readonly created: number;
  readonly expires: number | null;
  /** `wimse-sign-response`: the caller takes no answer that is not signed. */
  readonly demandsSignedResponse: boolean;
  /** Serialised component identifiers, such as `"@method"` with its quotes. */
  readonly covers: ReadonlySet<string>;
  /** The last second at which this signature can be accepted. */
  readonly lastAcceptable: number;
}

/**
 * Verifies the one signature whose `keyid` is registered. Signatures of others may be there: their keys are asked of the
 * caller's own sources alone, and count for nothing, also where no source can tell. Profile and algorithm come from the registered key, never from the message.
 *
 * The body itself is checked by `content-digest.ts`: a covered `Content-Digest` says nothing about the body
 * until the two have been compared.
 */
export async function verifyRegistered(
  signatures: readonly LabelledSignature[],
  findKey: FindAgentKey,
  context: SignatureContext,
): Promise<Result<VerifiedSignature, Reason>> {
  const known: { signature: LabelledSignature; key: AgentKey }[] = [];
  let fault: Reason | null = null;
  for (const signature of signatures) {
    const keyid = signature.parameters.get("keyid");
    // One that only names the caller's software is never the caller's own, though it were made with the same key.
    if (typeof keyid !== "string" || signature.parameters.get("tag") === WEB_BOT_AUTH_TAG) continue;
    const found = await findKey({ kid: keyid, algorithms: context.policy.publicAlgorithms, x5c: null });
    if (!found.ok) fault ??= found.error;
    else if (found.value !== null) known.push({ signature, key: found.value });
  }
  const [chosen, ...others] = known;
  if (chosen === undefined) return fail(fault ?? "signature.key_unknown");
  return others.length === 0 ? verifyOne(chosen.signature, chosen.key, context) : fail("signature.not_one");
}

/**
 * Verifies the one signature with the tag of WIMSE by the key of the caller's WIT. Signatures of others may be there;
 * nothing of them is resolved, and labels mean nothing.
 */
export async function verifyWimse(
  signatures: readonly LabelledSignature[],
  key: AgentKey,
  context: SignatureContext,
): Promise<Result<VerifiedSignature, Reason>> {
  const chosen = selectWimse(signatures);
  return chosen.ok ? verifyOne(chosen.value, key, context) : chosen;
}

async function verifyOne(
  signature: LabelledSignature,
  key: AgentKey,
  context: SignatureContext,
): Promise<Result<VerifiedSignature, Reason>> {
  const { profile } = key;
  if (!context.policy.algorithms.has(key.alg)) return fail("signature.alg");
  const said = readParameters(profile, signature.parameters);
  if (said === null) return fail("signature.parameters");
  const algorithm = algorithmOf(key.alg);
  const algFault = checkAlg(profile, signature.parameters.get("alg"), algorithm.name);
  if (algFault !== null) return fail(algFault);

  const { headers } = context.message;
  if (context.hasBody && !headers.has("content-digest")) return fail("digest.missing");
  const missing = new Set(requiredComponents(profile, [...headers.keys()], context.forwardHeaders));
  // With a parameter it is another component.
  for (const { name, parameters } of signature.components) if (parameters.size === 0) missing.delete(name);
  if (missing.size > 0) return fail("signature.coverage");

  const { audience, ...signed } = said;
  const { created, expires } = signed;
  const timeFault = checkTime(created, expires, context.now);
  if (timeFault !== null) return fail(timeFault);
  if (!context.audiences.has(audience)) return fail("signature.audience");

  const base = signatureBase(context.message, signature);
  if (!base.ok) return base;
  if (!(await verifyBytes(algorithm, key.key, signature.bytes, base.value)))
    return fail("signature.mismatch");

  const covers = new Set(signature.components.map(({ identifier }) => identifier));
  return ok({ ...signed, key, profile, covers, lastAcceptable: lastAcceptable(created, expires) });
}
