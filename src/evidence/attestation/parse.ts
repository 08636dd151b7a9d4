/** Finds the attestation in a request: in the `X-MCP-Attestation` header, in `params._meta`, or in both. */

import { fromBase64url, fromUtf8, utf8 } from "../../encoding.ts";
import { canonical } from "../../json/canonical.ts";
import { hasCaseVariant } from "../../json/fold-case.ts";
import { memberText } from "../../json/member-text.ts";
import { isObject, type JsonObject, parseStrictJson } from "../../json/strict-json.ts";
import { MAX_ATTESTATION_BYTES } from "../../limits.ts";
import type { Reason } from "../../reasons.ts";
import { fail, type Result } from "../../result.ts";
import type { AttestationPolicy } from "../../tenant/tenant.ts";
import { absent, malformed, type Presented, present } from "../presented.ts";
import { type Envelope, parseEnvelope } from "./envelope.ts";

export interface AttestationCarriers {
  /** Value of `X-MCP-Attestation`. */
  readonly header: string | undefined;
  /** `params._meta` of the strictly parsed body. */
  readonly meta: JsonObject | undefined;
  /** The body that `meta` was parsed from: a parsed number no longer shows how it was written. */
  readonly bodyText: string;
  readonly policy: AttestationPolicy;
}

/** Every carrier is read, and all that are there must carry the same envelope (compared by its JCS). */
export function parseAttestation({
  header,
  meta,
  bodyText,
  policy,
}: AttestationCarriers): Presented<Envelope> {
  const carried: Result<Envelope, Reason>[] = [];
  if (header !== undefined) carried.push(fromHeader(header, policy));
  if (meta !== undefined) {
    // The server could read the attestation there that was not read here.
    if (hasCaseVariant(meta, policy.metaKeys)) return malformed("attestation.carrier_conflict");
    for (const key of policy.metaKeys) {
      if (Object.hasOwn(meta, key)) carried.push(fromMeta(meta, key, bodyText, policy));
    }
  }

  const envelopes: Envelope[] = [];
  for (const result of carried) {
    if (!result.ok) return malformed(result.error);
    envelopes.push(result.value);
  }
  const [first, ...others] = envelopes;
  if (first === undefined) return absent;
  return others.some(({ raw }) => canonical(raw) !== canonical(first.raw))
    ? malformed("attestation.carrier_conflict")
    : present(first);
}

/** base64url(JCS(envelope)). Correct padding is tolerated; two header lines, joined by a comma, are not. */
function fromHeader(header: string, policy: AttestationPolicy): Result<Envelope, Reason> {
  if (header.length > Math.ceil(MAX_ATTESTATION_BYTES / 3) * 4) return fail("attestation.too_large");
  const padding = /={0,2}$/.exec(header)?.[0] ?? "";
  if (header === "" || (padding !== "" && header.length % 4 !== 0))
    return fail("attestation.carrier_undecodable");
  const bytes = fromBase64url(header.slice(0, header.length - padding.length));
  const text = bytes && fromUtf8(bytes);
  if (text === null) return fail("attestation.carrier_undecodable");
  const parsed = parseStrictJson(text);
  if (!parsed.ok) return fail("attestation.not_strict_json");
  if (!isObject(parsed.value)) return fail("attestation.schema");
  if (!policy.unsafeNonCanonicalHeader && canonical(parsed.value) !== text)
    return fail("attestation.carrier_not_canonical");
  return bounded(parsed.value, text, policy);
}

function fromMeta(
  meta: JsonObject,
  key: string,
  bodyText: string,
  policy: AttestationPolicy,
): Result<Envelope, Reason> {
  const raw = meta[key];
  if (!isObject(raw)) return fail("attestation.schema");
  return bounded(raw, memberText(bodyText, ["params", "_meta", key]) ?? "", policy);
}

const bounded = (raw: JsonObject, text: string, { numbers }: AttestationPolicy): Result<Envelope, Reason> =>
  utf8(text).length > MAX_ATTESTATION_BYTES
    ? fail("attestation.too_large")
    : parseEnvelope(raw, text, numbers);
