/** Request headers that no tenant can have forwarded. */

import { EVIDENCE_HEADERS } from "../evidence-headers.ts";

/** Credentials and evidence: what proves something to us could be replayed by an origin that receives it. */
const CREDENTIALS = [...EVIDENCE_HEADERS, "cookie", "dpop", "txn-token"];

/** Framing and hop-by-hop fields (RFC 9110 section 7.6.1): they speak of this connection, not of the message. */
const HOP_BY_HOP = [
  "host",
  "connection",
  "content-length",
  "transfer-encoding",
  "te",
  "trailer",
  "upgrade",
  "keep-alive",
];

/** Where the request came from: an origin would believe that we say so. */
const ADDRESSES = ["forwarded", "x-real-ip", "true-client-ip"];

/** It is sealed for its owner: a caller's own spelling of it would be anybody's session. */
const SESSION = ["mcp-session-id"];

const NEVER: ReadonlySet<string> = new Set([...CREDENTIALS, ...HOP_BY_HOP, ...ADDRESSES, ...SESSION]);
const NEVER_PREFIXES = ["proxy-", "cf-", "x-forwarded-", "countersign-"];

/** What keeps a header from being forwarded; null where nothing does. */
export function forwardHeaderProblem(name: string): string | null {
  if (!/^[a-z0-9!#$%&'*+.^_`|~-]+$/.test(name)) return "must be a header name in lower case";
  // Many servers take these for the same.
  const read = name.replace(/[^a-z0-9]/g, "-");
  return NEVER.has(read) || NEVER_PREFIXES.some((prefix) => read.startsWith(prefix))
    ? "is never forwarded: credentials, evidence, session, hop-by-hop and client address headers end here"
    : null;
}
