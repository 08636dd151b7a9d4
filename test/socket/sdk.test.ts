/** The client of the MCP TypeScript SDK with the kit's fetch, through Countersign, to real servers of the SDK. */

import { Client, ProtocolError, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { createFetch, type FetchFunction, SESSION_ACTIONS } from "../../src/agent/index.ts";
import { type Scene, setScene, TOOLS, type Wishes } from "./harness.ts";
import { type McpOrigin, startMcpOrigin } from "./mcp-origin.ts";
import { rpc, toolCall } from "./messages.ts";

let scene: Scene;
let stateful: McpOrigin;
let modern: McpOrigin;
beforeAll(async () => {
  [stateful, modern] = await Promise.all([startMcpOrigin("sessions"), startMcpOrigin("both eras")]);
  scene = await setScene({
    stateful: { origin: { url: stateful.url } },
    modern: { origin: { url: modern.url } },
    loud: { origin: { url: modern.url } },
  });
});
afterAll(async () => {
  await scene.close();
  await Promise.all([stateful.close(), modern.close()]);
});

/** `METHOD status reason` of every exchange, in order, without the reason where it was admitted. */
const exchanges: string[] = [];
beforeEach(() => void exchanges.splice(0));
const clients: Client[] = [];
afterEach(async () => {
  for (const client of clients.splice(0)) await client.close();
});

const noting: FetchFunction = async (input, init) => {
  const response = await fetch(input, init);
  expect(response.headers.get("countersign-decision")).toMatch(/^[\w-]{22}$/);
  exchanges.push(`${init?.method} ${response.status}`);
  return response;
};

interface Connected {
  readonly client: Client;
  readonly transport: StreamableHTTPClientTransport;
}

async function connect(
  tenant: string,
  mode: "legacy" | "auto",
  { tools = [...TOOLS, "fails", "asks"], ...wishes }: Wishes & { tools?: string[] } = {},
  prepare: (client: Client) => void = () => {},
): Promise<Connected> {
  const endpoint = scene.endpoint(tenant);
  const actions = [...SESSION_ACTIONS, ...tools.map((tool) => `mcp.${tool}`)];
  const run = await scene.run(tenant, { actions });
  const options = await scene.options(tenant, { run, ...wishes });
  const client = new Client(
    { name: "reader", version: "1.0.0" },
    {
      ...(mode === "auto" && { versionNegotiation: { mode } }),
      capabilities: { elicitation: { form: {} } },
    },
  );
  prepare(client);
  const transport = new StreamableHTTPClientTransport(new URL(endpoint), {
    fetch: createFetch({ ...options, endpoint, fetch: noting }),
  });
  await client.connect(transport);
  clients.push(client);
  return { client, transport };
}

const POST_HEADERS = { "content-type": "application/json", accept: "application/json, text/event-stream" };

const search = (client: Client, name = "search") => client.callTool({ name, arguments: { query: "wax" } });

describe.each([
  ["legacy", "stateful"],
  ["legacy", "modern"],
  ["auto", "stateful"],
  ["auto", "modern"],
] as const)("version negotiation %s, origin %s", (mode, tenant) => {
  const origin = () => (tenant === "stateful" ? stateful : modern);

  test("lists and calls tools", async () => {
    const before = origin().seen.length;
    const { client } = await connect(tenant, mode);
    const isModern = mode === "auto" && tenant === "modern";
    expect(client.getServerVersion()?.name).toBe("origin");
    expect(origin().seen[before]).toBe(mode === "auto" ? "POST server/discover" : "POST initialize");
    expect(origin().seen.includes("POST initialize", before)).toBe(!isModern);
    const { tools } = await client.listTools();
    expect(tools.map(({ name }) => name)).toEqual(["search", "sealed", "fails", "asks"]);
    expect(await search(client)).toMatchObject({ content: [{ text: "search: wax" }] });
    expect(await search(client, "sealed")).toMatchObject({ content: [{ text: "sealed: wax" }] });
    expect(await search(client, "fails")).toMatchObject({ isError: true });
    expect(exchanges.filter((exchange) => / (401|403|5\d\d)$/.test(exchange))).toEqual([]);
  });

  test("parallel calls", async () => {
    const { client } = await connect(tenant, mode);
    const results = await Promise.all(Array.from({ length: 20 }, () => search(client)));
    for (const result of results) expect(result).toMatchObject({ content: [{ text: "search: wax" }] });
  });
});

describe("a legacy server that keeps sessions", () => {
  test("its GET stream brings notifications, signed by the kit like everything else", async () => {
    const changed = Promise.withResolvers<void>();
    const { client, transport } = await connect("stateful", "legacy", {}, (made) => {
      made.setNotificationHandler("notifications/tools/list_changed", () => changed.resolve());
    });
    await client.listTools();
    await until(() => exchanges.includes("GET 200"));
    expect(stateful.sessions.has(transport.sessionId ?? "")).toBe(false);
    [...stateful.sessions.values()].at(-1)?.sendToolListChanged();
    await changed.promise;
  });

  test("DELETE ends the session, at the origin too", async () => {
    const { client, transport } = await connect("stateful", "legacy");
    const session = [...stateful.sessions.keys()].at(-1) ?? "";
    expect(transport.sessionId).not.toContain(session);
    await transport.terminateSession();
    expect(exchanges).toContain("DELETE 200");
    expect(stateful.sessions.has(session)).toBe(false);
    await client.close();
  });

  test("a request of the server in the middle of a call: the client's answer passes", async () => {
    const { client } = await connect("stateful", "legacy", {}, (made) => {
      made.setRequestHandler("elicitation/create", async ({ params }) => ({
        action: "accept",
        content: { name: `asked for ${params.message}` },
      }));
    });
    expect(await search(client, "asks")).toMatchObject({
      content: [{ text: 'accept: {"name":"asked for wax"}' }],
    });
    expect(stateful.seen).toContain("POST response");
  });

  test("a session that has ended: the origin's 404 comes through, so that the client starts anew", async () => {
    const { client, transport } = await connect("stateful", "legacy");
    await transport.terminateSession();
    await expect(search(client)).rejects.toThrow();
    expect(exchanges.at(-1)).toMatch(/^POST 4/);
  });
});

test.each([
  ["2025-03-26", {}],
  ["2025-06-18", { "mcp-protocol-version": "2025-06-18" }],
  ["2025-11-25", { "mcp-protocol-version": "2025-11-25" }],
])("revision %s: a session from initialize to DELETE", async (revision, version) => {
  const run = await scene.run("stateful");
  let session = {};
  const send = async (body: string | null, headers: Record<string, string>, method = "POST") =>
    scene.send(
      await scene.sign("stateful", body, {
        run,
        method,
        headers: { ...POST_HEADERS, ...session, ...headers },
      }),
    );
  const clientInfo = { name: "by hand", version: "1" };
  const begun = await send(
    rpc("initialize", { protocolVersion: revision, capabilities: {}, clientInfo }),
    {},
  );
  expect([begun.status, begun.text]).toEqual([
    200,
    expect.stringContaining(`"protocolVersion":"${revision}"`),
  ]);
  session = { "mcp-session-id": begun.headers.get("mcp-session-id") ?? "" };
  const initialized = await send(rpc("notifications/initialized", {}, null), version);
  expect([initialized.status, initialized.text]).toEqual([202, ""]);
  expect((await send(toolCall(), version)).text).toContain("search: wax");
  expect((await send(null, version, "DELETE")).status).toBe(200);
  // Its server is gone: what it says to that, the client is told.
  expect([400, 404]).toContain((await send(toolCall(), version)).status);
});

describe("what a client gets wrong is answered as the origin answers it", () => {
  const meta = (version: string) => ({
    "io.modelcontextprotocol/protocolVersion": version,
    "io.modelcontextprotocol/clientCapabilities": {},
  });
  const modernHeaders = (method: string) => ({ "mcp-protocol-version": "2026-07-28", "mcp-method": method });

  /** The same request, signed through Countersign and plain to the origin: status and error code of each. */
  async function both(body: string, headers: Record<string, string>) {
    const signed = await scene.send(await scene.sign("modern", body, { headers }));
    const direct = await fetch(modern.url, {
      method: "POST",
      headers: { ...POST_HEADERS, ...headers },
      body,
    });
    const code = (text: string) => /"code":(-?\d+)/.exec(text)?.[1];
    return [
      [signed.status, code(signed.text)],
      [direct.status, code(await direct.text())],
    ];
  }

  test.each<[string, string, Record<string, string>]>([
    ["an unknown method", rpc("no/such"), {}],
    [
      "an unknown method, 2026-07-28",
      rpc("no/such", { _meta: meta("2026-07-28") }),
      modernHeaders("no/such"),
    ],
    ["a removed method, 2026-07-28", rpc("ping", { _meta: meta("2026-07-28") }), modernHeaders("ping")],
    [
      "a version nobody speaks",
      rpc("server/discover", { _meta: meta("2099-01-01") }),
      { "mcp-protocol-version": "2099-01-01", "mcp-method": "server/discover" },
    ],
    ["Accept without event streams", rpc("tools/list"), { accept: "application/json" }],
    ["Accept with neither", rpc("tools/list"), { accept: "text/html" }],
  ])("%s", async (_name, body, headers) => {
    const [signed, direct] = await both(body, headers);
    expect(signed).toEqual(direct);
  });
});

/** The content of a tool result, where it is JSON. */
function told({ content: [first] }: Awaited<ReturnType<typeof search>>): unknown {
  return first?.type === "text" ? JSON.parse(first.text) : null;
}

describe("denials as the client sees them", () => {
  test.each(["legacy", "auto"] as const)("%s: a tool outside the mandate is a typed error", async (mode) => {
    const { client } = await connect("modern", mode, { tools: ["search"] });
    const error: unknown = await search(client, "fails").catch((thrown) => thrown);
    expect(error).toBeInstanceOf(ProtocolError);
    expect(error).toMatchObject({
      code: 403,
      data: { reason: "capability.missing", decision: expect.any(String) },
    });
    // And the connection is as good as before.
    expect(await search(client)).toMatchObject({ content: [{ text: "search: wax" }] });
  });

  test.each(["legacy", "auto"] as const)("%s: a missing attestation is a tool result", async (mode) => {
    const never = { signer: scene.reader.attestor, intent: "none", when: () => false };
    const { client } = await connect("modern", mode, { attestation: never });
    const result = await search(client, "sealed");
    expect(result).toMatchObject({ isError: true });
    expect(told(result)).toEqual({ attestationError: true, reason: "attestation_required" });
  });

  test.each(["legacy", "auto"] as const)("%s: an attestation of another agent too", async (mode) => {
    const { client } = await connect("modern", mode, {
      attestation: { signer: scene.writer.attestor, intent: "test" },
    });
    expect(told(await search(client, "sealed"))).toEqual({
      attestationError: true,
      reason: "signature_invalid",
    });
  });

  test("no trust, no downgrade: a client that negotiates does not fall back to the legacy era", async () => {
    const before = modern.seen.length;
    const stranger = { ...scene.reader.signer, kid: "nobody" };
    await expect(connect("loud", "auto", { signer: stranger })).rejects.toThrow();
    expect(exchanges).toEqual(["POST 403"]);
    expect(modern.seen.length).toBe(before);
  });
});

async function until(probe: () => boolean): Promise<void> {
  for (const deadline = Date.now() + 10_000; !probe(); ) {
    if (Date.now() > deadline) throw new Error("waited in vain");
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
