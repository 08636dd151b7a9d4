import { OAUTH_ALGORITHM_NAMES } from "../keys/key.ts";
import type { Reason } from "../reasons.ts";

/** Where a client learns how to be let in (RFC 9728), and what it should ask for. */
export interface ProtectedResource {
  readonly metadataUrl: string;
  readonly scopes: readonly string[];
  /** Whether access tokens that are bound to a key are taken. */
  readonly takesDpop: boolean;
}

/**
 * The value of `WWW-Authenticate` (RFC 6750 section 3, RFC 9728 section 5.1, RFC 9449 section 7.1). `Bearer` comes first, with its
 * parameters: some MCP clients read nothing else. The others search all of it for a parameter and take the first, so that there is one
 * `error` at the most, and none where no credentials were sent.
 *
 * @param resource null where no tenant is known
 * @param needed the scopes that the call needs, where the token does not have them all
 */
export function challengeOf(
  reason: Reason,
  resource: ProtectedResource | null,
  needed: readonly string[] | null,
): string {
  const { metadataUrl = null, takesDpop = false } = resource ?? {};
  const scopes = needed ?? resource?.scopes ?? [];
  const isOfProof = reason.startsWith("dpop.");
  const error = reason === "bearer.missing" ? [] : [`error="${errorOf(reason)}"`];
  const bearer = [
    'realm="mcp"',
    ...(isOfProof ? [] : error),
    ...(metadataUrl === null ? [] : [`resource_metadata="${metadataUrl}"`]),
    ...(scopes.length === 0 ? [] : [`scope="${scopes.join(" ")}"`]),
  ];
  const dpop = [`algs="${OAUTH_ALGORITHM_NAMES.join(" ")}"`, ...(isOfProof ? error : [])];
  return `Bearer ${bearer.join(", ")}${takesDpop ? `, DPoP ${dpop.join(", ")}` : ""}`;
}

function errorOf(reason: Reason): string {
  if (reason === "token.scope") return "insufficient_scope";
  if (reason === "dpop.nonce") return "use_dpop_nonce";
  return reason.startsWith("dpop.") ? "invalid_dpop_proof" : "invalid_token";
}
