import type { Facts } from "../facts.ts";
import { isObject } from "../json/strict-json.ts";
import type { Received } from "../mcp/read.ts";
import type { Reason } from "../reasons.ts";
import { fail, ok, type Result } from "../result.ts";
import type { Agent, Tenant } from "../tenant/tenant.ts";
import { type BoundAttestation, bindAttestation } from "./attestation/bind.ts";
import { parseAttestation } from "./attestation/parse.ts";
import { type VerifiedAttestation, verifyAttestation } from "./attestation/verify.ts";

/** The carrier that SEP-2787 names for HTTP. */
export const ATTESTATION_HEADER = "x-mcp-attestation";

/** An attestation of this very call, by the calling agent. */
export type Attested = VerifiedAttestation & BoundAttestation;

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
 * Parses, verifies and binds the tool call attestation. It comes after the caller is proven, because SEP-2787
 * answers with a tool result, which strangers do not get.
 *
 * @returns null where there is none and none is required
 */
export async function verifyAttested(context: AttestationContext): Promise<Result<Attested | null, Reason>> {
  const { tenant, facts, received, agent, required, now } = context;
  const { message, text } = received;
  const meta =
    message.kind === "request" || message.kind === "notification" ? message.params._meta : undefined;
  const presented = parseAttestation({
    header: facts.headers.get(ATTESTATION_HEADER),
    meta: isObject(meta) ? meta : undefined,
    bodyText: text,
    metaKeys: tenant.attestation.metaKeys,
  });
  if (presented.state === "absent") return required ? fail("attestation.missing") : ok(null);
  if (message.kind !== "request" || message.tool === null) return fail("attestation.misplaced");
  if (presented.state === "malformed") return fail(presented.reason);

  const verified = await verifyAttestation(presented.value, {
    keys: tenant.attestationKeys,
    agents: tenant.agents.byAttestation,
    policy: tenant.attestation,
    now,
  });
  if (!verified.ok) return verified;
  if (verified.value.agent !== agent) return fail("attestation.principal_mismatch");

  const bound = await bindAttestation(verified.value, {
    tenant: tenant.id,
    fingerprints: tenant.fingerprints,
    tool: message.tool.name,
    arguments: message.tool.arguments,
    bodyText: text,
  });
  return bound.ok ? ok({ ...verified.value, ...bound.value }) : bound;
}
