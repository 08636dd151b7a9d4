/** The section `accessTokens` of a tenant document: which OAuth access tokens (RFC 9068) are taken in place of a mandate. */

import * as v from "valibot";
import type { ClientMetadataSource } from "../../keys/source.ts";
import {
  DEFAULT_ACCESS_TOKEN_LIFETIME,
  MAX_ACCESS_TOKEN_LIFETIME,
  MAX_SCOPE_RULES,
  MAX_TENANT_ENTRIES,
  MAX_TENANT_KEYS,
  MAX_TENANT_LIST,
} from "../../limits.ts";
import { remoteHostProblem, remoteUrlProblem } from "../../remote/url.ts";
import { bindingName, fields, flag, identifier, integer, list, must, nonEmptyList, text } from "../fields.ts";
import { jwk } from "./identities.ts";
import { issuerKeySources } from "./keys.ts";
import { type MessageRule, messageRule, messageRuleFields } from "./message-rule.ts";

const scopeToken = text(
  /^[!#-[\]-~]{1,256}$/,
  "must be an OAuth scope token (RFC 6749 section 3.3)",
  "A scope.",
);

export const tokenIssuer = fields({
  iss: identifier("The iss of its access tokens, byte for byte."),
  keys: v.optional(list(jwk("Public JWK."), MAX_TENANT_KEYS, "Its keys, by kid."), []),
  keySources: issuerKeySources,
  maxLifetimeSeconds: v.optional(
    integer(1, MAX_ACCESS_TOKEN_LIFETIME, "Longest life of its access tokens, from iat to exp."),
    DEFAULT_ACCESS_TOKEN_LIFETIME,
  ),
});

const hostName = (description: string) =>
  v.pipe(v.string(), must(remoteHostProblem), v.description(description));

const client = v.union([
  fields({
    id: identifier("The client_id, byte for byte."),
    publishedKeys: v.optional(
      v.pipe(
        fields({
          jwksHosts: v.optional(
            list(
              hostName("Host name."),
              MAX_TENANT_KEYS,
              "Further hosts that its jwks_uri may be on. The document's own host always may.",
            ),
            [],
          ),
          binding: v.optional(
            bindingName("Binding of the Worker to fetch through; without it, over the internet."),
          ),
        }),
        v.description(
          "The id is the URL of the client's metadata document, and its tokens must be bound, by DPoP, to a key that the document publishes.",
        ),
      ),
    ),
  }),
  fields({
    host: hostName("Any client whose client_id is the URL of a client metadata document at this host."),
  }),
]);

const tenantClaim = v.pipe(
  fields({
    claim: identifier("Name of the claim that says which tenant of the issuer a token is for."),
    values: nonEmptyList(
      identifier("What this tenant is called there, byte for byte."),
      MAX_TENANT_LIST,
      "What the claim may be here. A token without it is refused.",
    ),
    header: v.optional(
      text(
        /^x-[a-z0-9-]{1,62}$/,
        "must be the name of a header in lower case that begins with x-",
        "A request that has this header must say the same in it as the claim.",
      ),
      "x-tenant-id",
    ),
  }),
  v.description("Tells tenants apart to which one authorization server issues tokens for one audience."),
);

export const accessTokens = v.pipe(
  fields({
    issuers: nonEmptyList(
      tokenIssuer,
      MAX_TENANT_ENTRIES,
      "Authorization servers whose access tokens are taken.",
    ),
    unsafeBearer: flag(
      "Takes access tokens that are not bound to a key by DPoP (RFC 9449): who steals one can use it until it expires.",
    ),
    dpop: v.optional(
      v.pipe(
        fields({
          requireNonce: flag(
            "Takes only proofs with a nonce that was given out here within the last ten minutes. Needs the secret SESSION_KEYS.",
          ),
        }),
        v.description("Proofs that the caller has the key of its token (RFC 9449)."),
      ),
      {},
    ),
    clients: v.optional(
      list(
        client,
        MAX_TENANT_ENTRIES,
        "The clients whose tokens are taken; all clients of the issuers where absent.",
      ),
    ),
    tenantClaim: v.optional(tenantClaim),
    scopes: v.optional(
      list(
        fields({
          ...messageRuleFields,
          require: list(scopeToken, MAX_TENANT_LIST, "The scopes that a token must have, all of them."),
        }),
        MAX_SCOPE_RULES,
        "What a message needs. The first rule that matches decides; no match means refusal.",
      ),
      [],
    ),
  }),
  v.description("OAuth access tokens that are taken in place of a mandate."),
);

/** What an access token must allow for some messages. */
export interface ScopeRule extends MessageRule {
  readonly require: readonly string[];
}

export interface AccessTokenPolicy {
  readonly unsafeBearer: boolean;
  readonly dpop: { readonly requireNonce: boolean };
  /** Null where all clients of the issuers may come. */
  readonly clients: ClientPolicy | null;
  /** Null where the audience alone says that a token is for this tenant. */
  readonly tenantClaim: TenantClaim | null;
  /** First match wins; no match means deny. */
  readonly scopes: readonly ScopeRule[];
}

export interface ClientPolicy {
  /** With where its keys are published, where its tokens must be bound to one of them. */
  readonly byId: ReadonlyMap<string, { readonly publishedKeys: ClientMetadataSource | null }>;
  /** Hosts of client metadata documents. */
  readonly hosts: ReadonlySet<string>;
}

export interface TenantClaim {
  readonly claim: string;
  readonly values: ReadonlySet<string>;
  /** Lower case. */
  readonly header: string;
}

type Section = v.InferOutput<typeof accessTokens>;

export const accessTokenPolicy = (section: Section | undefined): AccessTokenPolicy | null =>
  section === undefined
    ? null
    : {
        unsafeBearer: section.unsafeBearer,
        dpop: section.dpop,
        clients: section.clients === undefined ? null : clientPolicy(section.clients),
        tenantClaim: section.tenantClaim
          ? { ...section.tenantClaim, values: new Set(section.tenantClaim.values) }
          : null,
        scopes: section.scopes.map((rule) => ({ ...messageRule(rule), require: rule.require })),
      };

function clientPolicy(clients: NonNullable<Section["clients"]>): ClientPolicy {
  const byId = new Map<string, { readonly publishedKeys: ClientMetadataSource | null }>();
  const hosts = new Set<string>();
  for (const entry of clients) {
    if ("host" in entry) hosts.add(entry.host);
    else byId.set(entry.id, { publishedKeys: metadataOf(entry) });
  }
  return { byId, hosts };
}

/** By thumbprint: that is what a token is bound to. */
function metadataOf({
  id: url,
  publishedKeys,
}: Extract<NonNullable<Section["clients"]>[number], { id: string }>): ClientMetadataSource | null {
  if (publishedKeys === undefined || remoteUrlProblem(url) !== null) return null;
  const { jwksHosts, binding = null } = publishedKeys;
  const hosts = new Set([new URL(url).hostname, ...jwksHosts]);
  return { type: "clientIdMetadata", url, binding, jwksHosts: hosts, names: "thumbprint" };
}
