/** Whatever a tenant names its actions: no two messages have one in common. */

import fc from "fast-check";
import { expect, test } from "vitest";
import { MCP_METHODS } from "../../src/mcp/methods.ts";
import { deriveAction } from "../../src/policy/actions.ts";
import { compileTenant } from "../../src/tenant/compile.ts";
import { document, GATEWAY } from "../support/acme.ts";

/** Few letters, so that names meet. */
const piece = fc.stringMatching(/^[as./]{1,4}$/);
const method = fc.oneof(piece, fc.constantFrom(...MCP_METHODS, "tools.list", "tools/list/", "a/s", "a.s"));
const tool = fc.oneof(piece, fc.constantFrom("session", "session.ping", "session.tools.list", "a.s", "a/s"));
const templates = fc.record({
  toolCall: fc.oneof(
    fc.constantFrom("mcp.{tool}", "mcp.session.tool.{tool}", "a.s.{tool}"),
    piece.map((prefix) => `${prefix}{tool}`),
  ),
  session: fc.oneof(
    fc.constantFrom("mcp.session.{method}", "mcp.{method}", "a.s.{method}"),
    piece.map((prefix) => `${prefix}{method}`),
  ),
});

test("actions are injective under every document that is taken", async () => {
  let taken = 0;
  await fc.assert(
    fc.asyncProperty(
      templates,
      fc.array(method, { maxLength: 3 }),
      fc.array(tool, { minLength: 1, maxLength: 6 }),
      async (actions, extraMethods, tools) => {
        const text = JSON.stringify(document({ actions: { ...actions, extraMethods } }));
        const compiled = await compileTenant(text, GATEWAY);
        if (!compiled.ok) return;
        taken += 1;
        const messages: [string, string | null][] = [
          ...[...MCP_METHODS, ...extraMethods].map((name): [string, null] => [name, null]),
          ...tools.map((name): [string, string] => ["tools/call", name]),
        ];
        const byAction = new Map<string, string>();
        for (const message of messages) {
          const action = deriveAction(...message, compiled.value.actions);
          if (!action.ok) continue;
          const named = JSON.stringify(message);
          expect(byAction.get(action.value) ?? named).toBe(named);
          byAction.set(action.value, named);
        }
      },
    ),
    { seed: 20_261_121, numRuns: 300 },
  );
  // Or nothing was tried.
  expect(taken).toBeGreaterThan(60);
});
