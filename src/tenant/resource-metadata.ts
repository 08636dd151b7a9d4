/** OAuth 2.0 Protected Resource Metadata (RFC 9728): where a client learns how to be let in. */

import { METADATA_MAX_AGE } from "../limits.ts";
import type { Tenant } from "./tenant.ts";

const WELL_KNOWN = "/.well-known/oauth-protected-resource";

/** A metadata path and what it is about: `""`, a whole host, or the path of a resource there. Null for other paths. */
export function describedPath(path: string): string | null {
  if (!path.startsWith(WELL_KNOWN)) return null;
  const described = path.slice(WELL_KNOWN.length);
  return described === "" || described.startsWith("/") ? described : null;
}

/**
 * Whether an OAuth client that was given no authorization server looks for one here: its metadata (RFC 8414, OpenID
 * Connect Discovery), and the endpoints that MCP clients of 2025-03-26 take for granted.
 */
export const isAuthorizationServerPath = (path: string): boolean =>
  /^\/(\.well-known\/(oauth-authorization-server|openid-configuration)(\/.*)?|register|authorize|token)$/.test(
    path,
  );

/** Between host and path of the resource (RFC 9728 section 3.1). */
export function metadataUrl({ publicUrl }: Tenant): string {
  const { origin, pathname } = new URL(publicUrl);
  return origin + WELL_KNOWN + pathname;
}

/** The answer to a request for the metadata; it needs no evidence and is for every web page to read. */
export function metadataResponse(method: string, tenant: Tenant): Response {
  switch (method) {
    case "GET":
    case "HEAD":
      return Response.json(metadataOf(tenant), {
        headers: { ...FOR_ALL, "Cache-Control": `public, max-age=${METADATA_MAX_AGE}` },
      });
    case "OPTIONS":
      // MCP clients send MCP-Protocol-Version even here.
      return new Response(null, {
        status: 204,
        headers: { ...FOR_ALL, "Access-Control-Allow-Methods": "GET", "Access-Control-Allow-Headers": "*" },
      });
    default:
      return new Response(null, { status: 405, headers: { ...FOR_ALL, Allow: "GET, HEAD, OPTIONS" } });
  }
}

/** `resource` is the configured public URL, which clients compare with the one they were given. */
const metadataOf = ({ publicUrl, oauth }: Tenant): object => ({
  resource: publicUrl,
  ...(oauth.authorizationServers.length > 0 && { authorization_servers: oauth.authorizationServers }),
  ...(oauth.scopes.length > 0 && { scopes_supported: oauth.scopes }),
  bearer_methods_supported: ["header"],
});

const FOR_ALL = { "Access-Control-Allow-Origin": "*" };
