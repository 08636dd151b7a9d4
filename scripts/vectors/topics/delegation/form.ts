import { mandateOf } from "../../make/call.ts";
import { type CaseSource, denied, NOW } from "../../make/case.ts";
import { delegating, MAX_DEPTH } from "../../make/delegation.ts";
import { makeToken } from "../../make/tokens.ts";
import { ADA, ada, BOB, bob, ON, parented, RULE, refused, taken } from "./changes.ts";

const MALFORMED = "act.delegation_malformed";
const DEPTH = "act.delegation_depth";

export const formCases: readonly CaseSource[] = [
  taken("root", "A root that may be handed on, by its own agent", [ADA]),
  taken("one", "ada hands a mandate on to bob", [ADA, BOB]),
  taken("two", "and bob back to ada", [ADA, BOB, ADA]),
  taken("three", "As deep as it may be", [ADA, BOB, ADA, BOB]),
  taken("to-oneself", "An agent narrows its own mandate", [ADA, ADA]),
  taken("another-key", "Signed with another key of the delegator's", [ADA, bob({ by: "ada-ed25519" })]),
  taken("es256-root", "A root that is signed with ES256", [ada({ by: "issuer-p256" }), BOB]),
  taken("lower-depth", "max_depth is lowered", [ADA, bob({ del: { max_depth: 1 } })]),
  taken("shorter", "It ends before its parent", [ADA, bob({ claims: { exp: NOW + 60 } })]),
  taken("one-audience", "One of the parent's audiences", [
    ada({ claims: { aud: ["https://gateway.example/delegation-one-audience/mcp", "https://a.example"] } }),
    BOB,
  ]),
  taken("workflow", "In the workflow of its parent", [
    ada({ claims: { wid: "workflow-1" } }),
    bob({ claims: { wid: "workflow-1" } }),
  ]),
  taken("clock-behind", "Issued by a clock that is 30 s behind", [ADA, bob({ claims: { iat: NOW - 30 } })]),

  // -- off ------------------------------------------------------------------------------------------------
  refused("off", "act.delegation_off", "The tenant has it off", [ADA, BOB], {}),
  refused("off-root", "act.delegation_off", "A root that may be handed on, where it is off", [ADA], {}),

  // -- form -----------------------------------------------------------------------------------------------
  ...(
    [
      ["null", "del is null", null],
      ["list", "del is a list", []],
      ["empty", "del is empty", {}],
      ["no-max-depth", "There is no max_depth", { depth: 0 }],
      ["depth-text", "depth is text", { depth: "0", max_depth: 1 }],
      ["depth-negative", "depth is negative", { depth: -1, max_depth: 1 }],
      ["root-parent", "A root with a parent", { depth: 0, max_depth: 1, parent: "a.b.c" }],
      ["no-parent", "Depth 1 without a parent", { depth: 1, max_depth: 1 }],
      ["unknown", "A member that is not known", { depth: 0, max_depth: 1, chain: [] }],
    ] as const
  ).map(([id, title, del]) =>
    denied(`malformed-${id}`, MALFORMED, title, RULE, { mandate: { claims: { del } } }, ON),
  ),
  denied(
    "parent-text",
    MALFORMED,
    "The parent is no token",
    RULE,
    parented(() => "mandate-1"),
    ON,
  ),
  denied(
    "parent-object",
    MALFORMED,
    "The parent is its claims, unsigned",
    RULE,
    parented(() => ({ jti: "mandate-1" })),
    ON,
  ),
  denied(
    "parent-padded",
    MALFORMED,
    "The parent is padded",
    RULE,
    parented((root) => `${root}=`),
    ON,
  ),
  denied(
    "parent-record",
    MALFORMED,
    "The parent is a record",
    RULE,
    parented((_, t) => mandateOf(t, "agent:ada", { claims: { exec_act: "mcp.search" } })),
    ON,
  ),
  denied(
    "parent-ect",
    MALFORMED,
    "The parent is an ECT",
    RULE,
    parented((_, t) =>
      makeToken("exec+jwt", "ada", {
        iss: "agent:ada",
        jti: "ect-9",
        iat: t.now,
        exp: t.now + 60,
        aud: t.url,
        exec_act: "mcp.search",
        pred: [],
      }),
    ),
    ON,
  ),

  // -- depth ----------------------------------------------------------------------------------------------
  denied(
    "parent-without-del",
    DEPTH,
    "The parent may not be handed on: it has no del",
    RULE,
    parented((_, t) => mandateOf(t, "agent:ada")),
    ON,
  ),
  refused("root-max-0", DEPTH, "The root may not be handed on: max_depth is 0", [
    ada({ del: { max_depth: 0 } }),
    bob({ del: { max_depth: 0 } }),
  ]),
  refused("deeper-than-root", DEPTH, "Deeper than the root allows", [
    ada({ del: { max_depth: 1 } }),
    bob({ del: { max_depth: 1 } }),
    ada({ del: { max_depth: 1 } }),
  ]),
  refused("deeper-than-tenant", DEPTH, "Deeper than the tenant allows", [ADA, BOB, ADA], {
    change: delegating(1),
  }),
  refused("max-raised", DEPTH, "max_depth is raised", [ADA, bob({ del: { max_depth: MAX_DEPTH + 1 } })]),
  refused("max-raised-again", DEPTH, "max_depth is raised to what it was", [
    ADA,
    bob({ del: { max_depth: 2 } }),
    ADA,
  ]),
  refused("depth-skipped", DEPTH, "A depth is left out", [ADA, bob({ del: { depth: 2 } })]),
  refused("depth-twice", DEPTH, "A depth comes twice", [ADA, BOB, ada({ del: { depth: 1 } })]),
];
