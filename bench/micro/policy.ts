/** What a rule, and what the schema of a tool costs: to compile, once for each tenant document, and to ask of one call. */

import type { JsonObject } from "../../src/json/strict-json.ts";
import * as library from "../../src/libraries/policy.ts";
import { compileExpression, ruleLanguage } from "../../src/policy/rules/compile.ts";
import { factsOf } from "../../src/policy/rules/facts.ts";
import { compileInputSchema } from "../../src/policy/schema/compile.ts";
import type { Policy } from "../../src/tenant/tenant.ts";
import { sync, type Work } from "./measure.ts";

const RULE = 'arguments.amount > 100 && !(arguments.to in ["ops@example.com"]) && "live" in environment';

const SCHEMA: JsonObject = {
  type: "object",
  required: ["to", "amount"],
  properties: {
    to: { type: "string", format: "email" },
    amount: { type: "number", exclusiveMinimum: 0 },
    note: { type: "string", maxLength: 200 },
  },
  additionalProperties: false,
};

const ARGUMENTS = { to: "someone@example.com", amount: 150, note: "for the tides of March" };

const POLICY: Policy = {
  environment: new Set(["live"]),
  tools: new Map(),
  unsafeUnlistedTools: "read",
  grants: [],
  rules: [],
  limits: [],
  redact: null,
  strictestRedaction: null,
  approval: null,
};

const NAMES = { tools: new Set<string>(), agents: new Set<string>(), tags: POLICY.environment };

export const POLICY_STEPS = ["compile a rule", "ask a rule", "compile a schema", "ask a schema"] as const;

export function policyContest(): Readonly<Record<(typeof POLICY_STEPS)[number], Work>> {
  const language = ruleLanguage(library);
  const rule = compileExpression(RULE, language, NAMES);
  const schema = compileInputSchema(SCHEMA, library, []);
  if (!rule.ok || !schema.ok) throw new Error("The rule or the schema has a fault.");
  return {
    "compile a rule": sync(() => compileExpression(RULE, language, NAMES)),
    "ask a rule": sync(() => {
      const facts = factsOf(POLICY, null, { name: "pay", arguments: ARGUMENTS }, 1_772_064_000);
      return rule.value.cost(facts) > 0 && rule.value.holds(facts);
    }),
    "compile a schema": sync(() => compileInputSchema(SCHEMA, library, [])),
    "ask a schema": sync(() => schema.value(ARGUMENTS)),
  };
}
