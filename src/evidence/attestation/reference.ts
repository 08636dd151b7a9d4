/** Arguments that an attestation names by reference (`argsRef` of A, `ref` of B): whether they are those of the call. */

import { fromUtf8, sha256Hex, utf8 } from "../../encoding.ts";
import { canonical } from "../../json/canonical.ts";
import { parseStrictJson } from "../../json/strict-json.ts";
import { MAX_REFERENCE_BYTES, REFERENCE_DEADLINE_MS } from "../../limits.ts";
import type { Reason } from "../../reasons.ts";
import { fetchRemote } from "../../remote/fetch.ts";
import { remoteUrlProblem } from "../../remote/url.ts";
import { fail, ok, type Result } from "../../result.ts";
import type { ReferencePolicy, SignedDialect } from "../../tenant/tenant.ts";
import type { Reference } from "./envelope.ts";

/** A reference of which only what is there can tell whether it holds. */
export interface OpenReference {
  readonly url: string;
  /** Name of a Fetcher binding to fetch through; null for the internet. */
  readonly binding: string | null;
  /** Hex SHA-256 of what must be there. */
  readonly digest: string;
  /** JCS of the arguments of the call, whose digest is another. */
  readonly run: string;
}

/**
 * What can be told without a fetch. What is signed by a trusted issuer still chooses the path, so the list of hosts is
 * all that keeps it from asking anybody anything.
 *
 * @param run JCS of the arguments of the call
 * @param policy null where the tenant takes no references
 * @returns what is left to find out; null where the reference holds
 */
export async function weighReference(
  { uri, digest }: Reference,
  run: string,
  dialect: SignedDialect,
  policy: ReferencePolicy | null,
): Promise<Result<OpenReference | null, Reason>> {
  if (policy === null) return fail("attestation.ref_resolver_off");
  const host = URL.parse(uri)?.host ?? "";
  if (remoteUrlProblem(uri) !== null || !policy.hosts.has(host))
    return fail("attestation.ref_host_not_allowed");
  // What has this digest is the arguments: to see it would tell nothing more.
  if (digest === (await sha256Hex(utf8(run)))) return ok(null);
  // B refers to canonical JSON. A does not say, so that other bytes may be the same value.
  return dialect === "B"
    ? fail("attestation.ref_content_mismatch")
    : ok({ url: uri, binding: policy.binding, digest, run });
}

/** What stores serve JSON as. It is the signed digest that says what it is. */
const MEDIA_TYPES = ["application/json", "application/octet-stream"];

/** Fetches what is referred to, and holds it against the digest and the arguments. */
export async function resolveReference(
  { url, binding, digest, run }: OpenReference,
  env: Env,
): Promise<Result<void, Reason>> {
  const limits = { maxBytes: MAX_REFERENCE_BYTES, deadlineMs: REFERENCE_DEADLINE_MS };
  const content = await fetchRemote({ url, binding, accept: MEDIA_TYPES, ...limits }, env);
  if (!content.ok) {
    const isOurs = content.error === "binding";
    return fail(isOurs ? "reference.misconfigured" : "attestation.ref_unreachable");
  }
  if ((await sha256Hex(content.value)) !== digest) return fail("attestation.ref_digest_mismatch");
  const text = fromUtf8(content.value);
  const parsed = text === null ? null : parseStrictJson(text);
  return parsed?.ok && canonical(parsed.value) === run
    ? ok(undefined)
    : fail("attestation.ref_content_mismatch");
}
