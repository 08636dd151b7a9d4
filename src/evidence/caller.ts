import type { Facts } from "../facts.ts";
import type { KeyFinder } from "../keys/source.ts";
import type { Reason } from "../reasons.ts";
import { fail, ok, type Result } from "../result.ts";
import type { Agent, EvidenceKind, Tenant } from "../tenant/tenant.ts";
import type { VerifiedMandate } from "./act/verify.ts";
import { agentKeys, type FindAgentKey } from "./agent-key.ts";
import { type Ect, parseEct } from "./ect/parse.ts";
import { type VerifiedEct, verifyEct } from "./ect/verify.ts";
import { checkContentDigest } from "./http-signature/content-digest.ts";
import { component, type LabelledSignature } from "./http-signature/fields.ts";
import { parseHttpSignature } from "./http-signature/parse.ts";
import { type VerifiedSignature, verifyHttpSignature } from "./http-signature/verify.ts";
import type { Presented } from "./presented.ts";

/** What comes with the bearer to prove the caller, as found. The attestation is about the call and is taken later. */
export interface CallerEvidence {
  readonly signature: Presented<readonly LabelledSignature[]>;
  readonly ect: Presented<Ect>;
}

/**
 * Who is calling, proven: a mandate for an agent, and a message signed by a key of that agent, unless the tenant takes the
 * message with the bearer alone.
 */
export interface Caller {
  readonly agent: Agent;
  /** Of the key that signed, or that of the agent's bearer-only messages: with the principal it names the ledger. */
  readonly lane: number;
  readonly mandate: VerifiedMandate;
  /** Null where the message came with the bearer alone. */
  readonly signature: VerifiedSignature | null;
  readonly ect: VerifiedEct | null;
}

/** The principal, as decisions, ledgers and sessions name it. */
export const principalOf = ({ agent }: Pick<Caller, "agent">): string => `agent:${agent.name}`;

/** Whether the caller's signature covers a header: without that it may be anybody's. */
export const covers = (caller: Caller | null, header: string): boolean =>
  caller?.signature?.covers.has(component(header).identifier) === true;

export interface CallerContext {
  readonly tenant: Tenant;
  readonly facts: Facts;
  readonly body: Uint8Array<ArrayBuffer>;
  readonly bodySha256: Uint8Array;
  readonly keys: KeyFinder;
  /** Seconds. */
  readonly now: number;
}

/** Parses what is about the caller. Stage 4. */
export const parseCallerEvidence = (facts: Facts): CallerEvidence => ({
  signature: parseHttpSignature(facts.headers),
  ect: parseEct(facts.headers),
});

/** What the profile demands and the request does not have. Malformed evidence is there: it fails when verified. Stage 5. */
export function checkPresence(
  { signature, ect }: CallerEvidence,
  required: ReadonlySet<EvidenceKind>,
): Result<void, Reason> {
  // What an ECT uses up must be the signer's to use up.
  const needsSignature = required.has("signature") || ect.state !== "absent";
  if (signature.state === "absent" && needsSignature) return fail("signature.missing");
  if (ect.state === "absent" && required.has("ect")) return fail("ect.missing");
  return ok(undefined);
}

/**
 * Verifies HTTP signature with Content-Digest, and ECT, in this order, and that they and the mandate are of one
 * agent and one key. Stage 6, and the first rule of stage 7. Without a signature, the agent that the mandate names, where
 * the tenant takes that; that no ECT comes without one is seen to by `checkPresence`.
 */
export async function verifyCaller(
  mandate: VerifiedMandate,
  evidence: CallerEvidence,
  context: CallerContext,
): Promise<Result<Caller, Reason>> {
  const { tenant, now } = context;
  if (evidence.signature.state === "absent") return bearerAlone(mandate);
  const findKey = agentKeys(mandate.agent, tenant, context.keys);
  const signature = await verifySignature(evidence.signature, findKey, context);
  if (!signature.ok) return signature;
  if (evidence.ect.state === "malformed") return fail(evidence.ect.reason);
  const ect =
    evidence.ect.state === "present" ? await verifyEct(evidence.ect.value, tenant, findKey, now) : ok(null);
  if (!ect.ok) return ect;

  const { key } = signature.value;
  if (mandate.agent !== key.agent) return fail("principal.mismatch");
  if (ect.value !== null) {
    if (ect.value.key.agent !== key.agent) return fail("principal.mismatch");
    // The ledger is named by the key's lane: two keys would give one request two homes.
    if (ect.value.key.thumbprint !== key.thumbprint) return fail("principal.key_mismatch");
  }
  return ok({ agent: key.agent, lane: key.lane, mandate, signature: signature.value, ect: ect.value });
}

/** A message that nothing proves but a bearer token: who sends it is whom the token names. */
function bearerAlone(mandate: VerifiedMandate): Result<Caller, Reason> {
  const { agent } = mandate;
  if (agent.unsafeBearerOnly === null) return fail("signature.missing");
  return ok({ agent, lane: agent.unsafeBearerOnly.lane, mandate, signature: null, ect: null });
}

async function verifySignature(
  signature: Exclude<CallerEvidence["signature"], { state: "absent" }>,
  findKey: FindAgentKey,
  { tenant, facts, body, bodySha256, now }: CallerContext,
): Promise<Result<VerifiedSignature, Reason>> {
  if (signature.state === "malformed") return fail(signature.reason);
  const verified = await verifyHttpSignature(signature.value, {
    message: { method: facts.method, targetUri: tenant.publicUrl, headers: facts.headers },
    hasBody: body.length > 0,
    forwardHeaders: tenant.origin.forwardHeaders,
    findKey,
    audiences: tenant.audiences,
    now,
  });
  if (!verified.ok) return verified;
  const digest = await checkContentDigest(facts.headers.get("content-digest"), body, bodySha256);
  return digest.ok ? verified : digest;
}
