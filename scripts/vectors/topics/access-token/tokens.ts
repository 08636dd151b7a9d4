import { admitted, type CaseOptions, type CaseSource, denied, NOW, sent } from "../../make/case.ts";
import { AUTHORITY, certificate, signer } from "../../make/certificates.ts";
import { key } from "../../make/keys.ts";
import { part, respelled, type TokenChanges } from "../../make/tokens.ts";
import { AUTH, bringing, taking, thumbprintOf, unbound } from "./bringing.ts";

const JWT = "RFC 9068 section 4";
const CLAIMS = "RFC 9068 section 2.2";
const BOUND = "RFC 9449 section 7";
const PROFILE = "Countersign docs/oauth.md";

const refused = (
  id: string,
  reason: string,
  title: string,
  rule: string,
  token: TokenChanges,
  options: CaseOptions = taking(),
): CaseSource => denied(id, `token.${reason}`, title, rule, bringing({ token }), options);

const NAME = "https://auth.example/tokens";
const anchor = await certificate({ key: "authority", by: "authority", extensions: AUTHORITY });
const stranger = await certificate({
  key: "auth-es256",
  by: "authority-below",
  extensions: signer({ type: "url", value: NAME }),
});
const certified = taking({
  issuers: [{ iss: AUTH, keySources: [{ type: "x509", anchors: [anchor], san: { uri: NAME } }] }],
});

