import type { Call } from "../make/call.ts";
import { admitted, type Draft, denied, type Topic } from "../make/case.ts";

const CAPABILITY = "Countersign profile, ACT mandate: capability";
const CONSTRAINTS = "Countersign profile, ACT mandate: constraints";
const EVIDENCE = "Countersign, tenant document: evidence";
const STATUS = "Countersign, tenant document: status";
const UNCAPPED = "Countersign, tenant document: act.unsafeUncappedSession";
const ACTIONS = "Countersign, tenant document: actions";

const granting = (...cap: readonly unknown[]): Call => ({ mandate: { claims: { cap } } });

function uncapped(document: Draft): void {
  document.act = { unsafeUncappedSession: true };
}

export const policy: Topic = {
  name: "policy",
  title: "What the mandate grants and the tenant allows",
  cases: [
    admitted("granted", "The action is granted, alone", CAPABILITY, granting({ action: "mcp.search" })),
    denied("tool", "capability.missing", "A tool that the mandate does not grant", CAPABILITY, {
      tool: "delete",
    }),
    denied("method", "capability.missing", "A method that the mandate does not grant", CAPABILITY, {
      rpc: { id: 1, method: "tools/list" },
      ...granting({ action: "mcp.search" }),
    }),
    denied(
      "notification",
      "capability.missing",
      "A notification that the mandate does not grant",
      CAPABILITY,
      {
        rpc: { method: "notifications/initialized" },
        ...granting({ action: "mcp.search" }),
      },
    ),
    admitted("get", "GET has no action", CAPABILITY, {
      method: "GET",
      ...granting({ action: "mcp.search" }),
    }),
    denied(
      "wildcard",
      "capability.missing",
      "mcp.* in a mandate is the tool called *, and no wildcard",
      CAPABILITY,
      granting({ action: "mcp.*" }),
    ),
    denied(
      "prefix",
      "capability.missing",
      "mcp.sea grants nothing of mcp.search",
      CAPABILITY,
      granting({ action: "mcp.sea" }),
    ),
    denied(
      "case",
      "capability.missing",
      "mcp.Search is another tool",
      CAPABILITY,
      granting({ action: "mcp.Search" }),
    ),
    denied(
      "constrained",
      "capability.constraint_unknown",
      "A constraint that nobody can evaluate",
      CONSTRAINTS,
      granting({ action: "mcp.search", constraints: { "https://example.com/moon": "full" } }),
    ),
    denied(
      "unknown-member",
      "capability.constraint_unknown",
      "A member of the entry that is not known may be a constraint",
      CONSTRAINTS,
      granting({ action: "mcp.search", "max-calls-misspelt": 1 }),
    ),
    admitted(
      "constraints-empty",
      "constraints is empty",
      CONSTRAINTS,
      granting({ action: "mcp.search", constraints: {} }),
    ),
    admitted(
      "alternatives",
      "Two entries for the action, one of them without constraints",
      CONSTRAINTS,
      granting(
        { action: "mcp.search", constraints: { "https://example.com/moon": "full" } },
        { action: "mcp.search" },
      ),
    ),
    denied(
      "no-rule",
      "required.no_rule",
      "No rule of the tenant matches",
      EVIDENCE,
      {},
      {
        change: (d) => {
          d.evidence = [{ methods: ["ping"], require: ["mandate", "signature"] }];
        },
      },
    ),
    admitted(
      "first-rule",
      "The first rule that matches decides",
      EVIDENCE,
      { ect: null },
      {
        change: (d) => {
          d.policy?.tools?.push({ name: "search", scope: "read" });
          d.evidence = [
            { tools: ["search"], require: ["mandate", "signature"] },
            { require: ["mandate", "signature", "ect"] },
          ];
        },
      },
    ),
    denied(
      "tenant-suspended",
      "policy.tenant_suspended",
      "The tenant is suspended",
      STATUS,
      {},
      {
        change: (d) => {
          d.status = "suspended";
        },
      },
    ),
    denied(
      "agent-suspended",
      "policy.agent_suspended",
      "The agent is suspended",
      STATUS,
      {},
      {
        change: (d) => {
          const [ada] = d.agents;
          if (ada !== undefined) ada.status = "suspended";
        },
      },
    ),
    admitted(
      "other-suspended",
      "Another agent is suspended",
      STATUS,
      {},
      {
        change: (d) => {
          const [, bob] = d.agents;
          if (bob !== undefined) bob.status = "suspended";
        },
      },
    ),
    ...(
      [
        ["initialize", { id: 1, method: "initialize" }],
        ["ping", { id: 1, method: "ping" }],
        ["notification", { method: "notifications/initialized" }],
      ] as const
    ).map(([id, rpc]) =>
      admitted(
        `uncapped-${id}`,
        `${rpc.method} without an entry of cap, where the tenant takes that`,
        UNCAPPED,
        { rpc, ...granting({ action: "mcp.search" }) },
        { change: uncapped },
      ),
    ),
    denied(
      "uncapped-list",
      "capability.missing",
      "tools/list needs its entry all the same",
      UNCAPPED,
      { rpc: { id: 1, method: "tools/list" }, ...granting({ action: "mcp.search" }) },
      { change: uncapped },
    ),
    denied(
      "uncapped-tool",
      "capability.missing",
      "So does the tool called initialize",
      UNCAPPED,
      { tool: "initialize", ...granting({ action: "mcp.search" }) },
      { change: uncapped },
    ),
    admitted(
      "own-actions",
      "The tenant names actions in its own way",
      ACTIONS,
      {
        mandate: { claims: { cap: [{ action: "tool:search" }] } },
        ect: { claims: { exec_act: "tool:search" } },
      },
      {
        change: (d) => {
          d.actions = { toolCall: "tool:{tool}", session: "session:{method}" };
          for (const issuer of d.issuers) issuer.actions = ["tool:search"];
        },
      },
    ),
  ],
};
