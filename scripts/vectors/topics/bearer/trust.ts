import { makeCall } from "../../make/call.ts";
import { admitted, type CaseSource, denied, NOW } from "../../make/case.ts";
import { flipped, makeToken, part } from "../../make/tokens.ts";
import { OTHER_ISSUER } from "../../tenants.ts";
import { claims, mandate, PROFILE, TRUST } from "./changes.ts";

const TIME = `${PROFILE}: time`;

export const trustCases: readonly CaseSource[] = [
  // -- key and signature ----------------------------------------------------------------------------
  denied(
    "issuer-unknown",
    "act.issuer_unknown",
    "An issuer that the tenant does not name",
    TRUST,
    claims({ iss: "https://nobody.example" }),
  ),
  denied(
    "issuer-slash",
    "act.issuer_unknown",
    "The issuer's name with a slash behind it: identifiers are compared whole",
    TRUST,
    claims({ iss: "https://issuer.example/" }),
  ),
  denied("key-unknown", "act.key_unknown", "A kid that the issuer does not have", TRUST, {
    mandate: { header: { kid: "issuer-9" } },
  }),
  denied(
    "other-issuers-key",
    "act.signature",
    "Another trusted issuer signs in this one's name, under a kid that both have",
    TRUST,
    mandate({ by: "other-issuer" }),
  ),
  denied(
    "signature-changed",
    "act.signature",
    "A bit of the signature is changed",
    "RFC 7515 section 5.2",
    mandate({ token: part(2, flipped) }),
  ),
  denied(
    "claims-changed",
    "act.signature",
    "The claims are changed after signing",
    "RFC 7515 section 5.2",
    mandate({
      token: part(1, (text) => {
        const changed = Buffer.from(text, "base64url").toString().replace("agent:ada", "agent:bob");
        return Buffer.from(changed).toString("base64url");
      }),
    }),
  ),
  denied(
    "signed-by-agent",
    "act.key_unknown",
    "The agent signs a mandate for itself, with its own key",
    TRUST,
    mandate({ by: "ada" }),
  ),

  // -- time -----------------------------------------------------------------------------------------
  admitted("expired-30", "30 s after exp", TIME, claims({ iat: NOW - 900, exp: NOW - 30 })),
  denied("expired-31", "act.expired", "31 s after exp", TIME, claims({ iat: NOW - 900, exp: NOW - 31 })),
  admitted("ahead-30", "iat is 30 s ahead", TIME, claims({ iat: NOW + 30 })),
  denied("ahead-31", "act.in_future", "iat is 31 s ahead", TIME, claims({ iat: NOW + 31 })),
  admitted("nbf-30", "nbf is 30 s ahead", TIME, claims({ nbf: NOW + 30 })),
  denied("nbf-31", "act.in_future", "nbf is 31 s ahead", TIME, claims({ nbf: NOW + 31 })),
  admitted("lifetime", "It lives as long as its issuer may grant", TIME, claims({ exp: NOW + 3600 })),
  denied(
    "lifetime-over",
    "act.lifetime",
    "It lives one second longer than its issuer may grant",
    TIME,
    claims({ exp: NOW + 3601 }),
  ),

  // -- what it is for -------------------------------------------------------------------------------
  denied(
    "other-audience",
    "act.audience",
    "A mandate for another tenant of the same gateway",
    "RFC 7519 section 4.1.3",
    claims({ aud: "https://gateway.example/other/mcp" }),
  ),
  denied("audience-prefix", "act.audience", "aud is only a part of our URL", "RFC 7519 section 4.1.3", {
    mandate: { claims: { aud: "https://gateway.example" } },
  }),
  denied(
    "audience-case",
    "act.audience",
    "aud is our URL in capitals",
    "RFC 7519 section 4.1.3",
    async (t) => {
      return makeCall(t, claims({ aud: t.url.toUpperCase() }));
    },
  ),
  admitted(
    "own-audience",
    "An audience that the tenant names itself",
    "RFC 7519 section 4.1.3",
    {
      mandate: { claims: { aud: "mcp-server" } },
      ect: { claims: { aud: "mcp-server" } },
      signature: { parameters: { "wimse-aud": "mcp-server" } },
    },
    {
      change: (d) => {
        d.audiences = ["mcp-server"];
      },
    },
  ),
  denied(
    "subject-unknown",
    "act.subject_unknown",
    "sub is no agent of the tenant",
    `${PROFILE}: who presents it`,
    claims({ sub: "agent:eve" }),
  ),
  denied("agent-not-granted", "act.agent_not_granted", "The issuer may authorise bob alone", TRUST, {
    mandate: {
      by: "other-issuer",
      claims: { iss: OTHER_ISSUER, cap: [{ action: "mcp.search" }] },
    },
  }),
  admitted("other-issuer", "The other issuer authorises bob for what it may grant", TRUST, {
    agent: "bob",
    mandate: { by: "other-issuer", claims: { iss: OTHER_ISSUER, cap: [{ action: "mcp.search" }] } },
  }),
  denied(
    "action-not-granted",
    "act.action_not_granted",
    "cap has, beside the action that is used, one that the issuer may not grant",
    TRUST,
    {
      agent: "bob",
      mandate: {
        by: "other-issuer",
        claims: { iss: OTHER_ISSUER, cap: [{ action: "mcp.search" }, { action: "mcp.write" }] },
      },
    },
  ),
  denied(
    "action-prefix",
    "act.action_not_granted",
    "The issuer may grant mcp.*, which is not all that begins with mcp",
    TRUST,
    claims({ cap: [{ action: "mcp.search" }, { action: "mcpx.search" }] }),
  ),
  denied(
    "delegated",
    "act.delegation_off",
    "The mandate may be delegated, and the tenant takes none of that sort",
    `${PROFILE}: delegation`,
    claims({ del: { depth: 0, max_depth: 1 } }),
  ),
  denied(
    "record",
    "act.phase",
    "A record that somebody presents as a mandate",
    `${PROFILE}: record claims`,
    async (t) =>
      makeCall(t, {
        headers: {
          Authorization: `Bearer ${await makeToken("act+jwt", "ada", {
            iss: "https://issuer.example",
            sub: "agent:ada",
            aud: t.url,
            iat: NOW,
            exp: NOW + 900,
            jti: "mandate-1",
            task: { purpose: "Show how it is done" },
            cap: [{ action: "mcp.search" }],
            exec_act: "mcp.search",
            pred: [],
            exec_ts: NOW,
            status: "completed",
          })}`,
        },
      }),
  ),
];
