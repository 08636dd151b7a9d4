import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { text as readText } from "node:stream/consumers";
import { createMcpHandler, fromJsonSchema, McpServer } from "@modelcontextprotocol/server";
import { ARTICLES, search, summarize } from "./corpus.ts";

/** A request as the server saw it: what Countersign let through. */
export interface Seen {
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface DemoServer {
  /** The MCP endpoint on loopback. */
  readonly url: string;
  /** Everything that reached it, in order. */
  readonly seen: readonly Seen[];
  close(): Promise<void>;
}

const text = (value: string) => ({ content: [{ type: "text" as const, text: value }] });

function buildServer(): McpServer {
  const server = new McpServer({ name: "small-library", version: "1.0.0" });
  server.registerTool(
    "search",
    {
      description: "Finds articles of the small library",
      inputSchema: fromJsonSchema<{ query: string; limit?: number }>({
        type: "object",
        properties: { query: { type: "string" }, limit: { type: "integer", minimum: 1, maximum: 10 } },
        required: ["query"],
      }),
    },
    async ({ query, limit }) => {
      const hits = search(query, limit ?? 3);
      if (hits.length === 0) return text("Nothing found.");
      return text(hits.map(({ article, score }) => `${article.id} (${score}): ${article.title}`).join("\n"));
    },
  );
  server.registerTool(
    "summarize",
    {
      description: "Summarizes an article of the small library",
      inputSchema: fromJsonSchema<{ id: string; sentences?: number }>({
        type: "object",
        properties: { id: { type: "string" }, sentences: { type: "integer", minimum: 1, maximum: 5 } },
        required: ["id"],
      }),
    },
    async ({ id, sentences }) => {
      const article = ARTICLES.find((candidate) => candidate.id === id);
      return article
        ? text(summarize(article, sentences ?? 2))
        : { ...text(`No article ${id}.`), isError: true };
    },
  );
  return server;
}

/** A real MCP server on loopback that knows nothing of Countersign. */
export async function startDemoServer(): Promise<DemoServer> {
  const handler = createMcpHandler(() => buildServer());
  const seen: Seen[] = [];
  const server = createServer((request, response) => {
    answer(request, response).catch((error) => response.destroy(error));
  });

  async function answer(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const body = await readText(incoming);
    const headers = Object.fromEntries(
      Object.entries(incoming.headersDistinct).map(([name, lines]) => [name, (lines ?? []).join(", ")]),
    );
    const method = incoming.method ?? "";
    seen.push({ method, headers, body });
    const closed = new AbortController();
    outgoing.on("close", () => closed.abort());
    const response = await handler.fetch(
      new Request(`http://${incoming.headers.host}${incoming.url}`, {
        method,
        headers,
        ...(method === "POST" ? { body } : {}),
        signal: closed.signal,
      }),
    );
    outgoing.writeHead(response.status, Object.fromEntries(response.headers));
    for await (const chunk of response.body ?? []) outgoing.write(chunk);
    outgoing.end();
  }

  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/mcp`,
    seen,
    close: async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}
