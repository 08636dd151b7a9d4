import { describe, expect, test } from "vitest";
import { actionOf, readMandate, SESSION_ACTIONS, sessionActions } from "../../src/agent/index.ts";
import { MCP_METHODS } from "../../src/mcp/methods.ts";
import { deriveAction } from "../../src/policy/actions.ts";
import { ISS, mandateFor, NOW, SUB, tenant, URL_OF_TENANT } from "./helpers.ts";

describe("mandate", () => {
  test("reads as it was granted", async () => {
    const token = await mandateFor({ actions: ["mcp.search"], jti: "m-1", wid: "w-1", lifetimeSeconds: 60 });
    expect(readMandate(token)).toEqual({
      token,
      iss: ISS,
      sub: SUB,
      aud: [URL_OF_TENANT],
      iat: NOW,
      exp: NOW + 60,
      jti: "m-1",
      wid: "w-1",
      actions: ["mcp.search"],
    });
  });

  test("lives 900 seconds under a fresh UUID, without a workflow", async () => {
    const [one, other] = [readMandate(await mandateFor()), readMandate(await mandateFor())];
    expect(one.exp - one.iat).toBe(900);
    expect(one.jti).toMatch(/^[0-9a-f-]{36}$/);
    expect(one.jti).not.toBe(other.jti);
    expect(one.wid).toBeNull();
  });

  test.each([
    ["", "act.malformed"],
    ["a.b", "act.malformed"],
    ["eyJhbGciOiJFUzI1NiIsInR5cCI6ImF0K2p3dCJ9.e30.AAAA", "bearer.access_token"],
  ])("reads no mandate from %j", (token, reason) => {
    expect(() => readMandate(token)).toThrow(reason);
  });

  test("an empty list of actions is no mandate", async () => {
    const token = await mandateFor({ actions: [] });
    expect(() => readMandate(token)).toThrow("act.claims");
  });
});

describe("actions", () => {
  test("the default templates are those of a tenant document", () => {
    for (const method of MCP_METHODS) {
      if (method === "tools/call") continue;
      expect(deriveAction(method, null, tenant.actions)).toEqual({ ok: true, value: actionOf(method, null) });
    }
    expect(deriveAction("tools/call", "search", tenant.actions)).toEqual({
      ok: true,
      value: actionOf("tools/call", "search"),
    });
  });

  test("session actions are of every method but tools/call", () => {
    expect(SESSION_ACTIONS).toHaveLength(MCP_METHODS.size - 1);
    expect(SESSION_ACTIONS).toContain("mcp.session.initialize");
    expect(SESSION_ACTIONS).not.toContain("mcp.session.tools.call");
    const own = sessionActions({ session: "s:{method}", extraMethods: ["ui/open"] });
    expect(own).toContain("s:ui.open");
    expect(own).toContain("s:tools.list");
  });

  test.each([
    ["unknown/method", null, "message.method_unknown"],
    ["tools/call", "session.initialize", "message.tool_name_reserved"],
  ])("there is no action for %s %s", (method, tool, reason) => {
    expect(() => actionOf(method, tool)).toThrow(reason);
  });
});
