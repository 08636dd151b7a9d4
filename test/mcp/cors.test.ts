import { describe, expect, test } from "vitest";
import { addCors, checkOrigin, preflight } from "../../src/mcp/cors.ts";

const ALLOWED = new Set(["https://app.example", "http://localhost:3000"]);

describe("checkOrigin", () => {
  test.each(["https://app.example", "http://localhost:3000"])("allowed: %s", (origin) => {
    expect(checkOrigin(new Map([["origin", origin]]), ALLOWED)).toEqual({ ok: true, value: origin });
  });

  test.each([
    "null",
    "",
    "https://evil.example",
    "https://app.example/",
    "https://app.example:443",
    "https://APP.example",
    "http://app.example",
    "https://app.example.evil.example",
    "https://evil.example/https://app.example",
    "https://app.example, https://app.example",
    "http://localhost",
    "http://localhost:30000",
  ])("refused: %j", (origin) => {
    expect(checkOrigin(new Map([["origin", origin]]), ALLOWED)).toEqual({
      ok: false,
      error: "origin_header.not_allowed",
    });
  });

  test("no browser, no header", () => {
    expect(checkOrigin(new Map(), ALLOWED)).toEqual({ ok: true, value: null });
  });

  test("without a list no browser is let in", () => {
    expect(checkOrigin(new Map([["origin", "https://app.example"]]), new Set()).ok).toBe(false);
  });
});

describe("preflight", () => {
  const allowedHeaders = (asked?: string) =>
    preflight(
      new Map(asked === undefined ? [] : [["access-control-request-headers", asked]]),
      ["POST"],
      new Set(["x-team"]),
    )
      .headers.get("access-control-allow-headers")
      ?.split(", ") ?? [];

  test("allows what the tenant forwards to its origin", () => {
    expect(allowedHeaders()).toContain("x-team");
  });

  test("answers without a body", async () => {
    const response = preflight(new Map(), ["POST", "GET", "DELETE"], new Set());
    expect(response.status).toBe(204);
    expect(await response.text()).toBe("");
    expect(response.headers.get("access-control-allow-methods")).toBe("POST, GET, DELETE");
    expect(response.headers.has("access-control-allow-credentials")).toBe(false);
  });

  test("allows what the transport and the evidence need", () => {
    expect(allowedHeaders()).toEqual(
      expect.arrayContaining([
        "authorization",
        "act-mandate",
        "act-record",
        "content-digest",
        "content-type",
        "signature",
        "signature-input",
        "wimse-ect",
        "execution-context",
        "x-mcp-attestation",
        "workload-identity-token",
        "mcp-method",
        "mcp-name",
        "mcp-protocol-version",
        "mcp-session-id",
        "last-event-id",
        "dpop",
      ]),
    );
  });

  test.each<[string, string[]]>([
    ["mcp-param-region", ["mcp-param-region"]],
    ["Mcp-Param-Region , MCP-PARAM-x_1.y", ["mcp-param-region", "mcp-param-x_1.y"]],
    ["mcp-param-", []],
    ["x-evil", []],
    ["*", []],
    ["mcp-param-a b", []],
    ["mcp-param-a\r\nx: y", []],
    ["x-mcp-param-a", []],
  ])("asked for %j", (asked, expected) => {
    const more = allowedHeaders(asked).filter((name) => !allowedHeaders().includes(name));
    expect(more).toEqual(expected);
  });
});

test("addCors names one origin and keeps what varies already", () => {
  const headers = new Headers({
    vary: "Accept",
    "access-control-allow-origin": "*",
    "access-control-allow-credentials": "true",
    "access-control-expose-headers": "x-of-the-origin",
  });
  addCors(headers, "https://app.example");
  expect(headers.get("access-control-allow-origin")).toBe("https://app.example");
  expect(headers.get("vary")).toBe("Accept, Origin");
  expect(headers.get("access-control-expose-headers")).toContain("countersign-decision");
  expect(headers.get("access-control-expose-headers")).toContain("www-authenticate");
  expect(headers.get("access-control-expose-headers")).toContain("dpop-nonce");
  expect(headers.get("access-control-expose-headers")).toContain("x-of-the-origin");
  expect(headers.has("access-control-allow-credentials")).toBe(false);
});
