import { describe, expect, test } from "vitest";
import { toBase64url, utf8 } from "../../src/encoding.ts";
import type { JsonObject, JsonValue } from "../../src/json/strict-json.ts";
import type { Message } from "../../src/mcp/message.ts";
import { checkMirroredHeaders, isModern } from "../../src/mcp/mirrored-headers.ts";
import type { Reason } from "../../src/reasons.ts";
import { outcome } from "../support/acme.ts";

const MODERN = "2026-07-28";
const KEY = "io.modelcontextprotocol/protocolVersion";

const message = (
  method: string,
  params: JsonObject,
  version?: JsonValue,
  kind: "request" | "notification" = "request",
): Message => {
  const all = version === undefined ? params : { ...params, _meta: { [KEY]: version } };
  return kind === "request"
    ? { kind, id: 1, method, params: all, tool: null }
    : { kind, method, params: all };
};

const judge = (headers: Record<string, string>, of: Message) =>
  outcome(checkMirroredHeaders(new Map(Object.entries(headers)), of));

const ALL = { "mcp-protocol-version": MODERN, "mcp-method": "tools/call", "mcp-name": "search" };
const without = (name: keyof typeof ALL) => {
  const { [name]: _, ...rest } = ALL;
  return rest as Record<string, string>;
};
const modernCall = message("tools/call", { name: "search" }, MODERN);
const legacyCall = message("tools/call", { name: "search" });

describe("server/discover", () => {
  const discover = message("server/discover", {}, MODERN);
  test.each<[string, Record<string, string>, Reason | "ok"]>([
    ["another version: the server says which it speaks", { "mcp-protocol-version": "2024-11-05" }, "ok"],
    ["no version", {}, "ok"],
    ["another method", { "mcp-method": "tools/call" }, "message.header_mismatch"],
  ])("%s", (_, headers, expected) => {
    expect(judge({ "mcp-method": "server/discover", ...headers }, discover)).toBe(expected);
  });
});

describe("a modern request", () => {
  test.each<[string, Record<string, string>, Message, Reason | "ok"]>([
    ["all there", ALL, modernCall, "ok"],
    ["none there", {}, modernCall, "message.header_missing"],
    ["no version", without("mcp-protocol-version"), modernCall, "message.header_missing"],
    ["no method", without("mcp-method"), modernCall, "message.header_missing"],
    ["no name", without("mcp-name"), modernCall, "message.header_missing"],
    [
      "another version",
      { ...ALL, "mcp-protocol-version": "2025-11-25" },
      modernCall,
      "message.header_mismatch",
    ],
    ["another method", { ...ALL, "mcp-method": "tools/list" }, modernCall, "message.header_mismatch"],
    [
      "the method in another case",
      { ...ALL, "mcp-method": "Tools/call" },
      modernCall,
      "message.header_mismatch",
    ],
    ["another tool", { ...ALL, "mcp-name": "delete" }, modernCall, "message.header_mismatch"],
    ["the tool in another case", { ...ALL, "mcp-name": "Search" }, modernCall, "message.header_mismatch"],
    ["an empty name", { ...ALL, "mcp-name": "" }, modernCall, "message.header_mismatch"],
    ["two lines of a name", { ...ALL, "mcp-name": "search, search" }, modernCall, "message.header_mismatch"],
    [
      "two lines of a method",
      { ...ALL, "mcp-method": "tools/call, tools/list" },
      modernCall,
      "message.header_mismatch",
    ],
    [
      "a prompt without its name in a header",
      { ...without("mcp-name"), "mcp-method": "prompts/get" },
      message("prompts/get", { name: "p" }, MODERN),
      "message.header_missing",
    ],
    [
      "a resource by its uri",
      { ...ALL, "mcp-method": "resources/read", "mcp-name": "file:///a" },
      message("resources/read", { uri: "file:///a", name: "b" }, MODERN),
      "ok",
    ],
    [
      "a resource by its name",
      { ...ALL, "mcp-method": "resources/read", "mcp-name": "b" },
      message("resources/read", { uri: "file:///a", name: "b" }, MODERN),
      "message.header_mismatch",
    ],
    [
      "a method without a name",
      { ...without("mcp-name"), "mcp-method": "tools/list" },
      message("tools/list", {}, MODERN),
      "ok",
    ],
    [
      "a name that is no string",
      { ...ALL, "mcp-method": "prompts/get", "mcp-name": "1" },
      message("prompts/get", { name: 1 }, MODERN),
      "message.header_mismatch",
    ],
    ["a later revision", {}, message("tools/list", {}, "2027-01-01"), "message.header_missing"],
    ["parameters of the tool are left to the origin", { ...ALL, "mcp-param-x": "y" }, modernCall, "ok"],
  ])("%s", (_, headers, of, expected) => {
    expect(judge(headers, of)).toBe(expected);
  });
});

