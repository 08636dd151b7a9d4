/** OAuth 2.0 Protected Resource Metadata (RFC 9728): where a client learns how to be let in. */

import { METADATA_MAX_AGE } from "../limits.ts";
import type { Tenant } from "../tenant/tenant.ts";

const WELL_KNOWN = "/.well-known/oauth-protected-resource";

/** What a metadata path is about: whatever has the host to itself, or the resource at a path there. */
export type Described = { readonly kind: "host" } | { readonly kind: "path"; readonly path: string };

/** Null for any other path. */
export function describedBy(path: string): Described | null {
  if (path === WELL_KNOWN) return { kind: "host" };
  return path.startsWith(`${WELL_KNOWN}/`) ? { kind: "path", path: path.slice(WELL_KNOWN.length) } : null;
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
export function metadataUrl(publicUrl: string): string {
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
