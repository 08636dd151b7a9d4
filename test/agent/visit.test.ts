import { describe, expect, test } from "vitest";
import { createVisitor, delegateMandate, mintMandate, mintRecord, runIdOf } from "../../src/agent/index.ts";
import { fakeNetwork, issuer, mandate, mandateFor, NOW, p256, URL_OF_TENANT } from "./helpers.ts";

const DECISION = "A".repeat(22);

const visitorOf = (network: ReturnType<typeof fakeNetwork>, endpoint = URL_OF_TENANT) =>
  createVisitor({ endpoint, mandate, signer: p256.signer, now: () => NOW, fetch: network.fetch });

describe("createVisitor", () => {
  test("signs for the URL it asks, without an ECT, and for the audience of the MCP server", async () => {
    const network = fakeNetwork();
    const visitor = visitorOf(network);
    await visitor.receipt(DECISION);
    await visitor.run("abc");
    await visitor.postRecord(
      await mintRecord({ mandate, signer: p256.signer, execAct: "mcp.search", now: NOW }),
    );
    expect(network.sent.map(({ request: { method, url } }) => [method, url])).toEqual([
      ["GET", `https://gateway.example/acme/receipts/${DECISION}`],
      ["GET", "https://gateway.example/acme/runs/abc"],
      ["POST", "https://gateway.example/acme/records"],
    ]);
    for (const { request } of network.sent) {
      expect(request.headers.get("authorization")).toBe(`Bearer ${mandate}`);
      expect(request.headers.get("signature-input")).toContain(`;wimse-aud="${URL_OF_TENANT}"`);
      expect(request.headers.has("wimse-ect")).toBe(false);
    }
    const posted = network.sent[2]?.request;
    expect(posted?.headers.get("content-type")).toBe("application/jwt");
    expect(new TextDecoder().decode(await posted?.arrayBuffer())).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+$/);
  });

  test("an id cannot lead it elsewhere", async () => {
    const network = fakeNetwork();
    await visitorOf(network).run("../../other/mcp?x#y");
    expect(network.sent[0]?.request.url).toBe(
      "https://gateway.example/acme/runs/..%2F..%2Fother%2Fmcp%3Fx%23y",
    );
  });

  test("follows no redirect, which would show the mandate to others", async () => {
    const network = fakeNetwork(() => new Response(null, { status: 302, headers: { location: "/x" } }));
    await expect(visitorOf(network).run("abc")).rejects.toThrow("redirect");
  });
});

describe("runIdOf", () => {
  const named = (id: string) => JSON.parse(atob(id.replaceAll("-", "+").replaceAll("_", "/")));

  test("is one for each mandate, or for all of one workflow", async () => {
    const one = await mandateFor({ jti: "m" });
    expect(named(runIdOf(one))).toEqual(["jti", "https://issuer.example", "m"]);
    const shared = await mandateFor({ jti: "n", wid: "w" });
    expect(named(runIdOf(shared))).toEqual(["wid", "https://issuer.example", "w"]);
  });

  test("is that of the root issuer's workflow for a mandate that was handed on", async () => {
    const grant = { purpose: "test", actions: ["mcp.search"], now: NOW };
    const parent = await mintMandate({
      ...grant,
      signer: issuer.signer,
      iss: "https://issuer.example",
      sub: "agent:researcher",
      aud: URL_OF_TENANT,
      wid: "w",
      maxDepth: 1,
    });
    const child = await delegateMandate({ ...grant, parent, signer: p256.signer, sub: "agent:other" });
    expect(runIdOf(child)).toBe(runIdOf(parent));
  });
});
