/** An MCP server of the SDK 2.x on loopback that serves both eras, without sessions. */

import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { buffer } from "node:stream/consumers";
import {
  acceptedContent,
  createMcpHandler,
  fromJsonSchema,
  inputRequired,
  McpServer,
} from "@modelcontextprotocol/server";
import { answerAsWeb, listen, readRequest } from "../support/web-server.ts";
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
    const body = await buffer(incoming);
    if (isBroken(body.toString(), outgoing)) return;
    await answerAsWeb(readRequest(incoming, body), outgoing, (request) => handler.fetch(request));
  }

  const listening = await listen(
    createServer((incoming, outgoing) => {
      answer(incoming, outgoing).catch(() => outgoing.destroy());
    }),
  );
  return {
    url: `${listening.origin}/mcp`,
    toolsChanged: () => handler.notify.toolsChanged(),
    close: async () => {
      await handler.close();
      await listening.close();
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
