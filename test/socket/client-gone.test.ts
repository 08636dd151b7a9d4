/** A client that goes away quietly: it ends its connection (FIN) instead of resetting it, as most clients do. */

import { setTimeout as sleep } from "node:timers/promises";
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import {
  createMcpHandler,
  fromJsonSchema,
  McpServer,
  WebStandardStreamableHTTPServerTransport,
} from "@modelcontextprotocol/server";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createFetch } from "../../src/agent/index.ts";
import { answerAsWeb } from "../support/web-server.ts";
import { type Scene, setScene } from "./harness.ts";
import { toolCall } from "./messages.ts";
import type { Arrival, Handler } from "./origin.ts";
import { Connection, toBytes } from "./raw.ts";

/** When the client goes. */
const MOMENTS = ["in the middle of a stream", "before the first event", "before any answer"] as const;

/** How it goes: a half-closed connection says that nothing more will be asked, and counts as gone, too. */
const ENDINGS: Readonly<Record<string, (client: Connection) => void>> = {
  "closes its connection": (client) => client.close(),
  "ends its own direction": (client) => client.socket.end(),
};

const CASES = (["POST", "GET"] as const).flatMap((method) =>
  MOMENTS.flatMap((moment) => Object.keys(ENDINGS).map((ending) => ({ method, moment, ending }))),
);

/** A tenant for each case, so that all can run at the same time. */
const tenantOf = (index: number): string => `case-${index}`;

let scene: Scene;
beforeAll(async () => {
  const cases = Object.fromEntries(CASES.map((_, index) => [tenantOf(index), {}]));
  scene = await setScene({ ...cases, modern: {}, stateless: {}, sessions: {} });
});

const clients: (Connection | Client)[] = [];
afterAll(async () => {
  for (const client of clients) await client.close();
  await scene.close();
});

describe.concurrent("the origin is told, and the outcome is in the audit log", () => {
  test.each(CASES.map((one, index) => [one.method, one.ending, one.moment, index] as const))(
    "%s: the client %s %s",
    async (method, ending, moment, index) => {
      const tenant = tenantOf(index);
      const { client, arrival } = await call(tenant, method);
      if (moment !== "before any answer") {
        arrival.response.writeHead(200, { "content-type": "text/event-stream" }).flushHeaders();
        expect((await client.head()).status).toBe(200);
      }
      if (moment === "in the middle of a stream") {
        arrival.response.write("data: 1\n\n");
        expect((await client.piece())?.toString()).toBe("data: 1\n\n");
      }
      ENDINGS[ending]?.(client);
      expect(await arrival.closed).toBe(false);
      expect(await outcomeOf(tenant)).toMatchObject({ reason: "origin.client_gone", output_hash: null });
    },
  );
});

/** Sends a call that must be admitted, up to the moment when the origin has it and says nothing. */
async function call(
  tenant: string,
  method: "POST" | "GET",
): Promise<{ client: Connection; arrival: Arrival }> {
  const origin = scene.origin(tenant);
  origin.handler = () => {};
  const arriving = origin.next();
  const client = await Connection.open(scene.url);
  clients.push(client);
  client.write(toBytes(await scene.sign(tenant, method === "POST" ? toolCall() : null, { method })));
  return { client, arrival: await arriving };
}

/** Of the only call that a tenant has had. */
async function outcomeOf(tenant: string) {
  for (const deadline = Date.now() + 20_000; Date.now() < deadline; await sleep(100)) {
    const row = await (await scene.runtime.d1())
      .prepare("SELECT reason, output_hash FROM audit_records WHERE tenant = ? AND kind = 'outcome'")
      .bind(tenant)
      .first<{ reason: string | null; output_hash: string | null }>();
    if (row !== null) return row;
  }
  throw new Error("the outcome was not logged");
}

