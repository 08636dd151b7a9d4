import { ATTESTATION_HEADER } from "../evidence-headers.ts";
import type { Facts } from "../facts.ts";
import { isObject, type JsonObject } from "../json/strict-json.ts";
import type { Received } from "../mcp/read.ts";
import type { Reason } from "../reasons.ts";
import { fail, ok, type Result } from "../result.ts";
import type { Agent, Tenant } from "../tenant/tenant.ts";
import { type BoundAttestation, bindAttestation, unboundNonceKey } from "./attestation/bind.ts";
import { parseAttestation } from "./attestation/parse.ts";
import { type VerifiedAttestation, verifyAttestation } from "./attestation/verify.ts";

/** An attestation of this very call, by the calling agent; but for what is `open`. */
export type Attested = VerifiedAttestation & BoundAttestation;

/** An attestation of the calling agent for this server, whatever call it is of. */
export type ShownAttestation = Pick<Attested, "digest" | "nonce" | "nonceKey" | "iat" | "lastAcceptable">;

export interface AttestationContext {
  readonly tenant: Tenant;
  readonly facts: Facts;
  readonly received: Received;
  /** The caller, already proven. */
  readonly agent: Agent;
  readonly required: boolean;
  /** Seconds. */
  readonly now: number;
}

/**
 * Parses and verifies the tool call attestation. It comes after the caller is proven, because SEP-2787
 * answers with a tool result, which strangers do not get.
 *
 * @returns null where there is none and none is required
 */
export async function verifyAttested(
  context: AttestationContext,
): Promise<Result<VerifiedAttestation | null, Reason>> {
  const { tenant, facts, received, agent, required, now } = context;
  const policy = tenant.attestation;
  const { message, text } = received;
  const meta =
    message.kind === "request" || message.kind === "notification" ? message.params._meta : undefined;
  const presented = parseAttestation({
    header: facts.headers.get(ATTESTATION_HEADER),
    meta: isObject(meta) ? meta : undefined,
    bodyText: text,
    policy,
  });
  if (presented.state === "absent") return required ? fail("attestation.missing") : ok(null);
  if (message.kind !== "request" || message.tool === null) return fail("attestation.misplaced");
  if (presented.state === "malformed") return fail(presented.reason);

  const verified = await verifyAttestation(presented.value, {
    keys: tenant.attestationKeys,
    agents: tenant.agents.byAttestation,
    policy,
    now,
  });
  if (!verified.ok) return verified;
  return verified.value.agent === agent ? verified : fail("attestation.principal_mismatch");
}

/** Holds a verified attestation against the call that it came with. */
export async function bindAttested(
  attestation: VerifiedAttestation,
  { tenant, received: { message, text } }: Pick<AttestationContext, "tenant" | "received">,
): Promise<Result<Attested, Reason>> {
  if (message.kind !== "request" || message.tool === null) return fail("attestation.misplaced");
  const policy = tenant.attestation;
  const { name: tool, arguments: args } = message.tool;
  const refused = policy.refusesUnboundInput;
  if (carriesUnboundInput(message.params) && (refused === "all" || refused.has(tool)))
    return fail("attestation.unbound_input");
  const call = {
    tenant: tenant.id,
    fingerprints: tenant.fingerprints,
    tool,
    arguments: args,
    bodyText: text,
  };
  const bound = await bindAttestation(attestation, call, policy);
  return bound.ok ? ok({ ...attestation, ...bound.value }) : bound;
}

/** What is known of an attestation that is not of the call it came with; null where it is for another server. */
export async function unbound(
  attestation: VerifiedAttestation,
  tenant: Tenant,
): Promise<ShownAttestation | null> {
  const { digest, nonce, iat, lastAcceptable } = attestation;
  const nonceKey = await unboundNonceKey(attestation, tenant);
  return nonceKey === null ? null : { digest, nonce, nonceKey, iat, lastAcceptable };
}

/** What answers an earlier `input_required` (MCP 2026-07-28): it steers the tool, and no envelope has a place for it. */
const carriesUnboundInput = (params: JsonObject): boolean =>
  Object.hasOwn(params, "inputResponses") || Object.hasOwn(params, "requestState");

/** What the audit record says: the dialect, and whatever an auditor should not take for the ordinary case. */
export function attestationChecks(attested: Attested): readonly string[] {
  const { dialect, calls, projection, isReference, hasUnknownMembers } = attested;
  const notable = {
    plan: calls.length > 1,
    redacted: projection === "redacted",
    reference: isReference,
    unknown_members: hasUnknownMembers,
  };
  const check = `attestation.${dialect}`;
  return [check, ...Object.entries(notable).flatMap(([name, is]) => (is ? [`${check}.${name}`] : []))];
}
