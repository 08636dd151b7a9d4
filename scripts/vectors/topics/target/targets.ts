import { makeCall, type Target } from "../../make/call.ts";
import { admitted, type CaseSource, denied } from "../../make/case.ts";
import { host } from "./changes.ts";

const TARGET = "Countersign profile, request target";

const NORMAL = "RFC 3986 section 6.2.2";

/** A good call whose request line says something else. */
const sentTo = (target: (id: string) => string) => (t: Target) => makeCall(t, { target: target(t.id) });

export const targetsCases: readonly CaseSource[] = [
  // -- targets --------------------------------------------------------------------------------------
  denied(
    "unknown-tenant",
    "target.unknown",
    "A tenant that does not exist",
    TARGET,
    sentTo((id) => `/${id}-2/mcp`),
  ),
  denied(
    "root",
    "target.unknown",
    "The root",
    TARGET,
    sentTo(() => "/"),
  ),
  denied(
    "capitals",
    "target.unknown",
    "The path in capitals",
    TARGET,
    sentTo((id) => `/${id}/MCP`),
  ),
  denied(
    "trailing-slash",
    "target.unknown",
    "A slash behind the path",
    TARGET,
    sentTo((id) => `/${id}/mcp/`),
  ),
  denied(
    "query",
    "target.query_not_allowed",
    "A query",
    TARGET,
    sentTo((id) => `/${id}/mcp?x=1`),
  ),
  denied(
    "empty-query",
    "target.query_not_allowed",
    "An empty query",
    TARGET,
    sentTo((id) => `/${id}/mcp?`),
  ),
  denied(
    "dot-segments",
    "target.not_canonical",
    "Dot segments that lead to the right path",
    NORMAL,
    sentTo((id) => `/x/../${id}/mcp`),
  ),
  denied(
    "encoded-dots",
    "target.not_canonical",
    "Encoded dot segments",
    NORMAL,
    sentTo((id) => `/x/%2e%2e/${id}/mcp`),
  ),
  denied(
    "double-slash",
    "target.not_canonical",
    "Two slashes",
    NORMAL,
    sentTo((id) => `//${id}/mcp`),
  ),
  denied(
    "encoded-letter",
    "target.not_canonical",
    "An encoded letter",
    NORMAL,
    sentTo((id) => `/${id}/%6dcp`),
  ),
  denied(
    "backslash",
    "target.not_canonical",
    "A backslash",
    NORMAL,
    sentTo((id) => `/${id}\\mcp`),
  ),
  denied(
    "semicolon",
    "target.not_canonical",
    "A path parameter",
    NORMAL,
    sentTo((id) => `/${id}/mcp;x`),
  ),
  denied("other-host", "target.unknown", "A host that nobody has", "RFC 9110 section 7.4", {
    host: "elsewhere.example",
  }),
  admitted("host-case", "The host in capitals: host names have no case", "RFC 9110 section 4.2.3", {
    host: "GATEWAY.example",
  }),
  denied(
    "host-port",
    "target.unknown",
    "The host with a port that is not its own",
    "RFC 9110 section 4.2.3",
    { host: "gateway.example:8443" },
  ),
  admitted(
    "host-tenant",
    "A tenant with a host of its own",
    TARGET,
    {},
    { change: host("target-host-tenant") },
  ),
  denied(
    "host-tenant-path",
    "target.unknown",
    "Another path on a tenant's own host",
    TARGET,
    { target: "/other" },
    { change: host("target-host-tenant-path") },
  ),
  denied(
    "host-tenant-gateway",
    "target.unknown",
    "A tenant with a host of its own, asked for on the gateway's",
    TARGET,
    (t) => makeCall(t, { host: "gateway.example", target: `/${t.id}/mcp` }),
    {
      change: host("target-host-tenant-gateway"),
    },
  ),
];