describe("a legacy request", () => {
  test.each<[string, Record<string, string>, Message, Reason | "ok"]>([
    ["none there", {}, legacyCall, "ok"],
    ["all there and right", ALL, legacyCall, "ok"],
    ["the version alone, as of 2025-06-18", { "mcp-protocol-version": "2025-06-18" }, legacyCall, "ok"],
    ["another method", { "mcp-method": "tools/list" }, legacyCall, "message.header_mismatch"],
    ["another tool", { "mcp-name": "delete" }, legacyCall, "message.header_mismatch"],
    ["a claimed version without headers", {}, message("ping", {}, "2025-11-25"), "ok"],
    [
      "a claimed version and another header",
      { "mcp-protocol-version": MODERN },
      message("ping", {}, "2025-11-25"),
      "message.header_mismatch",
    ],
    [
      "a version that is no string",
      { "mcp-protocol-version": "1" },
      message("ping", {}, 1),
      "message.header_mismatch",
    ],
    ["a notification needs none", {}, message("notifications/cancelled", {}, MODERN, "notification"), "ok"],
    [
      "a notification with another method",
      { "mcp-method": "tools/call" },
      message("notifications/cancelled", {}, MODERN, "notification"),
      "message.header_mismatch",
    ],
    [
      "a response with a method",
      { "mcp-method": "tools/call" },
      { kind: "response" },
      "message.header_mismatch",
    ],
    ["a stream with a name", { "mcp-name": "delete" }, { kind: "stream" }, "message.header_mismatch"],
    [
      "a name where there is none",
      { "mcp-name": "delete" },
      message("tools/list", {}),
      "message.header_mismatch",
    ],
    ["a task", { "mcp-name": "t-1" }, message("tasks/get", { taskId: "t-1" }), "ok"],
    [
      "another task",
      { "mcp-name": "t-2" },
      message("tasks/cancel", { taskId: "t-1" }),
      "message.header_mismatch",
    ],
    ["a name of an extension's method", { "mcp-name": "x" }, message("ui/open", {}), "ok"],
    ["a response", {}, { kind: "response" }, "ok"],
    ["a stream", { "mcp-protocol-version": MODERN }, { kind: "stream" }, "ok"],
  ])("%s", (_, headers, of, expected) => {
    expect(judge(headers, of)).toBe(expected);
  });
});

describe("the encoded form", () => {
  const greeting = "Hello, 世界";
  const call = (name: string) => message("prompts/get", { name });
  const binary = btoa(String.fromCharCode(...utf8("search")));
  test.each<[string, string, string, Reason | "ok"]>([
    ["the example of the specification", "=?base64?SGVsbG8sIOS4lueVjA==?=", greeting, "ok"],
    ["plain ASCII, encoded all the same", `=?base64?${binary}?=`, "search", "ok"],
    ["another value", `=?base64?${binary}?=`, "delete", "message.header_mismatch"],
    ["nothing encoded", "=?base64??=", "", "ok"],
    ["a name that looks encoded, in plain", "=?base64?eA==?=", "=?base64?eA==?=", "message.header_mismatch"],
    ["a name that looks encoded, encoded", `=?base64?${btoa("=?base64?eA==?=")}?=`, "=?base64?eA==?=", "ok"],
    ["the marker in capitals is plain text", "=?BASE64?eA==?=", "x", "message.header_mismatch"],
    ["no base64", "=?base64?***?=", "x", "message.header_mismatch"],
    ["no padding", "=?base64?eA?=", "x", "message.header_mismatch"],
    ["unused bits", "=?base64?eB==?=", "x", "message.header_mismatch"],
    ["white space", "=?base64?e A==?=", "x", "message.header_mismatch"],
    [
      "base64url",
      `=?base64?${toBase64url(new Uint8Array([0xef, 0xbf, 0xbe]))}?=`,
      "\ufffe",
      "message.header_mismatch",
    ],
    ["not UTF-8", "=?base64?/w==?=", "\ufffd", "message.header_mismatch"],
    ["no end", "=?base64?eA==", "x", "message.header_mismatch"],
    ["raw UTF-8", greeting, greeting, "ok"],
  ])("%s", (_, header, name, expected) => {
    expect(judge({ "mcp-name": header }, call(name))).toBe(expected);
  });

  test.each<[string, string]>([
    ["mcp-method", btoa("prompts/get")],
    ["mcp-protocol-version", btoa(MODERN)],
  ])("is not for %s", (header, encoded) => {
    const of = message("prompts/get", { name: "x" }, MODERN);
    const good = { "mcp-protocol-version": MODERN, "mcp-method": "prompts/get", "mcp-name": "x" };
    expect(judge(good, of)).toBe("ok");
    expect(judge({ ...good, [header]: `=?base64?${encoded}?=` }, of)).toBe("message.header_mismatch");
  });
});

describe("isModern", () => {
  test.each<[string, Message, boolean]>([
    ["no claim", legacyCall, false],
    ["2026-07-28", modernCall, true],
    ["later", message("ping", {}, "2026-12-01"), true],
    ["2025-11-25", message("ping", {}, "2025-11-25"), false],
    ["a number", message("ping", {}, 20260728), false],
    ["null", message("ping", {}, null), false],
    ["a notification", message("x", {}, MODERN, "notification"), false],
    ["a response", { kind: "response" }, false],
  ])("%s: %s", (_, of, expected) => {
    expect(isModern(of)).toBe(expected);
  });
});
