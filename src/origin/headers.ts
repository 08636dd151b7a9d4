/**
 * What the origin receives, signed or not: no MCP client works without them, and the profile poc signs none of
 * them. Those that mirror the body have been compared with it, as far as it has what they mirror.
 */
const FORWARDED: ReadonlySet<string> = new Set([
  "accept",
  "baggage",
  "content-type",
  "mcp-method",
  "mcp-name",
  "mcp-protocol-version",
  "mcp-session-id",
  "traceparent",
  "tracestate",
]);

/** What the origin receives as the caller's word, so only where the caller signed it. */
const isCallersWord = (name: string, named: ReadonlySet<string>): boolean =>
  name === "last-event-id" || name.startsWith("mcp-") || named.has(name);

/** Hop-by-hop (RFC 9110 section 7.6.1; beside these, all that Connection names), and what belongs to the connection between the origin and us. */
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
]);

/**
 * An allow-list, so that no credential and no header we do not know ever reaches the origin.
 *
 * @param named further headers that the tenant lets through
 * @param isSigned whether the caller's signature covers a header
 */
export function forwardedHeaders(
  headers: ReadonlyMap<string, string>,
  named: ReadonlySet<string>,
  isSigned: (name: string) => boolean,
): Headers {
  const forwarded = new Headers();
  for (const [name, value] of headers) {
    if (FORWARDED.has(name) || (isCallersWord(name, named) && isSigned(name))) forwarded.set(name, value);
  }
  // The bytes that are hashed on the way back are then the bytes the origin sent.
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
