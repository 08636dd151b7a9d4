import { describe, expect, test } from "vitest";
import { bindCapability } from "../../../src/evidence/act/bind.ts";
import type { Capability } from "../../../src/evidence/act/parse.ts";
import { actionMatches } from "../../../src/evidence/act/verify.ts";
import type { Reason } from "../../../src/reasons.ts";
import { judgeMandate, mandate, outcome, unwrap } from "../../support/acme.ts";

describe("bindCapability", async () => {
  const verified = unwrap(await judgeMandate(await mandate()));
  const plain: Capability = { action: "mcp.search", constrained: false };
  const constrained: Capability = { action: "mcp.search", constrained: true };
  test.each<[string, Capability[], string, Reason | "ok"]>([
    ["granted", [plain], "mcp.search", "ok"],
    ["granted among others", [{ ...plain, action: "mcp.x" }, plain], "mcp.search", "ok"],
    ["nothing granted", [], "mcp.search", "capability.missing"],
    ["another action", [plain], "mcp.delete", "capability.missing"],
    ["a longer action", [plain], "mcp.search.x", "capability.missing"],
    ["a shorter action", [plain], "mcp.searc", "capability.missing"],
    ["another case", [plain], "mcp.Search", "capability.missing"],
    [
      "a pattern is a name like any other",
      [{ ...plain, action: "mcp.*" }],
      "mcp.search",
      "capability.missing",
    ],
    ["a constraint", [constrained], "mcp.search", "capability.constraint_unknown"],
    ["two constraints", [constrained, constrained], "mcp.search", "capability.constraint_unknown"],
    ["with and without a constraint", [constrained, plain], "mcp.search", "ok"],
    ["a constraint on another action", [{ ...constrained, action: "mcp.x" }, plain], "mcp.search", "ok"],
  ])("%s", (_, cap, action, expected) => {
    expect(outcome(bindCapability({ ...verified, cap }, action))).toBe(expected);
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
