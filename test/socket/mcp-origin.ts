/** Real MCP servers of the SDK on loopback: one that keeps sessions, as legacy ones do, and one of both eras. */

import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { buffer } from "node:stream/consumers";
import {
  createMcpHandler,
  fromJsonSchema,
  McpServer,
  WebStandardStreamableHTTPServerTransport,
} from "@modelcontextprotocol/server";
import { answerAsWeb, listen, readRequest } from "../support/web-server.ts";

export interface McpOrigin {
  readonly url: string;
  /** HTTP method and JSON-RPC method (or kind) of everything that arrived. */
  readonly seen: readonly string[];
  /** Live sessions. */
  readonly sessions: ReadonlyMap<string, McpServer>;
  close(): Promise<void>;
}

function buildServer(): McpServer {
  const server = new McpServer({ name: "origin", version: "1.0.0" });
  const inputSchema = fromJsonSchema<{ query: string }>({
    type: "object",
    properties: { query: { type: "string" } },
    required: ["query"],
  });
  for (const name of ["search", "sealed"]) {
    server.registerTool(name, { description: name, inputSchema }, ({ query }) => ({
      content: [{ type: "text", text: `${name}: ${query}` }],
    }));
  }
  server.registerTool("fails", { description: "fails", inputSchema }, () => {
    throw new Error("out of order");
  });
  // Asks back in the middle of the call: the client answers in a POST of its own.
  server.registerTool("asks", { description: "asks", inputSchema }, async ({ query }) => {
    const { action, content } = await server.server.elicitInput({
      message: query,
      requestedSchema: { type: "object", properties: { name: { type: "string" } } },
    });
    return { content: [{ type: "text", text: `${action}: ${JSON.stringify(content)}` }] };
  });
  return server;
}

/** One server for each session, which lives from `initialize` to DELETE. */
function sessionful(
  sessions: Map<string, McpServer>,
  enableJsonResponse: boolean,
): (request: Request) => Promise<Response> {
  const transports = new Map<string, WebStandardStreamableHTTPServerTransport>();
  return async (request) => {
    const known = transports.get(request.headers.get("mcp-session-id") ?? "");
    if (known !== undefined) return known.handleRequest(request);
    const server = buildServer();
    const transport = new WebStandardStreamableHTTPServerTransport({
      enableJsonResponse,
      sessionIdGenerator: () => crypto.randomUUID(),
      onsessioninitialized: (id) => {
        transports.set(id, transport);
        sessions.set(id, server);
      },
      onsessionclosed: (id) => {
        transports.delete(id);
        sessions.delete(id);
      },
    });
    await server.connect(transport);
    return transport.handleRequest(request);
  };
}

/** @param form what it answers calls with */
export async function startMcpOrigin(
  kind: "sessions" | "both eras",
  form: "sse" | "json" = "sse",
): Promise<McpOrigin> {
  const seen: string[] = [];
  const sessions = new Map<string, McpServer>();
  const handler = createMcpHandler(() => buildServer(), form === "json" ? { responseMode: "json" } : {});
  const fetch =
    kind === "sessions"
      ? sessionful(sessions, form === "json")
      : (request: Request) => handler.fetch(request);

  async function answer(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const body = await buffer(incoming);
    const message = body.length === 0 ? {} : JSON.parse(body.toString());
    const kind = message.method ?? (body.length === 0 ? "" : "response");
    seen.push(`${incoming.method} ${kind}`.trim());
    await answerAsWeb(readRequest(incoming, body), outgoing, fetch);
  }

  const { origin, close } = await listen(
    createServer((incoming, outgoing) => {
      answer(incoming, outgoing).catch((error) => outgoing.destroy(error));
    }),
  );
  return {
    url: `${origin}/mcp`,
    seen,
    sessions,
    close,
  };
}
