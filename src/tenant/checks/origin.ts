/** Checks of what a tenant has its origin shown. */

import { claims, type Found } from "../faults.ts";
import { asServersRead } from "../forward-headers.ts";
import type { ShapedDocument } from "../schema/document.ts";

/** Each header has one value, and whose it is the document says. */
export function checkOriginHeaders({
  credentials,
  forwardHeaders,
  unsafeForwardAuthorization,
}: ShapedDocument["origin"]): readonly Found[] {
  const found: Found[] = [];
  const claimHeader = claims("header", found);
  const forwarded = new Set(forwardHeaders.map(asServersRead));
  for (const [i, { header }] of credentials.entries()) {
    const at = ["origin", "credentials", i, "header"];
    claimHeader(asServersRead(header), at);
    if (forwarded.has(asServersRead(header)))
      found.push({ at, problem: "is also one of origin.forwardHeaders, which is the caller's to set" });
    if (header === "authorization" && unsafeForwardAuthorization)
      found.push({ at, problem: "is the caller's to set, where unsafeForwardAuthorization is on" });
  }
  return found;
}
