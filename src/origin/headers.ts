import { announcedLength } from "../bytes/announced-length.ts";
import { SESSION_HEADER, type Session } from "../session/seal.ts";
import type { Origin } from "../tenant/tenant.ts";

/**
 * What the origin receives, signed or not: no MCP client works without them, and the profile poc signs none of
 * them. Those that mirror the body have been compared with it, as far as it has what they mirror; those that begin
 * with `mcp-param-` mirror arguments, and the server, which knows which, must compare them (MCP 2026-07-28,
 * Streamable HTTP, "Request Metadata").
 */
const FORWARDED: ReadonlySet<string> = new Set([
  "accept",
  "baggage",
  "content-type",
  "mcp-method",
  "mcp-name",
  "mcp-protocol-version",
  "traceparent",
  "tracestate",
]);

const isForwarded = (name: string): boolean => FORWARDED.has(name) || name.startsWith("mcp-param-");

/**
 * What the origin receives only as the caller's word: where the caller signed it. Of MCP's own headers those alone that
 * no server can read as another: many take `_` and other characters for `-`, and `mcp-session_id` for the session.
 */
const isCallersWord = (name: string, named: ReadonlySet<string>): boolean =>
  name === "last-event-id" || /^mcp(-[a-z0-9]+)+$/.test(name) || named.has(name);

/**
 * Hop-by-hop (RFC 9110 section 7.6.1; beside these, all that Connection names), what is between the origin and us
 * alone, and what a browser keeps for a whole host, which tenants share.
 */
const NOT_RETURNED: ReadonlySet<string> = new Set([
  "connection",
  "content-length",
  "keep-alive",
  "proxy-authenticate",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  // For proofs that the origin never receives: a client would send it to us in the place of ours.
  "dpop-nonce",
  // It asks for credentials that the origin never receives, and leads clients to its own metadata in place of ours.
  "www-authenticate",
  // No cookie ever reaches the origin; ours say who is signed in to approve calls, and no tenant may set or clear another's.
  "set-cookie",
  "set-cookie2",
  "clear-site-data",
  "strict-transport-security",
]);

/**
 * An allow-list, so that no credential and no header we do not know ever reaches the origin.
 *
 * @param named further headers that the tenant lets through
 * @param isWord whether a header is the caller's word
 * @param session the caller's; what the client calls it goes no further
 */
export function forwardedHeaders(
  headers: ReadonlyMap<string, string>,
  named: ReadonlySet<string>,
  isWord: (name: string) => boolean,
  session: Session | null,
): Headers {
  const forwarded = new Headers();
  for (const [name, value] of headers) {
    if (isForwarded(name) || (isCallersWord(name, named) && isWord(name))) forwarded.set(name, value);
  }
  forwarded.delete(SESSION_HEADER);
  if (session !== null) forwarded.set(SESSION_HEADER, session.id);
  // Where the origin does as it is asked, the bytes that are hashed on the way back are those it sent.
  forwarded.set("accept-encoding", "identity");
  return forwarded;
}

/** The origin's response headers, unchanged but for those of the connection and those that are ours to say. */
export function returnedHeaders(headers: Headers): Headers {
  const returned = new Headers(headers);
  const named = new Set((headers.get("connection") ?? "").toLowerCase().split(/[\s,]+/));
  for (const name of headers.keys()) {
    if (NOT_RETURNED.has(name) || named.has(name) || name.startsWith("countersign-")) returned.delete(name);
  }
  return returned;
}

/** The headers without what they say of the origin's bytes (RFC 9530, RFC 9110 section 8.8.3, RFC 9421). */
export function ofOtherBytes(headers: Headers): Headers {
  const other = new Headers(headers);
  for (const name of DESCRIPTIONS) other.delete(name);
  return other;
}

const DESCRIPTIONS = [
  "content-digest",
  "repr-digest",
  "digest",
  "content-md5",
  "etag",
  "signature",
  "signature-input",
];

/**
 * How many octets a body will have; null where that is not certain: the origin does not say, or codes them, so that they are others here, or
 * sends chunks, which count in the place of a length beside them (RFC 9112 section 6.3), or is a Worker behind a binding, whose bodies nothing
 * holds to what it says.
 */
export function lengthOf(headers: Headers, { binding }: Pick<Origin, "binding">): number | null {
  if (binding !== null || headers.has("transfer-encoding") || isCoded(headers)) return null;
  return announcedLength(headers.get("content-length"));
}

/** Whether a body has a content coding (RFC 9110 section 8.4), which nobody here takes off. */
export const isCoded = (headers: Headers): boolean =>
  (headers.get("content-encoding") ?? "identity").toLowerCase() !== "identity";

/** Whether MCP clients take a response for a stream of server-sent events: wherever they find the type's name. */
export const isEventStream = (headers: Headers): boolean =>
  /text\/event-stream/i.test(headers.get("content-type") ?? "");
