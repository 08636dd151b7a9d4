/** Holds a verified attestation against the call: this server, this tool, these arguments. */

import { sha256, toBase64url, utf8 } from "../../encoding.ts";
import { canonical } from "../../json/canonical.ts";
import { memberText } from "../../json/member-text.ts";
import { isObject, type JsonObject, type JsonValue, parseStrictJson } from "../../json/strict-json.ts";
import type { Reason } from "../../reasons.ts";
import { fail, ok, type Result } from "../../result.ts";
import { type Commitment, sha256Hex } from "./envelope.ts";
import { toHex } from "./signature.ts";
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
  /** The one of the tenant's fingerprints that the attestation names. */
  readonly fingerprint: string;
  /**
   * What the ledger claims: base64url SHA-256 of JCS([tenant, iss, nonce, fingerprint]). A plan shows its nonce once
   * to each server. Never the signature or the digest, since (r, n - s) is a second signature of the same envelope.
   */
  readonly nonceKey: string;
}

export async function bindAttestation(
  { calls, dialect, iss, nonce }: VerifiedAttestation,
  call: AttestedCall,
): Promise<Result<BoundAttestation, Reason>> {
  const [planned, ...more] = calls.filter(({ serverFingerprint }) =>
    call.fingerprints.has(serverFingerprint),
  );
  if (planned === undefined) return fail("attestation.fingerprint_not_found");
  if (more.length > 0) return fail("attestation.fingerprint_twice");
  if (calls.length > 1) return fail("attestation.several_calls");
  if (planned.name !== call.tool) return fail("attestation.tool_differs");

  // B commits to integers only. The tokens are looked at, since 1.0 and 1 are equal once parsed.
  const text = dialect === "B" ? memberText(call.bodyText, ["params", "arguments"]) : null;
  if (text !== null && !parseStrictJson(text, "integer").ok) return fail("attestation.args_number");
  const fault = await commitmentFault(planned.commitment, canonical(call.arguments));
  if (fault !== null) return fail(fault);

  const fingerprint = planned.serverFingerprint;
  const nonceKey = toBase64url(await sha256(utf8(canonical([call.tenant, iss, nonce, fingerprint]))));
  return ok({ fingerprint, nonceKey });
}

/**
 * SEP-2787 rule 5, made binding: the projection must be the arguments or their digest. The text would let any other
 * projection pass as "redacted".
 *
 * @param run JCS of the arguments
 */
async function commitmentFault(commitment: Commitment, run: string): Promise<Reason | null> {
  if (commitment.kind === "ref") return "attestation.ref_resolver_off";
  const { text, digest } = commitment;
  if (digest !== null && digest !== (await sha256Text(text))) return "attestation.projection_digest_mismatch";

  const parsed = parseStrictJson(text);
  if (!parsed.ok) return "attestation.projection_not_json";
  const projection = canonical(parsed.value);
  if (digest !== null && projection !== text) return "attestation.projection_not_canonical";

  // Identity first: arguments may themselves be {"digest": "sha256:..."}.
  if (projection === run) return null;
  const committed = hashOnly(parsed.value);
  if (committed === null) return "attestation.redacted_not_allowed";
  return committed === (await sha256Text(run)) ? null : "attestation.hash_only_mismatch";
}

/** The hex digits of a projection that is `{"digest": "sha256:<hex>"}` and nothing else. */
const hashOnly = (projection: JsonValue): string | null =>
  isObject(projection) && Object.keys(projection).length === 1 ? sha256Hex(projection.digest) : null;

const sha256Text = async (text: string): Promise<string> => toHex(await sha256(utf8(text)));
