import type { Call } from "../make/call.ts";
import { admitted, type Draft, denied, refused, type Topic } from "../make/case.ts";

const PAGE = "Countersign docs/approvals.md";
const AGENT = `${PAGE}, What the agent gets`;
const APPROVED = `${PAGE}, What is approved`;

/** The base document has a rule for it. */
const SEALED = { name: "sealed", scope: "read" } as const;

/** A tenant where a person approves each call of `search`. */
function asking(document: Draft): void {
  document.policy = {
    ...document.policy,
    tools: [SEALED, { name: "search", scope: "read", approval: { roles: ["reader"] } }],
    approval: {
      signIn: { issuer: "https://login.example", clientId: "countersign" },
      roles: [{ name: "reader", subjects: ["ann"] }],
    },
  };
}

/** One where a rule asks for it. */
const askedByRule = (when: string) => ({
  change: (document: Draft): void => {
    asking(document);
    document.policy = {
      ...document.policy,
      tools: [SEALED, { name: "search", scope: "read" }],
      rules: [{ name: "ask", when, then: "approve", approval: { roles: ["reader"] } }],
    };
  },
});

const about = (query: string): Call => ({ arguments: { query } });

/** As many calls of one caller may wait. */
const WAITING = 16;

export const approvals: Topic = {
  name: "approvals",
  title: "Calls that a person has to approve",
  cases: [
    denied("required", "approval.required", "Nobody has approved the call", AGENT, {}, { change: asking }),
    denied(
      "still",
      "approval.required",
      "Nor the second time",
      AGENT,
      {},
      {
        change: asking,
        before: [refused("approval.required", {})],
      },
    ),
    admitted(
      "other-tool",
      "A tool that needs no approval",
      AGENT,
      { tool: "sealed", attestation: {} },
      { change: asking },
    ),
    admitted(
      "not-a-call",
      "What is no call of a tool",
      AGENT,
      { rpc: { id: 1, method: "tools/list" } },
      { change: asking },
    ),
    denied(
      "rule",
      "approval.required",
      "A rule asks for it",
      AGENT,
      about("tides"),
      askedByRule('arguments.query == "tides"'),
    ),
    admitted(
      "rule-false",
      "The rule is about other arguments",
      AGENT,
      about("moon"),
      askedByRule('arguments.query == "tides"'),
    ),
    denied(
      "first-things-first",
      "policy.tool_not_granted",
      "Nobody is asked about what the tenant does not allow anyway",
      AGENT,
      {},
      {
        change: (document) => {
          asking(document);
          document.policy = { ...document.policy, grants: [{ agents: ["bob"], scope: "read" }] };
        },
      },
    ),
    denied("too-large", "approval.too_large", "More than a person reads", AGENT, about("x".repeat(65_536)), {
      change: asking,
    }),
    denied(
      "too-many",
      "approval.too_many",
      "So many calls of the agent wait already",
      AGENT,
      about("one more"),
      {
        change: asking,
        before: Array.from({ length: WAITING }, (_, i) => refused("approval.required", about(`call ${i}`))),
      },
    ),
    denied(
      "again-of-many",
      "approval.required",
      "One of those that wait is sent again",
      APPROVED,
      about("call 0"),
      {
        change: asking,
        before: Array.from({ length: WAITING }, (_, i) => refused("approval.required", about(`call ${i}`))),
      },
    ),
  ],
};
