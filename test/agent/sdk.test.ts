/** The kit below the client of the MCP TypeScript SDK: whatever that client sends must pass. */

import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { createMcpHandler, McpServer } from "@modelcontextprotocol/server";
import { describe, expect, test } from "vitest";
import { createFetch } from "../../src/agent/index.ts";
import { agent, judge, outcome, URL_OF_TENANT, type Verified, verified } from "./helpers.ts";

/** An MCP server of both eras, behind the checks of the gate. */
function guardedServer() {
  const handler = createMcpHandler(() => {
    const server = new McpServer({ name: "papers", version: "1.0.0" });
    server.registerTool("search", { description: "Finds papers" }, () => ({
      content: [{ type: "text", text: "Tides of the North Sea" }],
    }));
    return server;
  });
  const passed: Verified[] = [];
  const refused: string[] = [];
  const fetch = async (input: string | URL | Request, init?: RequestInit): Promise<Response> => {
    const request = new Request(input, init);
    const judged = await judge(request.clone());
    if (!judged.ok) {
      refused.push(outcome(judged));
      return new Response(null, { status: 403 });
    }
    passed.push(verified(judged));
    const answer = await handler.fetch(request);
    const headers = new Headers(answer.headers);
    if (judged.value.caller.ect !== null) headers.set("countersign-ect", "recorded");
    return new Response(answer.body, { status: answer.status, headers });
  };
  return { fetch, passed, refused };
}

describe.each(["legacy", "auto"] as const)("SDK 2.x, version negotiation %s", (mode) => {
  test("lists and calls tools, with every request signed", async () => {
    const { fetch, passed, refused } = guardedServer();
    const options = agent();
    const transport = new StreamableHTTPClientTransport(new URL(URL_OF_TENANT), {
      fetch: createFetch({ ...options, endpoint: URL_OF_TENANT, fetch }),
    });
    const client = new Client({ name: "researcher", version: "1.0.0" }, { versionNegotiation: { mode } });
    await client.connect(transport);
    const { tools } = await client.listTools();
    expect(tools.map(({ name }) => name)).toEqual(["search"]);
    await client.callTool({ name: "search" });
    const { content } = await client.callTool({ name: "search" });
    expect(content).toMatchObject([{ text: "Tides of the North Sea" }]);
    await client.close();

    expect(refused).toEqual([]);
    const { jti } = options.run.mandate;
    const calls = passed.flatMap(({ caller: { ect } }) => (ect?.execAct === "mcp.search" ? [ect] : []));
    expect(calls.map(({ pred }) => pred)).toEqual([[jti], [jti, calls[0]?.jti]]);
  });
});
