/** An MCP server of the SDK 1.x on loopback that keeps sessions: what most servers are today. */

import { createServer } from "node:http";
import { text } from "node:stream/consumers";
import { Server } from "@modelcontextprotocol/sdk/server/index.js";
import { StreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/streamableHttp.js";
import {
  CallToolRequestSchema,
  ElicitResultSchema,
  ListResourcesRequestSchema,
  ListToolsRequestSchema,
  ReadResourceRequestSchema,
} from "@modelcontextprotocol/sdk/types.js";
import { listen } from "../support/web-server.ts";
import { isBroken, QUESTION, said, TOOLS, work } from "./origin-tools.ts";

export interface LegacyOrigin {
  readonly url: string;
  /** Tells every client on its GET stream that the tools have changed. */
  toolsChanged(): void;
  close(): Promise<void>;
}

export async function startLegacyOrigin(): Promise<LegacyOrigin> {
  const sessions = new Map<string, { server: Server; transport: StreamableHTTPServerTransport }>();
  const http = createServer(async (request, response) => {
    const body = await text(request);
    if (isBroken(body, response)) return;
    const parsed = body === "" ? undefined : JSON.parse(body);
    const known = sessions.get(String(request.headers["mcp-session-id"]));
    if (known !== undefined) return known.transport.handleRequest(request, response, parsed);
    const server = buildServer();
    const transport = new StreamableHTTPServerTransport({
      sessionIdGenerator: () => crypto.randomUUID(),
      onsessioninitialized: (id) => void sessions.set(id, { server, transport }),
      onsessionclosed: (id) => void sessions.delete(id),
    });
    await server.connect(transport as Parameters<typeof server.connect>[0]);
    return transport.handleRequest(request, response, parsed);
  });
  const { origin, close } = await listen(http);
  return {
    url: `${origin}/mcp`,
    toolsChanged: () => {
      for (const { server } of sessions.values()) void server.sendToolListChanged();
    },
    close,
  };
}

function buildServer(): Server {
  const server = new Server(
    { name: "legacy-origin", version: "1.0.0" },
    { capabilities: { tools: { listChanged: true }, resources: {} } },
  );
  const inputSchema = { type: "object" as const, properties: { query: { type: "string" } } };
  server.setRequestHandler(ListToolsRequestSchema, () => ({
    tools: TOOLS.map((name) => ({ name, description: name, inputSchema })),
  }));
  server.setRequestHandler(CallToolRequestSchema, async ({ params }, { sendNotification, sendRequest }) => {
    const query = String(params.arguments?.query);
    switch (params.name) {
      case "fails":
        return { ...said("out of order"), isError: true };
      case "asks": {
        // A request to the client in the middle of its call, on the stream of that call.
        const question = { message: query, requestedSchema: QUESTION };
        const request = { method: "elicitation/create" as const, params: question };
        const { content } = await sendRequest(request, ElicitResultSchema);
        return said(`answered: ${content?.name}`);
      }
      case "works": {
        const progressToken = params._meta?.progressToken ?? "none";
        await work(query, (progress) =>
          sendNotification({ method: "notifications/progress", params: { progressToken, progress } }),
        );
        return said(`works: ${query}`);
      }
      default:
        return said(`${params.name}: ${query}`);
    }
  });
  server.setRequestHandler(ListResourcesRequestSchema, () => ({
    resources: [{ uri: "test://note", name: "note" }],
  }));
  server.setRequestHandler(ReadResourceRequestSchema, ({ params: { uri } }) => ({
    contents: [{ uri, text: "a note" }],
  }));
  return server;
}
