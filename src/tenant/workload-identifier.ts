/** Workload identifiers (draft-ietf-wimse-identifier section 4): compared whole, byte for byte, so each has one spelling. */

import { MAX_IDENTIFIER_LENGTH } from "../limits.ts";

/**
 * A scheme, a trust domain and one path segment or more, each in the only form that needs no normalising: no
 * percent-encoding, query, fragment, user information or port. `wimse:` and `spiffe:` allow nothing else.
 */
const IDENTIFIER = /^[a-z][a-z0-9+.-]*:\/\/([a-z0-9._-]*[a-z0-9_-])((?:\/[A-Za-z0-9._~-]+)+)$/;

/** The trust domain of a workload identifier; null for a text that is none in canonical form. */
export function trustDomainOf(text: string): string | null {
  const [, domain, path] = text.length <= MAX_IDENTIFIER_LENGTH ? (IDENTIFIER.exec(text) ?? []) : [];
  if (domain === undefined || path === undefined) return null;
  return path.split("/").some((segment) => segment === "." || segment === "..") ? null : domain;
}
