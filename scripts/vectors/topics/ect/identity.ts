import { makeCall } from "../../make/call.ts";
import { admitted, type CaseSource, denied } from "../../make/case.ts";
import { headerOf, withHeader } from "../../make/message.ts";
import { base64url, flipped, part, utf8 } from "../../make/tokens.ts";
import { claims, ect, IDENTITY, PROFILE } from "./changes.ts";

export const identityCases: readonly CaseSource[] = [
  // -- key, signature, identity -----------------------------------------------------------------------
  denied("key-unknown", "ect.key_unknown", "A kid that is not registered", IDENTITY, ect({ by: "stranger" })),
  denied(
    "issuers-key",
    "ect.key_unknown",
    "Signed by the issuer of the mandate",
    IDENTITY,
    ect({ by: "issuer-p256" }),
  ),
  denied(
    "signature",
    "ect.signature",
    "A bit of the signature is changed",
    "RFC 7515 section 5.2",
    ect({ token: part(2, flipped) }),
  ),
  denied(
    "claims-changed",
    "ect.signature",
    "The claims are changed after signing",
    "RFC 7515 section 5.2",
    ect({
      token: part(1, (text) =>
        base64url(utf8(Buffer.from(text, "base64url").toString().replace("mcp.search", "mcp.sealed"))),
      ),
    }),
  ),
  denied(
    "signed-with-other",
    "ect.signature",
    "Signed by another agent under this one's kid",
    "RFC 7515 section 5.2",
    ect({ by: "bob", header: { kid: "ada-1" } }),
  ),
  denied(
    "other-iss",
    "ect.issuer",
    "An agent signs with its own key in another agent's name",
    IDENTITY,
    claims({ iss: "spiffe://example.com/bob" }),
  ),
  denied("unknown-iss", "ect.issuer", "iss is nobody", IDENTITY, claims({ iss: "agent:eve" })),
  denied(
    "subject-as-iss",
    "ect.issuer",
    "iss is the agent's subject, where its identities for ECTs are others",
    IDENTITY,
    {
      agent: "bob",
      ect: { claims: { iss: "agent:bob" } },
    },
  ),

  // -- one agent --------------------------------------------------------------------------------------------
  denied(
    "other-agents-mandate",
    "principal.mismatch",
    "bob presents ada's mandate with evidence of his own",
    "Countersign profile, ACT mandate: who presents it",
    {
      agent: "bob",
      mandate: { claims: { sub: "agent:ada" } },
    },
  ),
  denied(
    "other-agents-ect",
    "principal.mismatch",
    "ada's mandate and signature, and an ECT of bob's",
    PROFILE,
    ect({ by: "bob", claims: { iss: "spiffe://example.com/bob" } }),
  ),
  denied("other-agents-signature", "principal.mismatch", "ada's mandate and ECT, signed by bob", PROFILE, {
    signature: { by: "bob" },
  }),
  denied(
    "other-key",
    "principal.key_mismatch",
    "ECT and signature with two keys of the same agent",
    PROFILE,
    { signature: { by: "ada-second" } },
  ),
  admitted("second-key", "ECT and signature with another key of the agent", PROFILE, {
    ect: { by: "ada-second" },
    signature: { by: "ada-second" },
  }),
  denied(
    "stolen-ect",
    "principal.mismatch",
    "bob puts ada's captured ECT into a request of his own",
    PROFILE,
    async (t) => {
      const captured = headerOf(await makeCall(t), "Wimse-ECT");
      return makeCall(t, { agent: "bob", ect: { token: () => captured } });
    },
  ),
  denied(
    "uncovered-swap",
    "signature.mismatch",
    "The ECT of a signed request is taken for a newer one",
    PROFILE,
    async (t) => {
      const newer = await makeCall({ ...t, step: 8 });
      return withHeader(await makeCall(t), "Wimse-ECT", headerOf(newer, "Wimse-ECT"));
    },
  ),
];
