/** Request headers that no tenant can have forwarded, or set for its origin. */

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
  "expect",
];

/** Where the request came from: an origin would believe that we say so. */
const ADDRESSES = ["forwarded", "x-real-ip", "true-client-ip"];

/** It is sealed for its owner: a caller's own spelling of it would be anybody's session. */
const SESSION = ["mcp-session-id"];

const NEVER: ReadonlySet<string> = new Set([...CREDENTIALS, ...HOP_BY_HOP, ...ADDRESSES, ...SESSION]);
const NEVER_PREFIXES = ["proxy-", "cf-", "x-forwarded-", "countersign-"];

/** Those that carry a credential for the next hop: what the caller may not send on, the tenant may send of its own. */
const OWN_CREDENTIALS: ReadonlySet<string> = new Set([
  "authorization",
  "cookie",
  "cf-access-client-id",
  "cf-access-client-secret",
]);

/** Headers of the message, and those of the caller's that go on: a credential there would change what was verified. */
const OF_THE_MESSAGE: ReadonlySet<string> = new Set([
  "baggage",
  "last-event-id",
  "traceparent",
  "tracestate",
]);
const OF_THE_MESSAGE_PREFIXES = ["accept", "content-", "mcp-"];

/** What keeps a header from being forwarded; null where nothing does. */
export function forwardHeaderProblem(name: string): string | null {
  if (!isHeaderName(name)) return NO_HEADER_NAME;
  return isNeverForwarded(asServersRead(name))
    ? "is never forwarded: credentials, evidence, session, hop-by-hop and client address headers end here"
    : null;
}

/** What keeps a header from carrying a credential of the tenant's to its origin; null where nothing does. */
export function credentialHeaderProblem(name: string): string | null {
  if (!isHeaderName(name)) return NO_HEADER_NAME;
  if (OWN_CREDENTIALS.has(name)) return null;
  const read = asServersRead(name);
  const isTaken =
    isNeverForwarded(read) ||
    OF_THE_MESSAGE.has(read) ||
    OF_THE_MESSAGE_PREFIXES.some((prefix) => read.startsWith(prefix));
  return isTaken ? "cannot carry a credential: it is about the message, the connection or the caller" : null;
}

const NO_HEADER_NAME = "must be a header name in lower case";

const isHeaderName = (name: string): boolean => /^[a-z0-9!#$%&'*+.^_`|~-]+$/.test(name);

/** Many servers take these for the same. */
export const asServersRead = (name: string): string => name.replace(/[^a-z0-9]/g, "-");

const isNeverForwarded = (read: string): boolean =>
  NEVER.has(read) || NEVER_PREFIXES.some((prefix) => read.startsWith(prefix));