describe("the client of the SDK", () => {
  test("2026-07-28: to abort a call is to close its stream, and the tool's signal is aborted", async () => {
    const { tool, buildServer } = longTool();
    const handler = createMcpHandler(buildServer, { keepAliveMs: 0 });
    scene.origin("modern").handler = serve((request) => handler.fetch(request));
    await abortCall(await connect("modern", "auto"), tool);
  });

  test("2026-07-28: a subscription that is closed", async () => {
    const handler = createMcpHandler(longTool().buildServer, { keepAliveMs: 0 });
    const listening = Promise.withResolvers<AbortSignal>();
    scene.origin("modern").handler = serve((request) => {
      if (request.headers.get("mcp-method") === "subscriptions/listen") listening.resolve(request.signal);
      return handler.fetch(request);
    });
    const client = await connect("modern", "auto");
    const subscription = await client.listen({ toolsListChanged: true });
    const signal = await listening.promise;
    expect(signal.aborted).toBe(false);
    const aborted = abortOf(signal);
    await subscription.close();
    await aborted;
  });

  test("2025-11-25, a server without sessions: a client that is closed in the middle of a call", async () => {
    const { tool, buildServer } = longTool();
    const handler = createMcpHandler(buildServer, { keepAliveMs: 0 });
    scene.origin("stateless").handler = serve((request) => handler.fetch(request));
    const client = await connect("stateless", "legacy");
    const calling = expect(search(client)).rejects.toThrow();
    await tool.started;
    await client.close();
    await calling;
    await tool.aborted;
  });

  test("2025-11-25, a server with sessions: to abort a call is to post a notification, which passes", async () => {
    const { tool, buildServer } = longTool();
    const transport = new WebStandardStreamableHTTPServerTransport({
      sessionIdGenerator: () => crypto.randomUUID(),
    });
    await buildServer().connect(transport);
    scene.origin("sessions").handler = serve((request) => transport.handleRequest(request));
    await abortCall(await connect("sessions", "legacy"), tool);
  });
});

/** Servers with a tool that answers only once it is told to stop, and what becomes of its call. */
function longTool() {
  const started = Promise.withResolvers<void>();
  const aborted = Promise.withResolvers<void>();
  const inputSchema = fromJsonSchema<{ query: string }>({ type: "object" });
  const buildServer = (): McpServer => {
    const capabilities = { tools: { listChanged: true } };
    const server = new McpServer({ name: "origin", version: "1.0.0" }, { capabilities });
    server.registerTool("search", { inputSchema }, async (_arguments, { mcpReq }) => {
      started.resolve();
      await abortOf(mcpReq.signal);
      aborted.resolve();
      return { content: [] };
    });
    return server;
  };
  return { tool: { started: started.promise, aborted: aborted.promise }, buildServer };
}

const abortOf = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));

/** Has a server of the SDK answer, whose request is aborted when its connection closes early. */
function serve(answer: (request: Request) => Promise<Response>): Handler {
  return ({ rawHeaders: headers, response, ...request }) =>
    answerAsWeb({ headers, ...request }, response, answer).catch(() => {}); // it was closed early, as the tests want it
}

async function connect(tenant: string, mode: "legacy" | "auto"): Promise<Client> {
  const endpoint = scene.endpoint(tenant);
  const options = await scene.options(tenant);
  const client = new Client(
    { name: "reader", version: "1.0.0" },
    mode === "auto" ? { versionNegotiation: { mode } } : {},
  );
  clients.push(client);
  await client.connect(
    new StreamableHTTPClientTransport(new URL(endpoint), { fetch: createFetch({ ...options, endpoint }) }),
  );
  return client;
}

/** Aborts a call that has begun, and waits until its tool knows. */
async function abortCall(client: Client, tool: ReturnType<typeof longTool>["tool"]): Promise<void> {
  const abort = new AbortController();
  const calling = expect(search(client, abort.signal)).rejects.toThrow();
  await tool.started;
  abort.abort();
  await calling;
  await tool.aborted;
}

const search = (client: Client, signal?: AbortSignal) =>
  client.callTool({ name: "search", arguments: { query: "wax" } }, signal === undefined ? {} : { signal });
