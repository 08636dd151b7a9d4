/** The section `accessTokens` of a tenant document: which OAuth access tokens (RFC 9068) are taken in place of a mandate. */

import * as v from "valibot";
import {
  DEFAULT_ACCESS_TOKEN_LIFETIME,
  MAX_ACCESS_TOKEN_LIFETIME,
  MAX_SCOPE_RULES,
  MAX_TENANT_ENTRIES,
  MAX_TENANT_KEYS,
  MAX_TENANT_LIST,
} from "../../limits.ts";
import {
  fields,
  flag,
  identifier,
  integer,
  list,
  methodName,
  nonEmptyList,
  text,
  toolName,
} from "../fields.ts";
import { jwk } from "./identities.ts";
import { issuerKeySources } from "./keys.ts";

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
    scopes: v.optional(
      list(
        fields({
          methods: v.optional(
            nonEmptyList(
              methodName("MCP method."),
              MAX_TENANT_LIST,
              "MCP methods this rule is for; all where absent.",
            ),
          ),
          tools: v.optional(
            nonEmptyList(
              toolName,
              MAX_TENANT_LIST,
              "Tools this rule is for; with it, it matches tools/call alone.",
            ),
          ),
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

/** An authorization server whose access tokens are taken. */
export interface ScopeRule {
  readonly methods: ReadonlySet<string> | null;
  readonly tools: ReadonlySet<string> | null;
  readonly require: readonly string[];
}

export interface AccessTokenPolicy {
  readonly unsafeBearer: boolean;
  readonly scopes: readonly ScopeRule[];
}

export const accessTokenPolicy = (
  section: v.InferOutput<typeof accessTokens> | undefined,
): AccessTokenPolicy | null =>
  section === undefined
    ? null
    : {
        unsafeBearer: section.unsafeBearer,
        scopes: section.scopes.map(({ methods, tools, require }) => ({
          methods: methods ? new Set(methods) : null,
          tools: tools ? new Set(tools) : null,
          require,
        })),
      };
