/** OAuth 2.0 Protected Resource Metadata (RFC 9728): where a client learns how to be let in. */

import { publish, wellKnownUrl } from "../endpoints/well-known.ts";
import { OAUTH_ALGORITHM_NAMES } from "../keys/key.ts";
import { METADATA_MAX_AGE } from "../limits.ts";
import type { Tenant } from "../tenant/tenant.ts";

/**
 * Whether an OAuth client that was given no authorization server looks for one here: its metadata (RFC 8414, OpenID
 * Connect Discovery), and the endpoints that MCP clients of 2025-03-26 take for granted.
 */
export const isAuthorizationServerPath = (path: string): boolean =>
  /^\/(\.well-known\/(oauth-authorization-server|openid-configuration)(\/.*)?|register|authorize|token)$/.test(
    path,
  );

export const metadataUrl = (publicUrl: string): string => wellKnownUrl("metadata", publicUrl);

export const metadataResponse = (method: string, tenant: Tenant): Promise<Response> =>
  publish(method, METADATA_MAX_AGE, () => metadataOf(tenant));

/** `resource` is the configured public URL, which clients compare with the one they were given. */
const metadataOf = ({ publicUrl, oauth, accessTokens }: Tenant): object => ({
  resource: publicUrl,
  ...(oauth.authorizationServers.length > 0 && { authorization_servers: oauth.authorizationServers }),
  ...(oauth.scopes.length > 0 && { scopes_supported: oauth.scopes }),
  bearer_methods_supported: ["header"],
  ...(accessTokens !== null && {
    dpop_signing_alg_values_supported: OAUTH_ALGORITHM_NAMES,
    dpop_bound_access_tokens_required: !accessTokens.unsafeBearer,
  }),
});
