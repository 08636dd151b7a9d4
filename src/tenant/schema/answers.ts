/**
 * What a tenant document says of answers: the sections `sessions`, `streams`, `tools` and `oauth`.
 */

import * as v from "valibot";
import {
  DEFAULT_SESSION_AGE,
  MAX_SESSION_AGE,
  MAX_TENANT_LIST,
  STREAM_GRACE,
  STREAM_RECHECK,
} from "../../limits.ts";
import { metadataUrl } from "../../oauth/resource-metadata.ts";
import { fields, flag, integer, list, text, url } from "../fields.ts";
import { issuerUrlProblem } from "../urls.ts";
import type { accessTokens as accessTokenSection } from "./access-tokens.ts";

export const sessions = v.pipe(
  fields({
    maxAgeSeconds: v.optional(
      integer(1, MAX_SESSION_AGE, "Oldest Mcp-Session-Id; a client whose session is older begins a new one."),
      DEFAULT_SESSION_AGE,
    ),
  }),
  v.description("MCP sessions, of revisions up to 2025-11-25."),
);

export interface SessionPolicy {
  /** Oldest session id, in seconds. */
  readonly maxAge: number;
}

export const sessionsPolicy = ({ maxAgeSeconds }: v.InferOutput<typeof sessions>): SessionPolicy => ({
  maxAge: maxAgeSeconds,
});

export const streams = v.pipe(
  fields({
    recheckSeconds: v.optional(
      integer(
        1,
        STREAM_RECHECK,
        "Time between two checks of the caller of an open response. Below 45 little is gained: tenant documents are cached for that long.",
      ),
      STREAM_RECHECK,
    ),
    graceSeconds: v.optional(
      integer(
        0,
        STREAM_GRACE,
        "How long a response may go on when a new request would find its mandate expired.",
      ),
      STREAM_GRACE,
    ),
  }),
  v.description("Responses that stay open."),
);

/** What becomes of an open response stream, in seconds. */
export interface StreamPolicy {
  /** Time between two checks of its caller. */
  readonly recheck: number;
  /** How long it may go on when a new request would find its mandate expired. */
  readonly grace: number;
}

export const streamsPolicy = ({
  recheckSeconds,
  graceSeconds,
}: v.InferOutput<typeof streams>): StreamPolicy => ({ recheck: recheckSeconds, grace: graceSeconds });

export const tools = v.pipe(
  fields({ filterList: flag("Shows a caller in tools/list only the tools it may call.") }),
  v.description("The tools of the origin."),
);

export interface ToolPolicy {
  /** Whether `tools/list` shows a caller only what it may call. */
  readonly filterList: boolean;
}

export const toolsPolicy = (section: v.InferOutput<typeof tools>): ToolPolicy => section;

export const oauth = v.pipe(
  fields({
    authorizationServers: v.optional(
      list(
        url(issuerUrlProblem, "Issuer identifier of an OAuth authorization server."),
        MAX_TENANT_LIST,
        "Where MCP clients are sent for a token.",
      ),
      [],
    ),
    scopes: v.optional(
      list(
        text(/^[!#-[\]-~]{1,256}$/, "must be an OAuth scope token (RFC 6749 section 3.3)", "A scope."),
        MAX_TENANT_LIST,
        "The scopes a client should ask for: the least that is of use.",
      ),
      [],
    ),
  }),
  v.description("What the protected resource metadata (RFC 9728) and the challenges of this tenant say."),
);

/** What the tenant's protected resource metadata says (RFC 9728), and where it stands. */
export interface OAuthMetadata {
  readonly metadataUrl: string;
  readonly authorizationServers: readonly string[];
  readonly scopes: readonly string[];
  /** Whether access tokens that are bound to a key are taken. */
  readonly takesDpop: boolean;
}

/** Without authorization servers of its own, the section has those whose access tokens are taken. */
export function oauthPolicy(
  { authorizationServers, scopes }: v.InferOutput<typeof oauth>,
  accessTokens: v.InferOutput<typeof accessTokenSection> | undefined,
  publicUrl: string,
): OAuthMetadata {
  const issuers = accessTokens?.issuers.map(({ iss }) => iss) ?? [];
  return {
    metadataUrl: metadataUrl(publicUrl),
    authorizationServers:
      authorizationServers.length > 0
        ? authorizationServers
        : issuers.filter((iss) => issuerUrlProblem(iss) === null),
    scopes,
    takesDpop: accessTokens !== undefined,
  };
}
