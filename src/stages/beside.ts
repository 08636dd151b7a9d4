/** What comes beside the caller's proof: session, attestation and record, in this order. Part of stages 6 and 7. */

import { resolveReference } from "../evidence/attestation/reference.ts";
import {
  type AttestationContext,
  attestationChecks,
  bindAttested,
  unbound,
  verifyAttested,
} from "../evidence/attested.ts";
import { type AgentCaller, type CallerContext, covers } from "../evidence/caller.ts";
import { verifyRecorded } from "../evidence/recorded.ts";
import { ATTESTATION_HEADER, RECORD_HEADER } from "../evidence-headers.ts";
import type { Facts } from "../facts.ts";
import type { Received } from "../mcp/read.ts";
import type { Reason } from "../reasons.ts";
import { ok, type Result } from "../result.ts";
import { enterSession } from "../session/own.ts";
import { SESSION_HEADER } from "../session/seal.ts";
import type { EvidenceKind } from "../tenant/tenant.ts";
import type { Trail } from "../trail.ts";

export interface BesideContext extends CallerContext {
  readonly received: Received;
  readonly required: ReadonlySet<EvidenceKind>;
}

/** Takes them into the trail, or says why the first that is wrong is. */
export async function takeBeside(
  trail: Trail,
  caller: AgentCaller,
  { tenant, facts, received, required, keys, now }: BesideContext,
  env: Env,
): Promise<Result<void, Reason>> {
  const session = await enterSession(received.message, facts.headers, caller, tenant, env, now);
  if (!session.ok) return sparing(trail, facts, SESSION_HEADER, session);
  trail.session = session.value;
  if (session.value !== null) trail.checks.push("session");

  const needed = required.has("attestation");
  const attested = await takeAttested(trail, {
    tenant,
    facts,
    received,
    agent: caller.agent,
    required: needed,
    now,
  });
  if (!attested.ok) return sparing(trail, facts, ATTESTATION_HEADER, attested);

  const record = await verifyRecorded({ tenant, facts, caller, keys, now });
  if (!record.ok) return sparing(trail, facts, RECORD_HEADER, record);
  trail.record = record.value;
  if (record.value !== null) trail.checks.push("record");
  return ok(undefined);
}

async function takeAttested(trail: Trail, context: AttestationContext): Promise<Result<void, Reason>> {
  const verified = await verifyAttested(context);
  if (!verified.ok) return verified;
  if (verified.value === null) return ok(undefined);
  const bound = await bindAttested(verified.value, context);
  if (!bound.ok) {
    trail.unbound = await unbound(verified.value, context.tenant);
    return bound;
  }
  trail.attested = bound.value;
  trail.checks.push(...attestationChecks(bound.value));
  return ok(undefined);
}

/** Looks at what the attestation refers to, where that is still open. */
export async function resolveAttested(trail: Trail, facts: Facts, env: Env): Promise<Result<void, Reason>> {
  const open = trail.attested?.open ?? null;
  if (open === null) return ok(undefined);
  const resolved = await resolveReference(open, env);
  if (resolved.ok) return ok(undefined);
  trail.unbound = trail.attested;
  trail.attested = null;
  return sparing(trail, facts, ATTESTATION_HEADER, resolved);
}

/**
 * A header that the signature does not cover may be anybody's: what it brings about must not use up the caller's ECT. With a key
 * of the profile poc so may its absence; the other profiles cover it wherever it is.
 */
function sparing<R>(trail: Trail, facts: Facts, header: string, refusal: R): R {
  const isOpen = facts.headers.has(header)
    ? !covers(trail.caller, header)
    : trail.caller?.signature?.profile === "poc";
  trail.sparesStep = isOpen;
  return refusal;
}
