import { describe, expect, test } from "vitest";
import { forwardHeaderProblem } from "../../src/tenant/forward-headers.ts";
import {
  originUrlProblem,
  pathTenantUrl,
  publicUrlProblem,
  webOriginProblem,
} from "../../src/tenant/urls.ts";

describe("a public URL", () => {
  test.each([
    "https://mcp.acme.example/mcp",
    "https://mcp.acme.example:8443/a/b.c/~d",
    "https://xn--bcher-kva.example/mcp",
    "https://mcp.acme.example/mcp/",
    "http://localhost:8787/mcp",
    "http://127.0.0.1:8765/mcp",
    "http://[::1]:8787/mcp",
  ])("%s is canonical", (url) => expect(publicUrlProblem(url)).toBeNull());

  test.each([
    ["", "absolute"],
    ["/mcp", "absolute"],
    ["mcp.acme.example/mcp", "absolute"],
    ["http://mcp.acme.example/mcp", "https"],
    ["http://localhost.acme.example/mcp", "https"],
    ["http://127.0.0.1.acme.example/mcp", "https"],
    ["wss://mcp.acme.example/mcp", "https"],
    ["https://mcp.acme.example", "path"],
    ["https://mcp.acme.example/", "path"],
    ["https://mcp.acme.example/mcp?", "query"],
    ["https://mcp.acme.example/mcp?a=b", "query"],
    ["https://mcp.acme.example/mcp#", "fragment"],
    ["https://user@mcp.acme.example/mcp", "user information"],
    ["https://@mcp.acme.example/mcp", "user information"],
    ["https://mcp.acme.example/a/../mcp", "written as https://mcp.acme.example/mcp"],
    ["https://mcp.acme.example/a/%2e%2e/mcp", "written as"],
    ["https://mcp.acme.example/./mcp", "written as"],
    ["https://mcp.acme.example\\mcp", "written as"],
    ["https://mcp.acme.example/a\\mcp", "written as"],
    ["https://mcp.acme.example:443/mcp", "written as"],
    ["https://MCP.acme.example/mcp", "written as"],
    ["HTTPS://mcp.acme.example/mcp", "written as"],
    ["https://mcp.acme.example./mcp", "dot"],
    ["https:mcp.acme.example/mcp", "written as"],
    [" https://mcp.acme.example/mcp", "written as"],
    ["https://mcp.acme.example/m\tcp", "written as"],
    ["https://bücher.example/mcp", "written as"],
    ["http://127.1/mcp", "written as"],
    ["https://mcp.acme.example//mcp", "plain"],
    ["https://mcp.acme.example/mcp//", "plain"],
    ["https://mcp.acme.example/.mcp", "plain"],
    ["https://mcp.acme.example/.../mcp", "plain"],
    ["https://mcp.acme.example/%6Dcp", "plain"],
    ["https://mcp.acme.example/a%2Fmcp", "plain"],
    ["https://mcp.acme.example/a%5Cmcp", "plain"],
    ["https://mcp.acme.example/b%C3%BCcher", "plain"],
    ["https://mcp.acme.example/bücher", "written as"],
    ["https://mcp.acme.example/mcp;v=1", "plain"],
  ])("%j is not", (url, problem) => expect(publicUrlProblem(url)).toContain(problem));

  test("of a path tenant", () => {
    expect(pathTenantUrl("https://gateway.example", "acme")).toBe("https://gateway.example/acme/mcp");
    expect(pathTenantUrl("https://gateway.example/", "acme")).toBe("https://gateway.example/acme/mcp");
  });
});

describe("an origin URL", () => {
  test.each([
    "https://origin.example",
    "https://origin.example/mcp?key=1",
    "http://[::1]/",
    "http://localhost:9/mcp",
  ])("%s is taken", (url) => expect(originUrlProblem(url)).toBeNull());

  test.each([
    ["origin.example", "absolute"],
    ["http://origin.example/mcp", "https"],
    ["http://10.0.0.1/mcp", "https"],
    ["http://0.0.0.0/mcp", "https"],
    ["file:///etc/passwd", "https"],
    ["https://user:password@origin.example/", "user information"],
    ["https://origin.example/#x", "fragment"],
  ])("%s is refused", (url, problem) => expect(originUrlProblem(url)).toContain(problem));
});

describe("an allowed Origin", () => {
  test.each(["https://app.example", "https://app.example:8443", "http://localhost:3000"])(
    "%s is taken",
    (text) => expect(webOriginProblem(text)).toBeNull(),
  );

  test.each([
    "null",
    "*",
    "https://*.example/",
    "https://app.example/",
    "https://APP.example",
    "https://app.example:443",
    "http://app.example",
  ])("%s is refused", (text) => expect(webOriginProblem(text)).not.toBeNull());
});

describe("a forwarded header", () => {
  test.each(["x-team", "accept-language", "x-request-id"])("%s is taken", (name) =>
    expect(forwardHeaderProblem(name)).toBeNull(),
  );

  test.each([
    ..."authorization cookie host connection content-length transfer-encoding act-mandate act-record wimse-ect".split(
      " ",
    ),
    ..."execution-context signature signature-input content-digest dpop te trailer upgrade keep-alive".split(
      " ",
    ),
    ..."proxy-authorization proxy-x cf-connecting-ip cf-x x-forwarded-for x-forwarded-host".split(" "),
    ..."workload-identity-token x-mcp-attestation forwarded x-real-ip countersign-assertion".split(" "),
  ])("%s never is", (name) => expect(forwardHeaderProblem(name)).toContain("never forwarded"));

  test.each(["", "X-Team", "x team", "x-team:", "x-té"])("%j is no lower-case token", (name) =>
    expect(forwardHeaderProblem(name)).toContain("lower case"),
  );
});
