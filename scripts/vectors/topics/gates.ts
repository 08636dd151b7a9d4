import type { TenantDocument } from "../../../src/tenant/schema/document.ts";
import { admitted, type Draft, denied, type Topic } from "../make/case.ts";

const PAGE = "Countersign docs/policy.md";
const TOOLS = `${PAGE}, Tools and grants`;
const CONSTRAINTS = `${PAGE}, Constraints`;
const SCHEMAS = `${PAGE}, Schemas`;
const RULES = `${PAGE}, Rules`;

type Policy = NonNullable<TenantDocument["policy"]>;
type Tool = NonNullable<Policy["tools"]>[number];
type Grant = NonNullable<Policy["grants"]>[number];

const READS: Grant = { agents: ["ada"], scope: "read" };

/** The tenant with this policy and no other. */
const under = (policy: Policy) => ({
  change: (document: Draft): void => {
    // A draft is the document but for what is readonly there.
    document.policy = policy as NonNullable<Draft["policy"]>;
    // Without the rule for a tool that this policy does not list.
    document.evidence = document.evidence?.filter(({ tools }) => tools === undefined);
  },
});

const granting = (grants: readonly Grant[], tool: Partial<Tool> = {}) =>
  under({ tools: [{ name: "search", scope: "write", ...tool }], grants: [...grants] });

const withSchema = (inputSchema: Record<string, unknown>) =>
  granting([READS], { scope: "read", inputSchema });

const denying = (when: string) =>
  under({
    environment: ["live"],
    tools: [{ name: "search", scope: "read" }],
    grants: [READS],
    rules: [{ name: "the-rule", when, then: "deny" }],
  });

const LIST = Array.from({ length: 1_000 }, (_, i) => i);

const QUERY = { type: "object", properties: { query: { type: "string" } }, additionalProperties: false };

export const gates: Topic = {
  name: "gates",
  title: "Which tools a tenant gives to whom, and with which arguments",
  cases: [
    denied("nothing", "policy.tool_unlisted", "A policy that says nothing", TOOLS, {}, under({})),
    denied(
      "unlisted",
      "policy.tool_unlisted",
      "A tool beside those that are listed",
      TOOLS,
      {},
      under({ tools: [{ name: "searches", scope: "read" }], grants: [READS] }),
    ),
    denied(
      "other-agent",
      "policy.tool_not_granted",
      "A grant to another agent",
      TOOLS,
      {},
      granting([{ agents: ["bob"], scope: "admin" }]),
    ),
    denied(
      "narrow",
      "policy.scope_too_narrow",
      "A tool that writes, and a grant to read",
      TOOLS,
      {},
      {
        change: (document) => {
          granting([READS]).change(document);
          document.policy?.tools?.push({ name: "look", scope: "read" });
        },
      },
    ),
    denied(
      "revoked",
      "policy.grant_revoked",
      "A grant that was taken back",
      TOOLS,
      {},
      granting([{ ...READS, scope: "admin", status: "revoked" }]),
    ),
    denied(
      "ended",
      "policy.grant_expired",
      "A grant that has ended",
      TOOLS,
      {},
      granting([{ ...READS, scope: "write", expires: "2020-01-01T00:00:00Z" }]),
    ),
    admitted(
      "another-stands",
      "A grant that was taken back, and one that stands",
      TOOLS,
      {},
      granting([
        { ...READS, scope: "write", status: "revoked" },
        { ...READS, scope: "write" },
      ]),
    ),
    denied(
      "environment",
      "policy.environment",
      "A tool for another environment",
      TOOLS,
      {},
      under({
        environment: ["test"],
        tools: [{ name: "search", scope: "read", environments: ["live", "testing"] }],
        grants: [READS],
      }),
    ),
    denied(
      "constraints",
      "policy.argument_not_allowed",
      "Arguments that the grant does not allow, and the mandate does",
      CONSTRAINTS,
      { arguments: { query: "tides" } },
      granting([{ ...READS, scope: "write", constraints: { arguments: { "/query": { equals: "moon" } } } }]),
    ),
    admitted(
      "constraints-kept",
      "Arguments that the grant allows",
      CONSTRAINTS,
      { arguments: { query: "moon" } },
      granting([{ ...READS, scope: "write", constraints: { arguments: { "/query": { equals: "moon" } } } }]),
    ),
    denied(
      "schema",
      "policy.arguments_invalid",
      "An argument that the tool's schema does not have",
      SCHEMAS,
      { arguments: { query: "tides", force: true } },
      withSchema(QUERY),
    ),
    admitted("schema-kept", "What it has", SCHEMAS, { arguments: { query: "tides" } }, withSchema(QUERY)),
    denied(
      "schema-costly",
      "policy.arguments_too_costly",
      "A thousand items that are compared with each other",
      SCHEMAS,
      { arguments: { list: LIST } },
      withSchema({ properties: { list: { type: "array", uniqueItems: true } } }),
    ),
    denied(
      "rule",
      "policy.rule_denied",
      "A rule that is true",
      RULES,
      { arguments: { query: "tides" } },
      denying('principal.agent == "ada" && arguments.query.contains("tide")'),
    ),
    admitted(
      "rule-false",
      "A rule that is false",
      RULES,
      { arguments: { query: "moon" } },
      denying('arguments.query.contains("tide") || environment != ["live"]'),
    ),
    denied(
      "rule-failed",
      "policy.rule_failed",
      "A rule about an argument that is missing",
      RULES,
      { arguments: { query: "moon" } },
      denying("arguments.limit > 10"),
    ),
    denied(
      "rule-costly",
      "policy.rule_too_costly",
      "A rule about all pairs of a thousand",
      RULES,
      { arguments: { list: LIST } },
      denying("arguments.list.all(x, arguments.list.all(y, x == y))"),
    ),
  ],
};
