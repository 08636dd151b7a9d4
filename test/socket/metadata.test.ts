/** Protected resource metadata (RFC 9728) and the challenges that lead to it; and what browsers are told. */

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Scene, setScene } from "./harness.ts";
import { decisionOf, rpc, told, toolCall, withHeader } from "./messages.ts";
import { type Answer, exchange, toBytes, type Wire } from "./raw.ts";

const WELL_KNOWN = "/.well-known/oauth-protected-resource";
const HOSTED = "https://mcp.acme.example/v1/mcp";
const SITE = "https://app.example";
const OAUTH = { authorizationServers: ["https://auth.acme.example"], scopes: ["tools:read", "tools:call"] };

let scene: Scene;
beforeAll(async () => {
  scene = await setScene({
    plain: {},
    acme: { oauth: OAUTH, allowedOrigins: [SITE] },
    hosted: { publicUrl: HOSTED, oauth: OAUTH },
    suspended: { status: "suspended" },
  });
});
afterAll(() => scene.close());

function ask(
  target: string,
  { method = "GET", host = new URL(scene.url).host, headers = [] as [string, string][] } = {},
): Promise<Answer> {
  const wire: Wire = { method, target, headers: [["Host", host], ...headers], body: Buffer.alloc(0) };
  return exchange(scene.url, toBytes(wire));
}

describe("the document", () => {
  test("of a path tenant stands at the path that goes with its URL", async () => {
    const answer = await ask(`${WELL_KNOWN}/acme/mcp`);
    expect(answer.status).toBe(200);
    expect(answer.headers.get("content-type")).toMatch(/^application\/json/);
    expect(answer.headers.get("access-control-allow-origin")).toBe("*");
    decisionOf(answer);
    expect(JSON.parse(answer.text)).toEqual({
      resource: scene.endpoint("acme"),
      authorization_servers: OAUTH.authorizationServers,
      scopes_supported: OAUTH.scopes,
      bearer_methods_supported: ["header"],
    });
  });

  test("of a tenant with a host of its own stands at both paths, with the URL of the configuration", async () => {
    const host = "mcp.acme.example";
    for (const target of [`${WELL_KNOWN}/v1/mcp`, WELL_KNOWN]) {
      // What a proxy in front says of scheme and host changes nothing.
      const headers: [string, string][] = [
        ["X-Forwarded-Proto", "http"],
        ["X-Forwarded-Host", "evil.example"],
      ];
      const answer = await ask(target, { host, headers });
      expect(answer.status).toBe(200);
      expect(JSON.parse(answer.text)).toMatchObject({ resource: HOSTED });
    }
  });

  test("says nothing of servers and scopes that the tenant does not name", async () => {
    const answer = await ask(`${WELL_KNOWN}/plain/mcp`);
    expect(JSON.parse(answer.text)).toEqual({
      resource: scene.endpoint("plain"),
      bearer_methods_supported: ["header"],
    });
  });

  test("needs no evidence, of whatever site, and is there for a suspended tenant", async () => {
    const headers: [string, string][] = [["Origin", "https://elsewhere.example"]];
    expect((await ask(`${WELL_KNOWN}/acme/mcp`, { headers })).status).toBe(200);
    expect((await ask(`${WELL_KNOWN}/suspended/mcp`)).status).toBe(200);
  });

  test("HEAD, OPTIONS and other methods", async () => {
    const path = `${WELL_KNOWN}/acme/mcp`;
    expect(await headOf(path)).toBe(200);
    const preflight = await ask(path, { method: "OPTIONS", headers: [["Origin", SITE]] });
    expect([preflight.status, preflight.headers.get("access-control-allow-origin")]).toEqual([204, "*"]);
    const posted = await ask(path, { method: "POST" });
    expect([posted.status, posted.headers.get("allow")]).toEqual([405, "GET, HEAD, OPTIONS"]);
  });

  test.each([
    `${WELL_KNOWN}/nobody/mcp`,
    WELL_KNOWN,
    `${WELL_KNOWN}/`,
    `${WELL_KNOWN}x/acme/mcp`,
    `${WELL_KNOWN}/acme/mcp/`,
    `${WELL_KNOWN}//acme/mcp`,
    `${WELL_KNOWN}/../acme/mcp`,
    `${WELL_KNOWN}/acme/%6dcp`,
    `/acme/mcp${WELL_KNOWN}`,
    "/.well-known/",
    "/.well-known/anything",
  ])("what is not served is a 404: %s", async (target) => {
    expect(told(await ask(target))).toMatch(/^404 target\.(unknown|not_canonical)$/);
  });

  test.each([
    "/.well-known/oauth-authorization-server",
    "/.well-known/oauth-authorization-server/acme/mcp",
    "/.well-known/openid-configuration",
    "/register",
    "/authorize",
    "/token",
  ])("who looks for an authorization server here is told that there is none: %s", async (target) => {
    for (const method of ["GET", "POST"]) {
      expect(told(await ask(target, { method }))).toBe("404 target.no_authorization_server");
    }
  });
});

/** A HEAD has the length of an answer that never comes. */
async function headOf(target: string): Promise<number> {
  const response = await fetch(scene.url + target, { method: "HEAD" });
  return response.status;
}

describe("a challenge", () => {
  test("names the document first of all, and the scopes at once", async () => {
    for (const method of ["POST", "GET", "DELETE"]) {
      const wire = await scene.sign("acme", method === "POST" ? toolCall() : null, { method });
      const answer = await exchange(scene.url, toBytes(withHeader(wire, "authorization", null)));
      expect(answer.status).toBe(401);
      expect(answer.headers.get("www-authenticate")).toBe(
        `Bearer realm="mcp", resource_metadata="${scene.url}${WELL_KNOWN}/acme/mcp", scope="tools:read tools:call"`,
      );
    }
  });

  test("of a tenant with a host of its own has the address of the configuration", async () => {
    const wire = await scene.sign("hosted", toolCall());
    const answer = await exchange(scene.url, toBytes(withHeader(wire, "authorization", "Bearer x")));
    expect(answer.headers.get("www-authenticate")).toContain(
      `resource_metadata="https://mcp.acme.example${WELL_KNOWN}/v1/mcp"`,
    );
  });

  test("can be read by a page of an allowed site, and leads somewhere", async () => {
    const wire = await scene.sign("acme", rpc("tools/list"), { headers: { origin: SITE } });
    const answer = await exchange(scene.url, toBytes(withHeader(wire, "authorization", null)));
    expect(answer.headers.get("access-control-allow-origin")).toBe(SITE);
    expect(answer.headers.get("access-control-expose-headers")).toContain("www-authenticate");
    const url = /resource_metadata="([^"]+)"/.exec(answer.headers.get("www-authenticate") ?? "")?.[1] ?? "";
    expect(await (await fetch(url)).json()).toMatchObject({ resource: scene.endpoint("acme") });
  });
});
