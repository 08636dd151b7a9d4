/** The tenant's policy, from the wire to the audit record: each gate refuses for its own reason, and says which stood before it. */

import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { compileTenant } from "../../src/tenant/compile.ts";
import { document, GATEWAY } from "../support/acme.ts";
import { type Caller, type Scene, setScene } from "./harness.ts";
import { decisionOf, rpc, told, toolCall } from "./messages.ts";

const POLICY = {
  environment: ["test"],
  tools: [
    {
      name: "search",
      scope: "read",
      inputSchema: {
        type: "object",
        required: ["query"],
        properties: { query: { type: "string", maxLength: 20 }, limit: { type: "integer" } },
        additionalProperties: false,
      },
    },
    { name: "write", scope: "write", environments: ["live"] },
    { name: "sealed", scope: "admin" },
  ],
  grants: [
    {
      agents: ["reader"],
      scope: "read",
      constraints: { arguments: { "/limit": { presence: "optional", maximum: 100 } }, additional: true },
    },
    { agents: ["writer"], scope: "write" },
  ],
  rules: [
    { name: "no-secrets", when: 'arguments.query.startsWith("secret")', then: "deny" },
    {
      name: "pairs",
      tools: ["search"],
      when: 'mandate.purpose == "test" && arguments.limit > 50',
      then: "deny",
    },
  ],
} as const;

const EVIDENCE = { evidence: [{ require: ["mandate", "signature", "ect"] }] } as const;

let scene: Scene;
beforeAll(async () => {
  // The types of documents have no readonly lists.
  const policy = JSON.parse(JSON.stringify(POLICY));
  const evidence = JSON.parse(JSON.stringify(EVIDENCE.evidence));
  scene = await setScene({
    acme: { policy, evidence, tools: { filterList: true } },
    gone: { policy, evidence, status: "suspended" },
    empty: { policy: {}, evidence },
  });
});
afterAll(() => scene.close());

interface Case {
  readonly tenant?: string;
  readonly caller?: () => Caller;
  readonly tool?: string;
  readonly args?: object;
  /** Null where it goes on. */
  readonly reason: string | null;
  /** Checks that were passed, of those of the policy. */
  readonly passed: readonly string[];
}

const UP_TO_TENANT = ["gate.tenant"];
const UP_TO_AGENT = [...UP_TO_TENANT, "gate.agent"];
const UP_TO_TOOL = [...UP_TO_AGENT, "gate.tool"];
const UP_TO_ENVIRONMENT = [...UP_TO_TOOL, "gate.environment"];

const writer = () => scene.writer;

const CASES: Readonly<Record<string, Case>> = {
  tenant: { tenant: "gone", reason: "policy.tenant_suspended", passed: [] },
  "tool: nothing is listed": { tenant: "empty", reason: "policy.tool_unlisted", passed: UP_TO_AGENT },
  "tool: the grant does not reach it": {
    tool: "sealed",
    reason: "policy.scope_too_narrow",
    passed: UP_TO_AGENT,
  },
  environment: { caller: writer, tool: "write", reason: "policy.environment", passed: UP_TO_TOOL },
  "arguments: the grant": {
    args: { query: "wax", limit: 101 },
    reason: "policy.argument_not_allowed",
    passed: [...UP_TO_ENVIRONMENT, "rule:pairs"],
  },
  "arguments: the schema": {
    args: { query: "wax", limit: 1, limitt: 1 },
    reason: "policy.arguments_invalid",
    passed: UP_TO_ENVIRONMENT,
  },
  "arguments: a rule": {
    args: { query: "secret-1", limit: 1 },
    reason: "policy.rule_denied",
    passed: [...UP_TO_ENVIRONMENT, "rule:no-secrets"],
  },
  "arguments: a rule that cannot be evaluated": {
    args: { query: "wax" },
    reason: "policy.rule_failed",
    passed: [...UP_TO_ENVIRONMENT, "rule:pairs"],
  },
  "none: the call goes on": {
    args: { query: "wax", limit: 5 },
    reason: null,
    passed: [...UP_TO_ENVIRONMENT, "gate.arguments"],
  },
};

describe("gates", () => {
  test("each refuses for its own reason, and the record says what stood before", async () => {
    const sent = await Promise.all(
      Object.entries(CASES).map(async ([name, { tenant = "acme", caller, tool, args }]) => {
        const wishes = { caller: caller?.() ?? scene.reader };
        const answer = await scene.send(await scene.sign(tenant, toolCall(tool, args), wishes));
        return { name, answer, decision: decisionOf(answer) };
      }),
    );
    const rows = await scene.rows(sent.map(({ decision }) => decision));
    for (const { name, answer, decision } of sent) {
      const { reason, passed } = CASES[name] as Case;
      const row = rows.get(decision);
      const checks: readonly string[] = JSON.parse(row?.checks ?? "[]");
      const ofPolicy = checks.filter((check) =>
        /^(gate\.(tenant|agent|tool|environment|arguments)$|rule:)/.test(check),
      );
      expect([name, row?.reason, ofPolicy]).toEqual([name, reason, passed]);
      if (reason !== null) expect(told(answer)).toMatch(new RegExp(`^[0-9]+ ${reason}$`));
    }
    const forwarded = ["acme", "gone", "empty"].map((tenant) => scene.origin(tenant).arrivals.length);
    expect(forwarded).toEqual([1, 0, 0]);
  });
});

test("tools that the policy gives to nobody here are not shown", async () => {
  scene.origin("acme").handler = ({ response }) =>
    void response.writeHead(200, { "content-type": "application/json" }).end(
      JSON.stringify({
        jsonrpc: "2.0",
        id: 1,
        result: { tools: ["search", "write", "sealed"].map((name) => ({ name })) },
      }),
    );
  const listed = async (caller: Caller): Promise<readonly string[]> => {
    const answer = await scene.send(await scene.sign("acme", rpc("tools/list"), { caller }));
    return JSON.parse(answer.text).result.tools.map(({ name }: { name: string }) => name);
  };
  // The writer's grant is of the scope, but the tool is for another environment.
  expect(await listed(scene.writer)).toEqual(["search"]);
  expect(await listed(scene.reader)).toEqual(["search"]);
});

test("the example of docs/policy.md is a policy without faults", async () => {
  const [, example = ""] = /```json\n(.*?)```/s.exec(readFileSync("docs/policy.md", "utf8")) ?? [];
  const policy = JSON.parse(example);
  const compiled = await compileTenant(JSON.stringify({ ...document(), policy }), GATEWAY);
  expect(compiled.ok ? [] : compiled.error).toEqual([]);
  expect(compiled.ok && compiled.value.policy.rules.map(({ name }) => name)).toEqual([
    "own-country",
    "large-or-at-night",
  ]);
});
