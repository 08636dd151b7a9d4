/** The field `Content-Digest` (RFC 9530), over the body bytes as received. */

import { serializeByteSequence } from "structured-headers";
import { equalBytes, sha256 } from "../../encoding.ts";
import { MAX_SIGNATURE_FIELD_BYTES } from "../../limits.ts";
import type { Reason } from "../../reasons.ts";
import { fail, ok, type Result } from "../../result.ts";
import { readCanonicalBytes } from "./canonical-fields.ts";
import { strictDictionary } from "./dictionary.ts";

export type DigestReason = Extract<Reason, "digest.missing" | "digest.malformed" | "digest.mismatch">;

/**
 * Checks the field against the body. Every sha-256 and sha-512 value must match: to pass over a failed one would
 * let an attacker choose the weaker (RFC 9530 section 6.6). Other algorithms prove nothing and are ignored, but
 * one of the two must be there. The digest of an empty body is checked as well, so that removed content is seen.
 *
 * @param header value of `Content-Digest`; without it a body fails as `digest.missing`
 * @param bodySha256 SHA-256 of the body, which the gate has computed already
 */
export async function checkContentDigest(
  header: string | undefined,
  body: Uint8Array<ArrayBuffer>,
  bodySha256: Uint8Array,
): Promise<Result<void, DigestReason>> {
  if (header === undefined) return body.length > 0 ? fail("digest.missing") : ok(undefined);
  if (header.length > MAX_SIGNATURE_FIELD_BYTES) return fail("digest.malformed");
  const digests = readCanonicalBytes(header) ?? readDigests(header);
  if (digests === null) return fail("digest.malformed");
  const weak = digestOf(digests.get("sha-256"), 32);
  const strong = digestOf(digests.get("sha-512"), 64);
  if (weak === "malformed" || strong === "malformed") return fail("digest.malformed");
  if (weak === null && strong === null) return fail("digest.malformed");
  if (weak !== null && !equalBytes(weak, bodySha256)) return fail("digest.mismatch");
  if (strong !== null && !equalBytes(strong, await sha512(body))) return fail("digest.mismatch");
  return ok(undefined);
}

/** The value to send with a body. */
export const contentDigest = async (body: Uint8Array<ArrayBuffer>): Promise<string> =>
  `sha-256=${serializeByteSequence(await sha256(body))}`;

/** The field in any spelling, with values of any type; null where it is malformed. */
function readDigests(header: string): ReadonlyMap<string, unknown> | null {
  const field = strictDictionary(header);
  if (field === null) return null;
  const bytesOf = (value: unknown) => (value instanceof ArrayBuffer ? new Uint8Array(value) : value);
  return new Map([...field].map(([key, [value]]) => [key, bytesOf(value)]));
}

function digestOf(value: unknown, length: number): Uint8Array | null | "malformed" {
  if (value === undefined) return null;
  return value instanceof Uint8Array && value.length === length ? value : "malformed";
}

const sha512 = async (bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array> =>
  new Uint8Array(await crypto.subtle.digest("SHA-512", bytes));
