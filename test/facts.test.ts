import { describe, expect, test } from "vitest";
import { readFacts } from "../src/facts.ts";
import { MAX_HEADER_COUNT, MAX_HEADERS_BYTES } from "../src/limits.ts";
import type { Reason } from "../src/reasons.ts";
import { outcome, unwrap } from "./support/acme.ts";

/** What a server hands over; `new Request` would write the URL anew. */
const received = (url: string, headers: HeadersInit = {}, cf?: object): Request =>
  ({
    method: "POST",
    url,
    headers: new Headers(headers),
    body: null,
    signal: new AbortController().signal,
    cf,
  }) as unknown as Request;

describe("the raw target", () => {
  test.each<[string, string, string, string | null]>([
    ["https://a.example/acme/mcp", "a.example", "/acme/mcp", null],
    ["http://a.example:8080/acme/mcp", "a.example:8080", "/acme/mcp", null],
    ["http://[::1]:8787/acme/mcp", "[::1]:8787", "/acme/mcp", null],
    ["https://a.example", "a.example", "/", null],
    ["https://a.example?x", "a.example", "/", "?x"],
    ["https://a.example/mcp?", "a.example", "/mcp", "?"],
    ["https://a.example/mcp?a=b?c", "a.example", "/mcp", "?a=b?c"],
    ["https://a.example/mcp?x#y", "a.example", "/mcp", "?x"],
    ["https://a.example/a/../mcp", "a.example", "/a/../mcp", null],
    ["https://a.example//mcp", "a.example", "//mcp", null],
    ["https://a.example/%6dcp", "a.example", "/%6dcp", null],
    ["https://a.example/mcp%2f", "a.example", "/mcp%2f", null],
    ["https://a.example/a\\mcp", "a.example", "/a\\mcp", null],
    ["https://A.example:8443/Mcp", "a.example:8443", "/Mcp", null],
    ["https://user:pw@a.example/mcp", "user:pw@a.example", "/mcp", null],
    // Two Host headers, joined: a host that no tenant has.
    ["http://a.example, b.example/mcp", "a.example, b.example", "/mcp", null],
  ])("%s", (url, host, path, query) => {
    expect(unwrap(readFacts(received(url)))).toMatchObject({ host, path, query });
  });

  test.each([
    "",
    "/mcp",
    "a.example/mcp",
    "a.example, b.example",
    "ftp://a.example/mcp",
    "http:/a.example/mcp",
  ])("no URL we serve: %j", (url) => {
    expect(outcome(readFacts(received(url)))).toBe("target.unknown");
  });
});

describe("headers", () => {
  const lines = (count: number) =>
    Object.fromEntries(Array.from({ length: count }, (_, i) => [`x-${i}`, "y"]));
  test.each<[string, Record<string, string>, Reason | "ok"]>([
    ["none", {}, "ok"],
    ["as many as may be", lines(MAX_HEADER_COUNT), "ok"],
    ["one more", lines(MAX_HEADER_COUNT + 1), "request.too_many_headers"],
    ["as large as may be", { x: "y".repeat(MAX_HEADERS_BYTES - 1) }, "ok"],
    ["a tab", { x: "a\tb" }, "ok"],
    ["a control character", { x: "a\x01b" }, "request.header_value"],
    ["DEL", { x: "a\x7fb" }, "request.header_value"],
    ["one octet more", { x: "y".repeat(MAX_HEADERS_BYTES) }, "request.headers_too_large"],
    [
      "names count too",
      { ["x".repeat(100)]: "y".repeat(MAX_HEADERS_BYTES - 99) },
      "request.headers_too_large",
    ],
    [
      "together",
      { a: "y".repeat(MAX_HEADERS_BYTES / 2), b: "y".repeat(MAX_HEADERS_BYTES / 2) },
      "request.headers_too_large",
    ],
  ])("%s", (_, headers, expected) => {
    expect(outcome(readFacts(received("https://a.example/mcp", headers)))).toBe(expected);
  });

  test("names are lower case, repeated lines joined", () => {
    const request = received("https://a.example/mcp", [
      ["Wimse-ECT", "a"],
      ["wimse-ect", "b"],
    ]);
    expect(unwrap(readFacts(request)).headers.get("wimse-ect")).toBe("a, b");
  });
});

describe("the client's address", () => {
  const header = { "cf-connecting-ip": "203.0.113.7" };
  test("is believed of Cloudflare's edge alone", () => {
    expect(unwrap(readFacts(received("https://a.example/", header, {}))).clientAddress).toBe("203.0.113.7");
    expect(unwrap(readFacts(received("https://a.example/", header))).clientAddress).toBeNull();
    expect(unwrap(readFacts(received("https://a.example/", {}, {}))).clientAddress).toBeNull();
  });
});

test("a real request", async () => {
  const request = new Request("https://a.example/mcp?x", {
    method: "POST",
    body: "hello",
    headers: { a: "b" },
  });
  const facts = unwrap(readFacts(request));
  expect(facts).toMatchObject({ method: "POST", host: "a.example", path: "/mcp", query: "?x" });
  expect(facts.headers.get("a")).toBe("b");
  expect(await new Response(facts.body).text()).toBe("hello");
});
