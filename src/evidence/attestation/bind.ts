/** Holds a verified attestation against the call: this server, this tool, these arguments. */

import { sha256, toBase64url, utf8 } from "../../encoding.ts";
import { canonical } from "../../json/canonical.ts";
import { memberText } from "../../json/member-text.ts";
import { type JsonObject, parseStrictJson } from "../../json/strict-json.ts";
import type { Reason } from "../../reasons.ts";
import { fail, ok, type Result } from "../../result.ts";
import type { AttestationPolicy, Tenant } from "../../tenant/tenant.ts";
import type { PlannedCall } from "./envelope.ts";
import { type ProjectionForm, projectionForm } from "./projection.ts";
import { type OpenReference, weighReference } from "./reference.ts";
import type { VerifiedAttestation } from "./verify.ts";

/** The `tools/call` as received, and who received it. */
export interface AttestedCall {
  /** Tenant id. */
  readonly tenant: string;
  /** The values of `serverFingerprint` that mean this server. */
  readonly fingerprints: ReadonlySet<string>;
  /** `params.name` */
  readonly tool: string;
  /** `params.arguments`; `{}` where the call has none. */
  readonly arguments: JsonObject;
  /** The body that `arguments` was parsed from. */
  readonly bodyText: string;
}

export interface BoundAttestation {
  /**
   * What the ledger claims: base64url SHA-256 of JCS([tenant, iss, nonce, fingerprint]). A plan shows its nonce once
   * to each server. Never the signature or the digest, since (r, n - s) is a second signature of the same envelope.
   */
  readonly nonceKey: string;
  /** What its projection is to the arguments; null where it has none. */
  readonly projection: ProjectionForm | null;
  /** Whether it names the arguments by reference. */
  readonly isReference: boolean;
  /** What must still be fetched before the arguments are bound; null where they are. */
  readonly open: OpenReference | null;
}

export async function bindAttestation(
  attestation: VerifiedAttestation,
  call: AttestedCall,
  policy: AttestationPolicy,
): Promise<Result<BoundAttestation, Reason>> {
  const { calls, dialect } = attestation;
  const found = findPlanned(calls, call, policy);
  if (!found.ok) return found;
  const planned = found.value;

  // The tokens are looked at, since 1.0 and 1 are equal once parsed.
  const text = memberText(call.bodyText, ["params", "arguments"]);
  const numbers = policy.numbers[dialect];
  if (text !== null && numbers !== "any" && !parseStrictJson(text, numbers).ok)
    return fail("attestation.args_number");

  const { projection, reference } = planned.commitment;
  const redaction = policy.redaction.get(call.tool) ?? "none";
  const form = projection && (await projectionForm(projection, call.arguments, redaction));
  if (form !== null && !form.ok) return form;
  const open =
    reference && (await weighReference(reference, canonical(call.arguments), dialect, policy.references));
  if (open !== null && !open.ok) return open;

  return ok({
    nonceKey: await nonceKeyOf(attestation, planned, call.tenant),
    projection: form?.value ?? null,
    isReference: reference !== null,
    open: open?.value ?? null,
  });
}

/** The nonce key of an attestation that is not of the call it came with; null where it is for another server, or not for one call. */
export async function unboundNonceKey(
  attestation: VerifiedAttestation,
  { id, fingerprints }: Pick<Tenant, "id" | "fingerprints">,
): Promise<string | null> {
  const [planned, ...more] = plannedFor(attestation.calls, fingerprints);
  return planned === undefined || more.length > 0 ? null : nonceKeyOf(attestation, planned, id);
}

/** See `BoundAttestation`. */
const nonceKeyOf = async (
  { iss, nonce }: VerifiedAttestation,
  { serverFingerprint }: PlannedCall,
  tenant: string,
): Promise<string> => toBase64url(await sha256(utf8(canonical([tenant, iss, nonce, serverFingerprint]))));

const plannedFor = (
  calls: readonly PlannedCall[],
  fingerprints: ReadonlySet<string>,
): readonly PlannedCall[] => calls.filter(({ serverFingerprint }) => fingerprints.has(serverFingerprint));

/** The one planned call that is for this server, if it is for this tool. */
function findPlanned(
  calls: readonly PlannedCall[],
  { fingerprints, tool }: AttestedCall,
  { multiServer }: AttestationPolicy,
): Result<PlannedCall, Reason> {
  const [planned, ...more] = plannedFor(calls, fingerprints);
  if (planned === undefined) return fail("attestation.fingerprint_not_found");
  if (more.length > 0) return fail("attestation.fingerprint_twice");
  if (calls.length > 1 && !multiServer) return fail("attestation.several_calls");
  return planned.name === tool ? ok(planned) : fail("attestation.tool_differs");
}
