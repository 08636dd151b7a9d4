import { describe, expect, test } from "vitest";
import type { Message } from "../../src/mcp/message.ts";
import { requiredEvidence } from "../../src/policy/required.ts";
import type { EvidenceKind, EvidenceRule } from "../../src/tenant/tenant.ts";
import { agentNamed } from "../support/agents.ts";

const request = (method: string, name?: string): Message => ({
  kind: "request",
  id: 1,
  method,
  params: {},
  tool: name === undefined ? null : { name, arguments: {} },
});

const rule = (
  methods: readonly string[] | null,
  tools: readonly string[] | null,
  ...require: EvidenceKind[]
): EvidenceRule => ({
  methods: methods && new Set(methods),
  tools: tools && new Set(tools),
  require: new Set(require),
});

const AGENT = agentNamed("ada");

const BASE: EvidenceKind[] = ["mandate", "signature"];
const pay = rule(null, ["pay"], ...BASE, "attestation");
const calls = rule(["tools/call"], null, ...BASE, "ect");
const all = rule(null, null, ...BASE);

describe("requiredEvidence", () => {
  test.each<[string, Message, EvidenceRule[], EvidenceKind[] | "required.no_rule"]>([
    ["no rules", request("ping"), [], "required.no_rule"],
    ["no rule that matches", request("ping"), [calls, pay], "required.no_rule"],
    ["the method", request("tools/call", "search"), [calls], [...BASE, "ect"]],
    ["the method in another case", request("Tools/call"), [calls], "required.no_rule"],
    ["the tool", request("tools/call", "pay"), [pay, calls], [...BASE, "attestation"]],
    ["the first that matches", request("tools/call", "pay"), [calls, pay], [...BASE, "ect"]],
    ["another tool falls through", request("tools/call", "Pay"), [pay, calls], [...BASE, "ect"]],
    ["a rule with tools matches no other method", request("tools/list"), [pay], "required.no_rule"],
    ["nor a prompt of that name", request("prompts/get"), [pay, all], BASE],
    [
      "both must match",
      request("tools/call", "x"),
      [rule(["tools/call"], ["y"], ...BASE)],
      "required.no_rule",
    ],
    ["a rule for all", request("ping"), [all], BASE],
  ])("%s", (_, message, rules, expected) => {
    const result = requiredEvidence(message, rules, AGENT);
    expect(result.ok ? [...result.value] : result.error).toEqual(expected);
  });

  test("a request needs what the rules say, also of an agent that is let off the signature elsewhere", () => {
    const result = requiredEvidence(request("ping"), [all], { ...AGENT, unsafeBearerOnly: { lane: 0 } });
    expect(result.ok && [...result.value]).toEqual(BASE);
  });

  test.each<Message>([
    { kind: "notification", method: "notifications/initialized", params: {} },
    { kind: "response" },
    { kind: "stream" },
    { kind: "session-end" },
  ])("$kind needs bearer and signature, whatever the rules", (message) => {
    for (const rules of [[], [all], [calls]]) {
      const result = requiredEvidence(message, rules, AGENT);
      expect(result.ok && [...result.value]).toEqual(BASE);
      const poc = requiredEvidence(message, rules, { ...AGENT, unsafeBearerOnly: { lane: 0 } });
      expect(poc.ok && [...poc.value]).toEqual(["mandate"]);
    }
  });
});
