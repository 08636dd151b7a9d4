import { admitted, answered, type CaseSource, denied } from "../../make/case.ts";
import { bare } from "./changes.ts";

const ORIGIN = "MCP 2025-11-25, Streamable HTTP, Security Warning";

const PREFLIGHT = "Fetch Standard, CORS-preflight fetch";

const APP = "https://app.example";

function allowApp(document: { allowedOrigins?: string[] | undefined }): void {
  document.allowedOrigins = [APP];
}

export const pagesCases: readonly CaseSource[] = [
  // -- web pages ----------------------------------------------------------------------------------------
  admitted(
    "page",
    "A page of an allowed site",
    ORIGIN,
    { headers: { Origin: APP } },
    {
      change: allowApp,
      expect: { headers: { "access-control-allow-origin": APP, "access-control-allow-credentials": null } },
    },
  ),
  denied(
    "other-page",
    "origin_header.not_allowed",
    "A page of another site",
    ORIGIN,
    { headers: { Origin: "https://evil.example" } },
    { change: allowApp },
  ),
  denied(
    "page-case",
    "origin_header.not_allowed",
    "The allowed site with a port",
    ORIGIN,
    { headers: { Origin: `${APP}:443` } },
    { change: allowApp },
  ),
  denied(
    "page-null",
    "origin_header.not_allowed",
    "A page without an origin",
    ORIGIN,
    { headers: { Origin: "null" } },
    { change: allowApp },
  ),
  denied("no-pages", "origin_header.not_allowed", "No site is allowed", ORIGIN, {
    headers: { Origin: APP },
  }),
  denied(
    "page-denied",
    "bearer.missing",
    "A page of an allowed site can read why it was denied",
    PREFLIGHT,
    { mandate: null, headers: { Origin: APP } },
    {
      change: allowApp,
      expect: { headers: { "access-control-allow-origin": APP } },
    },
  ),
  answered(
    "preflight",
    204,
    "The preflight of an allowed site",
    PREFLIGHT,
    bare("OPTIONS", (id) => `/${id}/mcp`, {
      Origin: APP,
      "Access-Control-Request-Method": "POST",
      "Access-Control-Request-Headers": "authorization, mcp-param-region",
    }),
    {
      change: allowApp,
      expect: {
        headers: {
          "access-control-allow-origin": APP,
          "access-control-allow-methods": "POST, GET, DELETE",
        },
      },
    },
  ),
  denied(
    "preflight-other",
    "origin_header.not_allowed",
    "The preflight of another site",
    PREFLIGHT,
    bare("OPTIONS", (id) => `/${id}/mcp`, { Origin: "https://evil.example" }),
    {
      change: allowApp,
    },
  ),
];
