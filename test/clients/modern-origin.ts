/** An MCP server of the SDK 2.x on loopback that serves both eras, without sessions. */

import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import {
  acceptedContent,
  createMcpHandler,
  fromJsonSchema,
  inputRequired,
  McpServer,
} from "@modelcontextprotocol/server";
import { BROKEN_TOOLS, isBroken, QUESTION, said, work } from "./origin-tools.ts";

export interface ModernOrigin {
  readonly url: string;
  /** Tells every client that listens that the tools have changed. */
  toolsChanged(): void;
  close(): Promise<void>;
}

export async function startModernOrigin(): Promise<ModernOrigin> {
  const handler = createMcpHandler(buildServer);

  async function answer(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const gone = new AbortController();
    outgoing.once("close", () => gone.abort());
    const { method = "", url = "", headersDistinct } = incoming;
    const body = await text(incoming);
    if (isBroken(body, outgoing)) return;
    const headers = Object.entries(headersDistinct).map(([name, values]) => [name, values?.join(", ") ?? ""]);
    const response = await handler.fetch(
      new Request(`http://127.0.0.1${url}`, {
        method,
        headers: headers as [string, string][],
        signal: gone.signal,
        ...(body !== "" && { body }),
      }),
    );
    outgoing.writeHead(response.status, Object.fromEntries(response.headers)).flushHeaders();
    if (response.body === null) outgoing.end();
    else await pipeline(response.body, outgoing);
  }

  const http = createServer((incoming, outgoing) => {
    answer(incoming, outgoing).catch(() => outgoing.destroy());
  });
  http.listen(0, "127.0.0.1");
  await once(http, "listening");
  const { port } = http.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/mcp`,
    toolsChanged: () => handler.notify.toolsChanged(),
    close: async () => {
      const closed = once(http, "close");
      await handler.close();
      http.close();
      http.closeAllConnections();
      await closed;
    },
  };
}

function buildServer(): McpServer {
  const server = new McpServer({ name: "modern-origin", version: "1.0.0" });
  const inputSchema = fromJsonSchema<{ query: string }>({
    type: "object",
    properties: { query: { type: "string" } },
    required: ["query"],
  });
  for (const name of ["search", "sealed", ...BROKEN_TOOLS]) {
    server.registerTool(name, { description: name, inputSchema }, ({ query }) => said(`${name}: ${query}`));
  }
  server.registerTool("fails", { description: "fails", inputSchema }, () => ({
    ...said("out of order"),
    isError: true,
  }));
  // In the modern era the result says what is missing and the client calls again; in the legacy era the SDK asks.
  server.registerTool("asks", { description: "asks", inputSchema }, ({ query }, { mcpReq }) => {
    const answer = acceptedContent<{ name: string }>(mcpReq.inputResponses, "who");
    if (answer !== undefined) return said(`answered: ${answer.name}`);
    const who = inputRequired.elicit({ message: query, requestedSchema: QUESTION });
    return inputRequired({ inputRequests: { who } });
  });
  server.registerTool("works", { description: "works", inputSchema }, async ({ query }, { mcpReq }) => {
    const progressToken = mcpReq._meta?.progressToken ?? "none";
    await work(query, (progress) =>
      mcpReq.notify({ method: "notifications/progress", params: { progressToken, progress } }),
    );
    return said(`works: ${query}`);
  });
  server.registerResource("note", "test://note", {}, ({ href }) => ({
    contents: [{ uri: href, text: "a note" }],
  }));
  return server;
}