/** A client whose metadata document publishes keys; the URL belongs to one case. */
const publishing = (id: string, ...names: string[]) => {
  const url = `https://client.example/access-token-${id}`;
  const body = { client_id: url, jwks: { keys: names.map((name) => key(name).publicJwk) } };
  const page = { status: 200, headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
  return {
    url,
    options: { ...taking({ clients: [{ id: url, publishedKeys: {} }] }), remote: { [url]: page } },
  };
};
const own = publishing("published", "holder");
const another = publishing("client-key", "workload");

export const tokenCases: readonly CaseSource[] = [
  admitted("bound", "A token that is bound to a key, with a proof", JWT, bringing(), taking()),
  admitted(
    "scheme-case",
    "The scheme is written dpop: it has no case",
    "RFC 9110 section 11.1",
    bringing({ scheme: "dpop" }),
    taking(),
  ),
  admitted("es256", "A token signed with ES256", JWT, bringing({ token: { by: "auth-es256" } }), taking()),
  admitted(
    "media-type",
    "typ is written in full",
    JWT,
    bringing({ token: { header: { typ: "application/at+jwt" } } }),
    taking(),
  ),
  admitted(
    "unbound",
    "A token that is bound to no key, where the tenant takes that",
    PROFILE,
    unbound(),
    taking({ unsafeBearer: true }),
  ),
  denied("off", "bearer.access_token", "The tenant takes no access tokens", PROFILE, unbound()),
  denied(
    "off-dpop",
    "bearer.scheme",
    "The tenant takes no access tokens, and knows no DPoP",
    PROFILE,
    bringing(),
  ),
  denied(
    "beside-mandate",
    "bearer.two_kinds",
    "A mandate comes beside it",
    PROFILE,
    bringing({ call: { headers: { "ACT-Mandate": "a.b.c" } } }),
    taking(),
  ),
  denied("unbound-refused", "token.unbound", "A token that is bound to no key", PROFILE, unbound(), taking()),
  denied(
    "downgraded",
    "token.bound",
    "A bound token as Bearer",
    BOUND,
    bringing({ scheme: "Bearer", proof: null }),
    taking({ unsafeBearer: true }),
  ),
  denied(
    "unbound-as-dpop",
    "dpop.unbound",
    "A token that is bound to no key, with a proof",
    BOUND,
    unbound({ scheme: "DPoP", proof: {} }),
    taking({ unsafeBearer: true }),
  ),

  refused("spelling", "malformed", "Another spelling of the signature", "RFC 4648 section 3.5", {
    token: part(2, respelled),
  }),
  refused("typ", "typ", "typ is JWT", JWT, { header: { typ: "JWT" } }),
  refused("none", "alg", "alg is none", JWT, { header: { alg: "none" }, token: part(2, () => "") }),
  refused("symmetric", "alg", "alg is HS256", JWT, { header: { alg: "HS256" } }),
  refused("alg-of-another", "alg", "alg is not that of the key", JWT, { header: { alg: "ES256" } }),
  refused("crit", "crit", "An extension that is critical", "RFC 7515 section 4.1.11", {
    header: { crit: ["b64"], b64: true },
  }),
  refused("kid", "kid", "No kid", PROFILE, { header: { kid: undefined } }),
  refused("client-missing", "claims", "No client_id", CLAIMS, { claims: { client_id: undefined } }),
  refused("scope-list", "claims", "scope is a list", "RFC 6749 section 3.3", {
    claims: { scope: ["tools"] },
  }),
  refused("cnf-empty", "confirmation", "cnf without a member", "RFC 7800 section 3.1", {
    claims: { cnf: {} },
  }),
  refused("cnf-two", "confirmation", "cnf with a second way to be bound", "RFC 7800 section 3.1", {
    claims: { cnf: { jkt: await thumbprintOf("holder"), "x5t#S256": await thumbprintOf("holder") } },
  }),
  refused("issuer", "issuer_unknown", "Another issuer", JWT, { claims: { iss: `${AUTH}/` } }),
  refused("key", "key_unknown", "A kid that the issuer does not have", JWT, { header: { kid: "auth-9" } }),
  refused("agents-key", "key_unknown", "The key of an agent", JWT, { by: "ada" }),
  refused("signature", "signature", "Signed by somebody else, under a kid of the issuer", JWT, {
    by: "stranger",
    header: { alg: "ES256", kid: "auth-2" },
  }),
  denied(
    "untrusted",
    "token.key_untrusted",
    "A chain that leads to no anchor",
    "RFC 5280 section 6.1",
    bringing({ token: { by: "auth-es256", header: { x5c: [stranger] } } }),
    certified,
  ),
  denied(
    "expired",
    "token.expired",
    "31 s after its end",
    JWT,
    bringing({ token: { claims: { exp: NOW + 60 } } }),
    {
      ...taking(),
      before: [sent(bringing({ token: { claims: { exp: NOW + 60 } } }))],
      at: 91,
    },
  ),
  refused("future", "in_future", "iat is more than 30 s in the future", PROFILE, {
    claims: { iat: NOW + 31 },
  }),
  refused("lifetime", "lifetime", "A longer life than the tenant takes", PROFILE, {
    claims: { exp: NOW + 3601 },
  }),
  refused("audience", "audience", "For another audience", JWT, {
    claims: { aud: "https://gateway.example/other/mcp" },
  }),
];

const ofOrganisation = taking({ tenantClaim: { claim: "org", values: ["acme"] } });

export const partyCases: readonly CaseSource[] = [
  admitted(
    "tenant",
    "The claim that names the tenant, and the header that says the same",
    PROFILE,
    bringing({ token: { claims: { org: "acme" } }, call: { headers: { "X-Tenant-ID": "acme" } } }),
    ofOrganisation,
  ),
  refused(
    "tenant-other",
    "tenant",
    "For another tenant of the issuer",
    PROFILE,
    { claims: { org: "other" } },
    ofOrganisation,
  ),
  denied(
    "tenant-header",
    "token.tenant_header",
    "The header names another tenant than the token",
    PROFILE,
    bringing({ token: { claims: { org: "acme" } }, call: { headers: { "X-Tenant-ID": "other" } } }),
    ofOrganisation,
  ),
  refused(
    "subject",
    "subject",
    "A subject that no grant of the policy is for",
    PROFILE,
    { claims: { sub: "client-2" } },
    taking({}, { subject: "client-1" }),
  ),
  refused(
    "client",
    "client",
    "A client that is not let in",
    PROFILE,
    {},
    taking({ clients: [{ id: "client-2" }] }),
  ),
  admitted(
    "published",
    "A token that is bound to a key of its client's metadata document",
    PROFILE,
    bringing({ token: { claims: { client_id: own.url } } }),
    own.options,
  ),
  refused(
    "client-key",
    "client_key",
    "A token that is bound to a key which its client's metadata document does not have",
    PROFILE,
    { claims: { client_id: another.url } },
    another.options,
  ),
];

export const callCases: readonly CaseSource[] = [
  denied(
    "beside-signature",
    "token.evidence_beside",
    "An agent signs the request",
    PROFILE,
    bringing({ call: { signature: {} } }),
    taking(),
  ),
  admitted(
    "scopes",
    "A tool that needs two scopes",
    "RFC 6750 section 3.1",
    bringing({ token: { claims: { scope: "sealed tools" } }, call: { tool: "sealed" } }),
    taking(),
  ),
  denied(
    "scope",
    "token.scope",
    "One of two scopes is missing: the challenge names both",
    "RFC 6750 section 3.1",
    bringing({ call: { tool: "sealed" } }),
    {
      ...taking(),
      expect: {
        headers: {
          "www-authenticate":
            'Bearer realm="mcp", error="insufficient_scope", resource_metadata="https://gateway.example/.well-known/oauth-protected-resource/access-token-scope/mcp", scope="tools sealed", DPoP algs="ES256 ES384 EdDSA RS256 Ed25519"',
        },
      },
    },
  ),
  denied(
    "no-rule",
    "token.no_rule",
    "No rule is for the tool",
    PROFILE,
    bringing(),
    taking({ scopes: [{ tools: ["sealed"], require: [] }] }),
  ),
];
