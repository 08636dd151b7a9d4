/** What the condition of a rule can look at, made of a call. */

import { type Caller, issuerOf, principalOf } from "../../evidence/caller.ts";
import type { JsonObject, JsonValue } from "../../json/strict-json.ts";
import { MAX_RULE_LIST_DEPTH } from "../../limits.ts";
import type { ToolCall } from "../../mcp/message.ts";
import type { Policy } from "../../tenant/tenant.ts";
import { scopeOf } from "../tool.ts";
import type { RuleFacts } from "./expression.ts";
import { sizeOf } from "./size.ts";

/** The variables of a rule, with their types (CEL). All of them are always there; a text is empty where there is none. */
export const VARIABLES = [
  {
    name: "principal",
    schema: {
      /** `agent`, `token`, or `unknown` where nobody has proven to be anybody. */
      kind: "string",
      id: "string",
      agent: "string",
      issuer: "string",
      subject: "string",
      scopes: "list<string>",
    },
  },
  { name: "mandate", schema: { purpose: "string" } },
  { name: "tool", schema: { name: "string", scope: "string", environments: "list<string>" } },
  { name: "environment", type: "list<string>" },
  { name: "arguments", type: "map<string, dyn>" },
  { name: "now", type: "google.protobuf.Timestamp" },
] as const;

/** @param now seconds */
export function factsOf(policy: Policy, caller: Caller | null, call: ToolCall, now: number): RuleFacts {
  const known = {
    principal: principalFacts(caller),
    mandate: { purpose: caller?.mandate?.purpose ?? "" },
    tool: {
      name: call.name,
      scope: scopeOf(call.name, policy) ?? "",
      environments: [...(policy.tools.get(call.name)?.environments ?? [])],
    },
    environment: [...policy.environment],
  };
  let values: Readonly<Record<string, unknown>> | null = null;
  return {
    isTooDeep: isTooDeep(call.arguments),
    sizes: new Map(Object.entries({ ...known, arguments: call.arguments }).map(([n, v]) => [n, sizeOf(v)])),
    values: () => {
      values ??= { ...known, now: new Date(now * 1000), arguments: asRead(call.arguments) };
      return values;
    },
  };
}

function principalFacts(caller: Caller | null) {
  const token = caller?.token ?? null;
  return {
    kind: caller?.kind ?? "unknown",
    id: caller === null ? "" : principalOf(caller),
    agent: caller?.agent?.name ?? "",
    issuer: caller === null ? "" : issuerOf(caller),
    subject: token?.sub ?? "",
    scopes: [...(token?.scopes ?? [])],
  };
}

/**
 * A map whose first member the library does not see: it tells the type of a map by that, and remembers each type that it has
 * seen, and callers choose what is in there.
 */
class Members extends Map<string, unknown> {
  override entries(): MapIterator<[string, unknown]> {
    return new Map<string, unknown>().entries();
  }
}
// By this the library knows a map.
Object.defineProperty(Members.prototype, "constructor", { value: Map });

/** JSON in the form that the library reads. Objects become maps: the library would take a member `constructor` for more than that. */
function asRead(value: JsonValue): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(asRead);
  return new Members(Object.entries(value as JsonObject).map(([name, member]) => [name, asRead(member)]));
}

function isTooDeep(value: JsonValue, depth = 0): boolean {
  if (typeof value !== "object" || value === null) return false;
  if (!Array.isArray(value)) return Object.values(value).some((member) => isTooDeep(member as JsonValue));
  return depth >= MAX_RULE_LIST_DEPTH || value.some((item: JsonValue) => isTooDeep(item, depth + 1));
}
