import { makeCall } from "../../make/call.ts";
import { answered, type CaseSource, denied } from "../../make/case.ts";
import { withHeader } from "../../make/message.ts";
import { bare, host } from "./changes.ts";

const METADATA = "RFC 9728 section 3";

const metadataPath = (id: string) => `/.well-known/oauth-protected-resource/${id}/mcp`;

export const metadataCases: readonly CaseSource[] = [
  // -- metadata -----------------------------------------------------------------------------------------
  answered("metadata", 200, "Protected resource metadata", METADATA, bare("GET", metadataPath), {
    expect: {
      body: {
        resource: "https://gateway.example/target-metadata/mcp",
        bearer_methods_supported: ["header"],
      },
      headers: { "access-control-allow-origin": "*" },
    },
  }),
  answered(
    "metadata-full",
    200,
    "Metadata with authorization servers and scopes",
    METADATA,
    bare("GET", metadataPath),
    {
      change: (d) => {
        d.oauth = { authorizationServers: ["https://auth.example"], scopes: ["tools"] };
      },
      expect: {
        body: {
          resource: "https://gateway.example/target-metadata-full/mcp",
          authorization_servers: ["https://auth.example"],
          scopes_supported: ["tools"],
          bearer_methods_supported: ["header"],
        },
      },
    },
  ),
  answered(
    "metadata-host",
    200,
    "The metadata of a host that one tenant has to itself",
    METADATA,
    bare("GET", () => "/.well-known/oauth-protected-resource"),
    {
      change: host("target-metadata-host"),
      expect: {
        body: {
          resource: "https://target-metadata-host.example/mcp",
          bearer_methods_supported: ["header"],
        },
      },
    },
  ),
  answered("metadata-post", 405, "Metadata is read, not posted to", METADATA, bare("POST", metadataPath), {
    expect: { headers: { allow: "GET, HEAD, OPTIONS" } },
  }),
  denied(
    "metadata-unknown",
    "target.unknown",
    "The metadata of a tenant that does not exist",
    METADATA,
    bare("GET", (id) => metadataPath(`${id}-2`)),
  ),
  denied(
    "no-authorization-server",
    "target.no_authorization_server",
    "Who looks for an authorization server is told that there is none",
    "RFC 8414 section 3",
    bare("GET", () => "/.well-known/oauth-authorization-server"),
  ),
  denied(
    "register",
    "target.no_authorization_server",
    "The endpoint that clients of MCP 2025-03-26 take for granted",
    "RFC 7591 section 3",
    bare("POST", () => "/register"),
  ),
  denied(
    "challenge-scopes",
    "bearer.missing",
    "The challenge names metadata and scopes",
    "RFC 9728 section 5.1",
    { mandate: null },
    {
      change: (d) => {
        d.oauth = { scopes: ["tools", "admin"] };
      },
      expect: {
        headers: {
          "www-authenticate":
            'Bearer realm="mcp", resource_metadata="https://gateway.example/.well-known/oauth-protected-resource/target-challenge-scopes/mcp", scope="tools admin"',
        },
      },
    },
  ),
  denied(
    "forwarded-host",
    "act.audience",
    "X-Forwarded-Host does not say where we are",
    "RFC 9421 section 7.4.3",
    async (t) => {
      const message = await makeCall(t, { mandate: { claims: { aud: "https://elsewhere.example/mcp" } } });
      return withHeader(message, "X-Forwarded-Host", "elsewhere.example");
    },
  ),
];
