import { describe, expect, test } from "vitest";
import { bindCapability, permitCall } from "../../../src/evidence/act/bind.ts";
import { type Capability, readCapabilities } from "../../../src/evidence/act/capability.ts";
import { actionMatches } from "../../../src/evidence/act/verify.ts";
import type { JsonObject, JsonValue } from "../../../src/json/strict-json.ts";
import type { Reason } from "../../../src/reasons.ts";
import { outcome, unwrap } from "../../support/acme.ts";

const entry = (action: string, constraints?: JsonValue): Capability => {
  const read = readCapabilities([{ action, ...(constraints !== undefined && { constraints }) }]);
  return unwrap(read)[0] as Capability;
};

describe("bindCapability", () => {
  const plain = entry("mcp.search");
  const unknown = entry("mcp.search", { max: 1 });
  const limited = entry("mcp.search", { arguments: { "/q": {} } });
  test.each<[string, Capability[], string, Reason | "ok"]>([
    ["granted", [plain], "mcp.search", "ok"],
    ["granted among others", [entry("mcp.x"), plain], "mcp.search", "ok"],
    ["nothing granted", [], "mcp.search", "capability.missing"],
    ["another action", [plain], "mcp.delete", "capability.missing"],
    ["a longer action", [plain], "mcp.search.x", "capability.missing"],
    ["a shorter action", [plain], "mcp.searc", "capability.missing"],
    ["another case", [plain], "mcp.Search", "capability.missing"],
    ["a pattern is a name like any other", [entry("mcp.*")], "mcp.search", "capability.missing"],
    ["a constraint that is known", [limited], "mcp.search", "ok"],
    ["a constraint that is not", [unknown], "mcp.search", "capability.constraint_unknown"],
    ["two of them", [unknown, unknown], "mcp.search", "capability.constraint_unknown"],
    ["with and without a constraint", [unknown, plain], "mcp.search", "ok"],
    ["a constraint on another action", [entry("mcp.x", { max: 1 }), plain], "mcp.search", "ok"],
  ])("%s", (_, cap, action, expected) => {
    expect(outcome(bindCapability({ cap }, action))).toBe(expected);
  });
});

describe("permitCall", () => {
  const permit = (cap: Capability[], args: JsonObject | null) =>
    permitCall(unwrap(bindCapability({ cap }, "mcp.search")), args);
  const q = (equals: JsonValue, max?: number) =>
    entry("mcp.search", { arguments: { "/q": { equals } }, ...(max && { max_calls: max }) });
  const counted = (max: number) => entry("mcp.search", { max_calls: max });
  const args = { q: "x" };

  test.each<[string, Capability[], JsonObject | null, { index: number; max: number } | null | Reason]>([
    ["no constraint", [entry("mcp.search")], args, null],
    ["no constraint, no tool call", [entry("mcp.search")], null, null],
    ["arguments that fit", [q("x")], args, null],
    ["arguments that do not", [q("y")], args, "capability.argument_not_allowed"],
    ["arguments of what is no tool call", [q("x")], null, "capability.argument_not_allowed"],
    ["the second of two", [q("y"), q("x")], args, null],
    ["none of two", [q("y"), q("z")], args, "capability.argument_not_allowed"],
    [
      "parts of two",
      [q("y"), entry("mcp.search", { arguments: { "/p": {} } })],
      { p: 1, q: "x" },
      "capability.argument_not_allowed",
    ],
    ["a number of calls", [counted(3)], args, { index: 0, max: 3 }],
    ["a number of calls that are no tool calls", [counted(3)], null, { index: 0, max: 3 }],
    ["the first of two numbers", [counted(3), counted(9)], args, { index: 0, max: 3 }],
    ["the number of the entry that fits", [q("y", 9), q("x", 2)], args, { index: 1, max: 2 }],
    ["an entry without a number before one with", [counted(1), q("x")], args, null],
    ["but only where it fits", [counted(1), q("y")], args, { index: 0, max: 1 }],
    [
      "its place in all of cap",
      [entry("mcp.a"), entry("mcp.search", { x: 1 }), counted(5)],
      args,
      { index: 2, max: 5 },
    ],
  ])("%s", (_, cap, given, expected) => {
    const permitted = permit(cap, given);
    expect(permitted.ok ? permitted.value : permitted.error).toEqual(expected);
  });
});

describe("actionMatches", () => {
  test.each<[string, string, boolean]>([
    ["mcp.search", "mcp.search", true],
    ["mcp.search", "mcp.Search", false],
    ["mcp.search", "mcp.search.x", false],
    ["mcp.search.x", "mcp.search", false],
    ["mcp.*", "mcp.search", true],
    ["mcp.*", "mcp.session.tools.list", true],
    ["mcp.*", "mcp", false],
    ["mcp.*", "mcpx.search", false],
    ["mcp.*", "amcp.search", false],
    ["mcp.session.*", "mcp.search", false],
    ["mcp.session.*", "mcp.session", false],
    ["mcp.s*", "mcp.search", false],
    ["*", "mcp.search", false],
    ["mcp?search", "mcp.search", false],
    ["m(c)+p.*", "mcp.search", false],
  ])("%s covers %s: %s", (pattern, action, expected) => {
    expect(actionMatches(pattern, action)).toBe(expected);
  });
});
