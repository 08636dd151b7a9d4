/** Verification of an HTTP message signature by a registered agent key (RFC 9421 section 3.2). */

import { utf8 } from "../../encoding.ts";
import { CLOCK_SKEW, MAX_ECT_AGE, MAX_SIGNATURE_WINDOW } from "../../limits.ts";
import type { Reason } from "../../reasons.ts";
import { fail, ok, type Result } from "../../result.ts";
import type { AgentKey, SignatureProfile } from "../../tenant/tenant.ts";
import type { FindAgentKey } from "../agent-key.ts";
import { algorithmOf, verifyBytes } from "./algorithms.ts";
import { signatureBase } from "./base.ts";
import { component, type LabelledSignature } from "./fields.ts";
import type { SignedMessage } from "./message.ts";
import { checkAlg, readParameters, requiredComponents } from "./profiles.ts";

export interface SignatureContext {
  readonly message: SignedMessage;
  /** Whether the body has any octet. */
  readonly hasBody: boolean;
  readonly findKey: FindAgentKey;
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
  /** Serialised component identifiers, such as `"@method"` with its quotes. */
  readonly covers: ReadonlySet<string>;
  /** The last second at which this signature can be accepted. */
  readonly lastAcceptable: number;
}

/**
 * Verifies the one signature whose `keyid` is registered. Signatures of others may be there; nothing of them is
 * resolved. Profile and algorithm come from the registered key, never from the message.
 *
 * The body itself is checked by `content-digest.ts`: a covered `Content-Digest` says nothing about the body
 * until the two have been compared.
 */
export async function verifyHttpSignature(
  signatures: readonly LabelledSignature[],
  context: SignatureContext,
): Promise<Result<VerifiedSignature, Reason>> {
  const chosen = await select(signatures, context.findKey);
  if (!chosen.ok) return chosen;
  const { signature, key } = chosen.value;

  const algorithm = algorithmOf(key.alg);
  if (algorithm === undefined) return fail("signature.alg");
  const algFault = checkAlg(key.profile, signature.parameters.get("alg"), algorithm.name);
  if (algFault !== null) return fail(algFault);

  const parameters = readParameters(key.profile, signature.parameters);
  if (parameters === null) return fail("signature.parameters");
  const { created, expires, nonce, audience } = parameters;

  const headers = [...context.message.headers.keys()];
  if (context.hasBody && !headers.includes("content-digest")) return fail("digest.missing");
  const covers = new Set(signature.components.map((covered) => covered.identifier));
  const required = requiredComponents(key.profile, headers, context.forwardHeaders);
  if (!required.every((name) => covers.has(component(name).identifier))) return fail("signature.coverage");

  const timeFault = checkTime(created, expires, context.now);
  if (timeFault !== null) return fail(timeFault);
  if (!context.audiences.has(audience)) return fail("signature.audience");

  const base = signatureBase(context.message, signature);
  if (!base.ok) return base;
  if (!(await verifyBytes(algorithm, key, signature.bytes, utf8(base.value))))
    return fail("signature.mismatch");

  return ok({
    key,
    profile: key.profile,
    nonce,
    created,
    expires,
    covers,
    lastAcceptable: lastAcceptable(created, expires),
  });
}

/** The last second at which a signature can be accepted, from signed values and constants alone. */
export const lastAcceptable = (created: number, expires: number | null): number =>
  (expires ?? created + MAX_ECT_AGE) + CLOCK_SKEW;

async function select(
  signatures: readonly LabelledSignature[],
  findKey: FindAgentKey,
): Promise<Result<{ signature: LabelledSignature; key: AgentKey }, Reason>> {
  const known: { signature: LabelledSignature; key: AgentKey }[] = [];
  for (const signature of signatures) {
    const keyid = signature.parameters.get("keyid");
    if (typeof keyid !== "string") continue;
    const found = await findKey({ kid: keyid, algorithms: ["ES256", "EdDSA"], x5c: null });
    if (!found.ok) return found;
    if (found.value !== null) known.push({ signature, key: found.value });
  }
  const [first, ...others] = known;
  if (first === undefined) return fail("signature.key_unknown");
  return others.length === 0 ? ok(first) : fail("signature.not_one");
}

function checkTime(
  created: number,
  expires: number | null,
  now: number,
): "signature.in_future" | "signature.window" | "signature.expired" | null {
  if (created > now + CLOCK_SKEW) return "signature.in_future";
  if (expires !== null && (expires < created || expires - created > MAX_SIGNATURE_WINDOW)) {
    return "signature.window";
  }
  return now > lastAcceptable(created, expires) ? "signature.expired" : null;
}
