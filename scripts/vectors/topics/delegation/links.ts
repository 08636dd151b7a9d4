import { alsoCovering } from "../../make/call.ts";
import { admitted, type CaseSource, denied, NOW, sent } from "../../make/case.ts";
import { delegating, under } from "../../make/delegation.ts";
import { key } from "../../make/keys.ts";
import { flipped, makeToken, part } from "../../make/tokens.ts";
import { ISSUER, OTHER_ISSUER } from "../../tenants.ts";
import { ADA, ada, BOB, bob, ON, RULE, refused, underOwn } from "./changes.ts";

const CHAIN = "act.delegation_chain";
const SIGNATURE = "act.delegation_signature";
const FURTHER = "act.privilege_escalation";

export const linksCases: readonly CaseSource[] = [
  // -- chain ----------------------------------------------------------------------------------------------
  refused("iss-other", CHAIN, "iss is not the parent's sub", [
    ADA,
    bob({ by: "bob", claims: { iss: "agent:bob" } }),
  ]),
  refused("iss-issuer", CHAIN, "The root's issuer in the middle of a chain", [
    ADA,
    bob({ by: "issuer", claims: { iss: ISSUER } }),
  ]),
  refused("iss-case", CHAIN, "iss differs in case", [ADA, bob({ claims: { iss: "AGENT:ADA" } })]),
  refused("stolen", CHAIN, "bob makes himself one of ada's mandate", [
    ADA,
    bob({ by: "bob", claims: { iss: "agent:bob", sub: "agent:bob" } }),
  ]),
  refused("jti-same", CHAIN, "The parent's jti", [ADA, bob({ claims: { jti: "mandate-1" } })]),
  refused("jti-root", CHAIN, "The root's jti once more", [ADA, BOB, ada({ claims: { jti: "mandate-1" } })]),
  refused("wid-added", CHAIN, "A workflow that the parent does not have", [
    ADA,
    bob({ claims: { wid: "workflow-1" } }),
  ]),
  refused("wid-dropped", CHAIN, "Out of the parent's workflow", [
    ada({ claims: { wid: "workflow-1" } }),
    BOB,
  ]),
  refused("wid-other", CHAIN, "Another workflow", [
    ada({ claims: { wid: "workflow-1" } }),
    bob({ claims: { wid: "workflow-2" } }),
  ]),

  // -- signatures -----------------------------------------------------------------------------------------
  refused("by-delegate", SIGNATURE, "Signed by whom it is for", [ADA, bob({ by: "bob" })]),
  refused("by-issuer", SIGNATURE, "Signed by the root's issuer", [ADA, bob({ by: "issuer" })]),
  refused("by-stranger", SIGNATURE, "Signed by nobody we know", [ADA, bob({ by: "stranger" })]),
  refused("by-stranger-kid", SIGNATURE, "The same, under the delegator's kid", [
    ADA,
    bob({ by: "stranger", header: { kid: key("ada").kid } }),
  ]),
  refused("by-poc", SIGNATURE, "Signed with the delegator's key of the profile poc", [
    ADA,
    bob({ by: "ada-poc" }),
  ]),
  refused("alg-other", SIGNATURE, "alg is not that of the key", [ADA, bob({ header: { alg: "EdDSA" } })]),
  refused("changed", SIGNATURE, "A bit of the signature is changed", [ADA, bob({ token: part(2, flipped) })]),
  refused("changed-middle", SIGNATURE, "The same in the middle of the chain", [
    ADA,
    bob({ token: part(2, flipped) }),
    ADA,
  ]),
  refused("changed-root", "act.signature", "The same at the root", [ada({ token: part(2, flipped) }), BOB]),
  refused("root-by-agent", "act.key_unknown", "A root that the agent signed itself", [
    ada({ by: "ada" }),
    BOB,
  ]),
  refused("root-issuer-unknown", "act.issuer_unknown", "A root of an issuer that nobody trusts", [
    ada({ claims: { iss: "https://evil.example" } }),
    BOB,
  ]),
  denied(
    "no-parent-own",
    "act.issuer_unknown",
    "An agent's mandate that says it is a root",
    RULE,
    underOwn((t) =>
      makeToken("act+jwt", "ada", {
        iss: "agent:ada",
        sub: "agent:bob",
        aud: t.url,
        iat: t.now,
        exp: t.now + 900,
        jti: "mandate-2",
        task: { purpose: "x" },
        cap: [{ action: "mcp.search" }],
        del: { depth: 0, max_depth: 1 },
      }),
    ),
    ON,
  ),

  // -- who presents it ------------------------------------------------------------------------------------
  denied(
    "poc-uncovered",
    "signature.mandate_uncovered",
    "With a key of the profile poc, whose signature does not cover the mandate",
    RULE,
    under([ADA, ADA], { agent: "ada-poc" }),
    ON,
  ),
  ...(["authorization", "act-mandate"] as const).map((carrier) =>
    admitted(
      `poc-covered-${carrier}`,
      `The same, with ${carrier} covered`,
      RULE,
      under([ADA, ADA], {
        agent: "ada-poc",
        mandate: { in: [carrier] },
        signature: { components: alsoCovering(carrier) },
      }),
      ON,
    ),
  ),

  // -- what the root may grant ----------------------------------------------------------------------------
  refused(
    "agent-not-granted",
    "act.agent_not_granted",
    "An agent that the root's issuer may not authorise, at the end",
    [bob({ by: "other-issuer", claims: { iss: OTHER_ISSUER, cap: [{ action: "mcp.search" }] } }), ADA],
  ),
  refused("agent-not-granted-middle", "act.agent_not_granted", "The same in the middle", [
    bob({ by: "other-issuer", claims: { iss: OTHER_ISSUER, cap: [{ action: "mcp.search" }] } }),
    ADA,
    BOB,
  ]),
  refused(
    "action-not-granted",
    "act.action_not_granted",
    "The root has an action that its issuer may not grant",
    [
      bob({
        by: "other-issuer",
        claims: { iss: OTHER_ISSUER, cap: [{ action: "mcp.search" }, { action: "mcp.delete" }] },
      }),
      BOB,
    ],
  ),
  denied("agent-suspended", "policy.agent_suspended", "The delegator is suspended", RULE, under([ADA, BOB]), {
    change: (document) => {
      delegating()(document);
      const [first] = document.agents;
      if (first !== undefined) first.status = "suspended";
    },
  }),

  // -- never further --------------------------------------------------------------------------------------
  refused("action-more", FURTHER, "One more action", [
    ada({ claims: { cap: [{ action: "mcp.search" }] } }),
    bob({ claims: { cap: [{ action: "mcp.search" }, { action: "mcp.sealed" }] } }),
  ]),
  refused("action-pattern", FURTHER, "A pattern for the action", [
    ADA,
    bob({ claims: { cap: [{ action: "mcp.*" }] } }),
  ]),
  refused("longer", FURTHER, "It ends after its parent", [ADA, bob({ claims: { exp: NOW + 901 } })]),
  refused("earlier", FURTHER, "It begins before its parent", [ADA, bob({ claims: { iat: NOW - 31 } })]),
  refused("audience-other", FURTHER, "Another audience", [
    ADA,
    bob({ claims: { aud: "https://a.example" } }),
  ]),
  refused("audience-more", FURTHER, "One more audience", [
    ADA,
    bob({ claims: { aud: ["https://gateway.example/delegation-audience-more/mcp", "https://a.example"] } }),
  ]),
  refused("further-at-the-end", FURTHER, "Further than its parent, though not than the root", [
    ADA,
    bob({ claims: { exp: NOW + 60 } }),
    ada({ claims: { exp: NOW + 61 } }),
  ]),
  denied(
    "expired",
    "act.expired",
    "It has expired, its parent has not",
    RULE,
    under([ADA, bob({ claims: { exp: NOW + 60 } })]),
    { ...ON, at: 91, before: [sent(under([ADA, bob({ claims: { exp: NOW + 60 } })]))] },
  ),
  refused("root-lifetime", "act.lifetime", "The root lives longer than its issuer may grant", [
    ada({ claims: { exp: NOW + 3601 } }),
    BOB,
  ]),
  refused("root-not-yet", "act.in_future", "The root is not good yet", [
    ada({ claims: { nbf: NOW + 40 } }),
    bob({ claims: { nbf: NOW + 20 } }),
  ]),
];
