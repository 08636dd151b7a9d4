import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { MCP_METHODS } from "../../src/mcp/methods.ts";
import { deriveAction } from "../../src/policy/actions.ts";
import type { Reason } from "../../src/reasons.ts";
import type { Result } from "../../src/result.ts";
import type { ActionTemplates } from "../../src/tenant/tenant.ts";
import { unwrap } from "../support/acme.ts";

const DEFAULT: ActionTemplates = {
  toolCall: "mcp.{tool}",
  session: "mcp.session.{method}",
  extraMethods: new Set(["ui/open"]),
};
const APART: ActionTemplates = { ...DEFAULT, toolCall: "tool:{tool}", session: "session:{method}" };

const shown = (result: Result<string, Reason>) => (result.ok ? result.value : result.error);

describe("deriveAction", () => {
  test.each<[string, string | null, ActionTemplates, string]>([
    ["tools/call", "search", DEFAULT, "mcp.search"],
    ["tools/call", "search", APART, "tool:search"],
    ["tools/call", "Search", DEFAULT, "mcp.Search"],
    ["tools/call", "$&$'$`$1", DEFAULT, "mcp.$&$'$`$1"],
    ["tools/call", "{tool}", DEFAULT, "mcp.{tool}"],
    ["tools/call", "session", DEFAULT, "mcp.session"],
    ["tools/call", "session.", DEFAULT, "message.tool_name_reserved"],
    ["tools/call", "session.tools.list", DEFAULT, "message.tool_name_reserved"],
    ["tools/call", "session.x", DEFAULT, "message.tool_name_reserved"],
    ["tools/call", "Session.tools.list", DEFAULT, "mcp.Session.tools.list"],
    ["tools/call", "session.x", APART, "tool:session.x"],
    ["tools/list", null, DEFAULT, "mcp.session.tools.list"],
    ["initialize", null, APART, "session:initialize"],
    ["resources/templates/list", null, DEFAULT, "mcp.session.resources.templates.list"],
    ["ui/open", null, DEFAULT, "mcp.session.ui.open"],
    ["ui/Open", null, DEFAULT, "message.method_unknown"],
    ["Tools/list", null, DEFAULT, "message.method_unknown"],
    ["tools/list ", null, DEFAULT, "message.method_unknown"],
    ["tools.list", null, DEFAULT, "message.method_unknown"],
    ["", null, DEFAULT, "message.method_unknown"],
    ["constructor", null, DEFAULT, "message.method_unknown"],
    ["toString", null, DEFAULT, "message.method_unknown"],
  ])("%j with tool %j", (method, tool, templates, expected) => {
    expect(shown(deriveAction(method, tool, templates))).toBe(expected);
  });

  test("is injective", () => {
    const tool = fc
      .oneof(
        fc.string({
          unit: fc.integer({ min: 0x21, max: 0x7e }).map((c) => String.fromCharCode(c)),
          minLength: 1,
        }),
        fc.constantFrom(
          "session",
          "session.x",
          ...[...MCP_METHODS].map((m) => `session.${m.replaceAll("/", ".")}`),
        ),
        fc.constantFrom(...MCP_METHODS),
      )
      .map((name): [string, string | null] => ["tools/call", name]);
    const method = fc
      .constantFrom(...MCP_METHODS, "ui/open")
      .map((name): [string, string | null] => [name, null]);
    const message = fc.oneof(tool, method);
    fc.assert(
      fc.property(message, message, fc.constantFrom(DEFAULT, APART), (one, other, templates) => {
        const first = deriveAction(...one, templates);
        const second = deriveAction(...other, templates);
        fc.pre(first.ok && second.ok);
        expect(unwrap(first) === unwrap(second)).toBe(JSON.stringify(one) === JSON.stringify(other));
      }),
      { numRuns: 2000 },
    );
  });

  test("every method of the table has its own action", () => {
    const actions = [...MCP_METHODS].map((method) => unwrap(deriveAction(method, null, DEFAULT)));
    expect(new Set(actions).size).toBe(MCP_METHODS.size);
  });
});
