import { makeCall, mandateOf } from "../../make/call.ts";
import { admitted, type CaseSource, denied } from "../../make/case.ts";
import { withHeader, withLine } from "../../make/message.ts";
import { part, respelled } from "../../make/tokens.ts";
import { claims, HEADER, mandate, PROFILE } from "./changes.ts";

const CARRIED = `${PROFILE}: carried in`;

export const carriersCases: readonly CaseSource[] = [
  admitted("eddsa", "A mandate signed with EdDSA", HEADER, {}),
  admitted("es256", "A mandate signed with ES256", HEADER, mandate({ by: "issuer-p256" })),
  admitted("own-header", "The mandate is in ACT-Mandate alone", CARRIED, mandate({ in: ["act-mandate"] })),
  admitted(
    "both-equal",
    "Authorization and ACT-Mandate carry the same mandate",
    CARRIED,
    mandate({ in: ["authorization", "act-mandate"] }),
  ),
  admitted(
    "scheme-case",
    "The scheme is written bEARER: it has no case",
    "RFC 9110 section 11.1",
    async (t) => {
      return makeCall(t, { headers: { Authorization: `bEARER ${await mandateOf(t, "agent:ada")}` } });
    },
  ),
  denied(
    "missing",
    "bearer.missing",
    "There is no mandate",
    "RFC 6750 section 3",
    { mandate: null },
    {
      expect: {
        headers: {
          "www-authenticate":
            'Bearer realm="mcp", resource_metadata="https://gateway.example/.well-known/oauth-protected-resource/bearer-missing/mcp"',
        },
      },
    },
  ),
  denied("basic", "bearer.scheme", "Authorization has the scheme Basic", CARRIED, {
    headers: { Authorization: "Basic YWRhOnNlY3JldA==" },
  }),
  denied("empty", "bearer.scheme", "Authorization is Bearer without a token", CARRIED, {
    headers: { Authorization: "Bearer" },
  }),
  denied("two-tokens", "bearer.scheme", "Authorization has two tokens", CARRIED, {
    after: (m) => withHeader(m, "Authorization", "Bearer a.b.c d.e.f"),
  }),
  denied("two-lines", "bearer.scheme", "Authorization comes in two equal lines", "RFC 9110 section 5.3", {
    after: (m) => withLine(m, "Authorization", m.headers.find(([n]) => n === "Authorization")?.[1] ?? ""),
  }),
  denied(
    "conflict",
    "bearer.conflict",
    "Authorization and ACT-Mandate carry different mandates, both good",
    CARRIED,
    async (t) => {
      return makeCall(t, {
        headers: { "ACT-Mandate": await mandateOf(t, "agent:ada", { claims: { jti: "mandate-2" } }) },
      });
    },
  ),
  denied(
    "conflict-broken",
    "bearer.conflict",
    "A good mandate in Authorization, and something else in ACT-Mandate: broken is not absent",
    CARRIED,
    { headers: { "ACT-Mandate": "nothing" } },
  ),
  denied(
    "access-token",
    "bearer.access_token",
    "An OAuth access token (RFC 9068)",
    CARRIED,
    mandate({ header: { typ: "at+jwt" } }),
  ),
  denied(
    "access-token-long",
    "bearer.access_token",
    "An OAuth access token, with the long form of its typ",
    "RFC 9068 section 2.1",
    mandate({ header: { typ: "application/at+jwt" } }),
  ),

  // -- form -----------------------------------------------------------------------------------------
  denied("opaque", "act.malformed", "The token is no JWS", "RFC 7515 section 7.1", {
    headers: { Authorization: "Bearer 2YotnFZFEjr1zCsicMWpAA" },
  }),
  denied(
    "four-parts",
    "act.malformed",
    "The token has four parts",
    "RFC 7515 section 7.1",
    mandate({ token: (token) => `${token}.AA` }),
  ),
  denied(
    "padded",
    "act.malformed",
    "A part of the token has padding",
    "RFC 7515 section 2",
    mandate({ token: part(2, (text) => `${text}==`) }),
  ),
  denied(
    "respelled",
    "act.malformed",
    "The signature is spelled with unused bits set: the same octets in another text",
    "RFC 4648 section 3.5",
    mandate({ token: part(2, respelled) }),
  ),
  denied(
    "header-array",
    "act.malformed",
    "The JOSE header is an array",
    "RFC 7515 section 4",
    mandate({ headerText: (text) => `[${text}]` }),
  ),
  denied(
    "duplicate-header",
    "act.malformed",
    "The JOSE header has alg twice",
    "RFC 7515 section 4",
    mandate({ headerText: (text) => text.replace("{", '{"alg":"none",') }),
  ),
  denied(
    "duplicate-claim",
    "act.malformed",
    "The claims have sub twice, once with an escape",
    "RFC 7519 section 4",
    mandate({ payloadText: (text) => text.replace("{", '{"s\\u0075b":"agent:bob",') }),
  ),
  denied(
    "trailing",
    "act.malformed",
    "Something follows the claims",
    "RFC 8259 section 2",
    mandate({ payloadText: (text) => `${text}{}` }),
  ),
  denied(
    "too-large",
    "act.too_large",
    "The token has more than 16 KiB",
    PROFILE,
    claims({ task: { purpose: "p".repeat(16_384) } }),
  ),
];
