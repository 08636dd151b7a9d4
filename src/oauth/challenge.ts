import type { Reason } from "../reasons.ts";

/** Where a client learns how to be let in (RFC 9728), and what it should ask for. */
export interface ProtectedResource {
  readonly metadataUrl: string;
  readonly scopes: readonly string[];
}

/**
 * The value of `WWW-Authenticate` (RFC 6750 section 3, RFC 9728 section 5.1). `Bearer` comes first, with its parameters:
 * MCP clients read nothing else. No error is named where no credentials were sent.
 *
 * @param resource null where no tenant is known
 */
export function challengeOf(reason: Reason, resource: ProtectedResource | null): string {
  const { metadataUrl = null, scopes = [] } = resource ?? {};
  const parameters = [
    'realm="mcp"',
    ...(reason === "bearer.missing" ? [] : ['error="invalid_token"']),
    ...(metadataUrl === null ? [] : [`resource_metadata="${metadataUrl}"`]),
    ...(scopes.length === 0 ? [] : [`scope="${scopes.join(" ")}"`]),
  ];
  return `Bearer ${parameters.join(", ")}`;
}
