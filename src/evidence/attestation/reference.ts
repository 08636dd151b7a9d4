import { MAX_REFERENCE_BYTES, REFERENCE_DEADLINE_MS } from "../../limits.ts";
import { fetchRemote } from "../../remote/fetch.ts";
import { fail } from "../../result.ts";
import type { ReferencePolicy } from "../../tenant/tenant.ts";
import type { Resolve } from "./commitment.ts";

/** What stores serve JSON as. It is the signed digest that says what it is. */
const MEDIA_TYPES = ["application/json", "application/octet-stream"];

/**
 * Fetches arguments that an attestation names by reference, from the hosts of the tenant's list alone. What is signed by
 * a trusted issuer still chooses the path, so the host is all that keeps it from asking anybody anything.
 *
 * @returns null where the tenant has none fetched
 */
export const referenceResolver = (policy: ReferencePolicy | null, env: Env): Resolve | null =>
  policy &&
  (async (uri) => {
    const url = URL.parse(uri);
    if (url?.protocol !== "https:" || !policy.hosts.has(url.host))
      return fail("attestation.ref_host_not_allowed");
    const { binding } = policy;
    const limits = { maxBytes: MAX_REFERENCE_BYTES, deadlineMs: REFERENCE_DEADLINE_MS };
    const content = await fetchRemote({ url: uri, binding, accept: MEDIA_TYPES, ...limits }, env);
    if (content.ok) return content;
    return fail(content.error === "url" ? "attestation.ref_host_not_allowed" : "attestation.ref_unreachable");
  });
