import { EVIDENCE_HEADERS } from "../evidence-headers.ts";
import { PREFLIGHT_MAX_AGE } from "../limits.ts";
import type { Reason } from "../reasons.ts";
import { fail, ok, type Result } from "../result.ts";

/** Request headers a browser client may send (MCP transport, and the evidence). */
const ALLOWED_HEADERS = [
  ...EVIDENCE_HEADERS,
  "accept",
  "baggage",
  "content-type",
  "dpop",
  "last-event-id",
  "mcp-method",
  "mcp-name",
  "mcp-protocol-version",
  "mcp-session-id",
  "traceparent",
  "tracestate",
];

/** Response headers a browser client may read. */
const EXPOSED_HEADERS = [
  "countersign-decision",
  "countersign-ect",
  "countersign-receipt",
  "dpop-nonce",
  "mcp-protocol-version",
  "mcp-session-id",
  "retry-after",
  "www-authenticate",
];

/**
 * Validates `Origin` (MCP, Streamable HTTP, "Security": against DNS rebinding). Absent is fine: no browser sent it.
 *
 * @returns the origin to name in CORS headers; null for clients that are no browsers
 */
export function checkOrigin(
  headers: ReadonlyMap<string, string>,
  allowed: ReadonlySet<string>,
): Result<string | null, Reason> {
  const origin = headers.get("origin");
  if (origin === undefined) return ok(null);
  return allowed.has(origin) ? ok(origin) : fail("origin_header.not_allowed");
}

/**
 * The answer to a preflight request; it needs no evidence, because browsers send none with it.
 *
 * @param methods those there are at the endpoint
 * @param named further headers that the tenant reads or its origin receives
 */
export function preflight(
  headers: ReadonlyMap<string, string>,
  methods: readonly string[],
  named: Iterable<string>,
): Response {
  // Mcp-Param-* names come from tool schemas, so they are taken from the question.
  const asked = (headers.get("access-control-request-headers") ?? "")
    .toLowerCase()
    .split(",")
    .map((name) => name.trim());
  const params = asked.filter((name) => /^mcp-param-[a-z0-9!#$%&'*+.^_`|~-]+$/.test(name));
  return new Response(null, {
    status: 204,
    headers: {
      "Access-Control-Allow-Methods": methods.join(", "),
      "Access-Control-Allow-Headers": [...ALLOWED_HEADERS, ...named, ...params].join(", "),
      "Access-Control-Max-Age": String(PREFLIGHT_MAX_AGE),
    },
  });
}

/**
 * Adds what lets a browser client of an allowed origin read the answer, denials included. What an MCP server lets it read
 * beyond that it may; that cookies should go with its requests is not for the server to say, which receives none.
 */
export function addCors(headers: Headers, origin: string): void {
  headers.set("Access-Control-Allow-Origin", origin);
  headers.append("Access-Control-Expose-Headers", EXPOSED_HEADERS.join(", "));
  headers.delete("Access-Control-Allow-Credentials");
  headers.append("Vary", "Origin");
}
