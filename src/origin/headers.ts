/** What the origin receives of the request headers, apart from what the tenant names. */
const FORWARDED: ReadonlySet<string> = new Set([
  "accept",
  "baggage",
  "content-type",
  "last-event-id",
  "traceparent",
  "tracestate",
]);

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

/** An allow-list, so that no credential and no header we do not know ever reaches the origin. */
export function forwardedHeaders(headers: ReadonlyMap<string, string>, named: ReadonlySet<string>): Headers {
  const forwarded = new Headers();
  for (const [name, value] of headers) {
    if (FORWARDED.has(name) || name.startsWith("mcp-") || named.has(name)) forwarded.set(name, value);
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
