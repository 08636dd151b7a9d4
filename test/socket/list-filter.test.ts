/** `tools.filterList`: a caller sees in answers to `tools/list` the tools it may call, and the rest as it was sent. */

import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { createFetch, SESSION_ACTIONS } from "../../src/agent/index.ts";
import { MAX_LIST_BYTES } from "../../src/limits.ts";
import { type Scene, setScene } from "./harness.ts";
import { type McpOrigin, startMcpOrigin } from "./mcp-origin.ts";
import { decisionOf, rpc, told, toolCall } from "./messages.ts";
import { BrokenBody, Connection, toBytes } from "./raw.ts";

const FILTERED = { tools: { filterList: true } };
const FULL = ["mandate", "signature", "ect"] as const;

let scene: Scene;
const EVERY_TOOL = {
  unsafeUnlistedTools: "read" as const,
  grants: [{ agents: ["reader"], scope: "read" as const }],
};

let stateful: McpOrigin;
let modern: McpOrigin;
beforeAll(async () => {
  [stateful, modern] = await Promise.all([startMcpOrigin("sessions"), startMcpOrigin("both eras")]);
  scene = await setScene({
    acme: FILTERED,
    open: {},
    ruled: {
      ...FILTERED,
      policy: { ...EVERY_TOOL, tools: [{ name: "search", scope: "read" }] },
      evidence: [
        { methods: ["tools/call"], tools: ["search"], require: [...FULL] },
        { methods: ["tools/list"], require: [...FULL] },
      ],
    },
    slow: { ...FILTERED, origin: { timeoutSeconds: 1 } },
    stateful: { ...FILTERED, origin: { url: stateful.url } },
    modern: { ...FILTERED, origin: { url: modern.url } },
  });
});
afterAll(async () => {
  await scene.close();
  await Promise.all([stateful.close(), modern.close()]);
});

const opened: { close(): unknown }[] = [];
afterEach(async () => {
  for (const one of opened.splice(0)) await one.close();
});

const actionsOf = (tools: readonly string[]) => [...SESSION_ACTIONS, ...tools.map((tool) => `mcp.${tool}`)];

/** A list as no serialiser of ours would write it. */
const list = (tools: string) =>
  `{ "jsonrpc":"2.0",\n"id" : 1, "result":{"tools":[${tools}], "x":18446744073709551615, "ttlMs":1.0,"cacheScope":"SCOPE"}}`;
const SEARCH = '{"name":"s\\u0065arch","inputSchema":{"maximum":18446744073709551615}}';
const SEALED = '{ "name":"sealed" }';
const HIDDEN = '{"name":"hidden"}';
const SENT = list(`${HIDDEN},${SEARCH},\n${SEALED},${HIDDEN}`).replace("SCOPE", "public");
const SHOWN = list(`${SEARCH},\n${SEALED}`).replace("SCOPE", "private");

const oneLine = (text: string) => text.replaceAll("\n", "");

/** Has the origin of a tenant answer everything with this, and lists the tools there. */
async function answered(
  tenant: string,
  body: string | Uint8Array,
  headers: Readonly<Record<string, string>> = {},
  request = rpc("tools/list"),
) {
  scene.origin(tenant).handler = ({ response }) =>
    void response.writeHead(200, { "content-type": "application/json", ...headers }).end(body);
  return scene.send(await scene.sign(tenant, request));
}

describe("JSON", () => {
  test("the list shrinks, every other byte stays, and the audit log has the hash of what was sent", async () => {
    const answer = await answered("acme", SENT, {
      etag: '"1"',
      "content-digest": "sha-256=:AA==:",
      "x-other": "stays",
    });
    expect(answer.text).toBe(SHOWN);
    expect(answer.headers.get("x-other")).toBe("stays");
    expect(answer.headers.has("etag") || answer.headers.has("content-digest")).toBe(false);
    const id = `${decisionOf(answer)}.outcome`;
    expect((await scene.rows([id])).get(id)).toMatchObject({
      status: 200,
      reason: null,
      output_hash: createHash("sha256").update(SHOWN).digest("base64url"),
    });
  });

  test.each<[string, number]>([
    ["an error", 400],
    ["a status of ours", 500],
  ])("whatever the status says: %s", async (_, status) => {
    scene.origin("acme").handler = ({ response }) =>
      void response.writeHead(status, { "content-type": "application/json" }).end(SENT);
    expect((await scene.send(await scene.sign("acme", rpc("tools/list")))).text).toBe(SHOWN);
    scene.origin("acme").handler = ({ response }) =>
      void response.writeHead(status).end("<p>hidden path</p>");
    expect((await scene.send(await scene.sign("acme", rpc("tools/list")))).text).toBe("<p>hidden path</p>");
  });

  test("as bodies may be: nothing in it, a byte order mark, no content coding", async () => {
    expect((await answered("acme", "")).status).toBe(200);
    expect((await answered("acme", `\uFEFF${SENT}`)).text).toBe(`\uFEFF${SHOWN}`);
    expect((await answered("acme", SENT, { "content-encoding": "Identity" })).text).toBe(SHOWN);
  });

  test("a GET is read as events, whatever its type", async () => {
    for (const type of [
      "application/octet-stream",
      "text/event-stream, text/event-stream",
      "application/json",
    ]) {
      scene.origin("acme").handler = ({ response }) =>
        void response.writeHead(200, { "content-type": type }).end(`id: 2\ndata: ${oneLine(SENT)}\n\n`);
      const answer = await scene.send(await scene.sign("acme", null, { method: "GET" }));
      expect(answer.text).toBe(`id: 2\ndata: ${oneLine(SHOWN)}\n\n`);
    }
  });

  test("a tenant that does not want it", async () => {
    const answer = await answered("open", SENT, { etag: '"1"' });
    expect([answer.text, answer.headers.get("etag")]).toEqual([SENT, '"1"']);
  });

  test("a tool that no rule lets anybody call", async () => {
    const answer = await answered("ruled", SENT);
    expect(answer.text).toBe(list(SEARCH).replace("SCOPE", "private"));
  });

  test("what answers another request is not touched", async () => {
    expect((await answered("acme", SENT, {}, toolCall())).text).toBe(SENT);
  });

  test("an error is not touched", async () => {
    const error = '{"jsonrpc":"2.0","id":1,"error":{"code":-32603,"message":"m","data":1.0}}';
    expect((await answered("acme", error)).text).toBe(error);
  });

  test("what we cannot read is not shown", async () => {
    const answers = [
      await answered("acme", SENT.replace("]", ",]")),
      await answered("acme", SENT.replace("1.0", "NaN"), { "content-type": "text/plain" }),
      await answered("acme", gzipSync(SENT), { "content-encoding": "gzip" }),
      await answered("acme", gzipSync(`data: ${SENT}\n\n`), {
        "content-type": "text/event-stream",
        "content-encoding": "gzip",
      }),
      await answered("acme", SENT.padEnd(MAX_LIST_BYTES + 1)),
      await answered("acme", SENT.replace("1.0", `[${"{},".repeat(100_000)}0]`)),
    ];
    const rows = await scene.rows(answers.map((answer) => `${decisionOf(answer)}.outcome`));
    for (const answer of answers) {
      expect(told(answer)).toBe("502 origin.list_unreadable");
      expect(rows.get(`${decisionOf(answer)}.outcome`)).toMatchObject({ reason: "origin.list_unreadable" });
    }
  });

  test("as much as we can hold", async () => {
    const answer = await answered("acme", SENT.padEnd(MAX_LIST_BYTES));
    expect(answer.text.trimEnd()).toBe(SHOWN);
  });
});

describe("JSON that does not come to its end", () => {
  /** The origin sends half a list. */
  const half = (tenant: string) => {
    const closed = Promise.withResolvers<boolean>();
    scene.origin(tenant).handler = (arrival) => {
      arrival.response.writeHead(200, { "content-type": "application/json" }).write(SENT.slice(0, 80));
      void arrival.closed.then(closed.resolve);
    };
    return closed.promise;
  };

  test("within the tenant's time: 504, and the origin is told", async () => {
    const closed = half("slow");
    const answer = await scene.send(await scene.sign("slow", rpc("tools/list")));
    expect(told(answer)).toBe("504 origin.timeout");
    expect(await closed).toBe(false);
  });

  test("while its client is there: the origin is told that it has gone, and so is the log", async () => {
    const closed = half("acme");
    const arriving = scene.origin("acme").next();
    const client = await Connection.open(scene.url);
    client.write(toBytes(await scene.sign("acme", rpc("tools/list"))));
    await arriving;
    client.reset();
    expect(await closed).toBe(false);
    const db = await scene.runtime.d1();
    const gone = async () =>
      (
        await db
          .prepare(
            "SELECT reason FROM audit_records WHERE kind = 'outcome' AND reason = 'origin.client_gone'",
          )
          .all()
      ).results.length;
    while ((await gone()) === 0) await new Promise((resolve) => setTimeout(resolve, 100));
  });
});

describe.each(["POST", "GET"] as const)("an event stream that answers a %s", (method) => {
  const dataOf = (text: string) => text.replaceAll("\n", "\ndata: ");

  async function stream() {
    const origin = scene.origin("acme");
    origin.handler = () => {};
    const arriving = origin.next();
    const client = await Connection.open(scene.url);
    opened.push(client);
    const body = method === "POST" ? rpc("tools/list") : null;
    client.write(toBytes(await scene.sign("acme", body, { method })));
    const { response } = await arriving;
    response.writeHead(200, { "content-type": "text/event-stream; charset=utf-8" }).flushHeaders();
    return { client, response, head: await client.head() };
  }

  test("goes on event by event, each list without what is hidden", async () => {
    const { client, response } = await stream();
    // Would hang, not pass late, if anything were held back: the origin waits for the client each time.
    const events: [string, string][] = [
      [": keep-alive\n\n", ": keep-alive\n\n"],
      ["id: 1\ndata: \n\n", "id: 1\ndata: \n\n"],
      ['event: message\r\ndata: {"n":1.0}\r\n\r\n', 'event: message\r\ndata: {"n":1.0}\r\n\r\n'],
      [`id: 2\ndata: ${dataOf(SENT)}\n\n`, `id: 2\ndata: ${dataOf(SHOWN)}\n\n`],
    ];
    for (const [sent, shown] of events) {
      response.write(sent);
      let seen = "";
      while (seen.length < shown.length) seen += (await client.piece())?.toString() ?? "(end)".repeat(99);
      expect(seen).toBe(shown);
    }
    response.end();
    expect(await client.piece()).toBeNull();
  });

  test("what may be a list that we cannot read: the answer to tools/list breaks, no other stream does", async () => {
    const { client, response, head } = await stream();
    if (method === "GET") {
      const event = `data: ${dataOf(SENT.replace("1.0", "NaN"))}\n\n`;
      response.write(event);
      expect((await client.piece())?.toString()).toBe(event);
      return;
    }
    response.write("data: before\n\n");
    expect((await client.piece())?.toString()).toBe("data: before\n\n");
    response.write(`data: ${dataOf(SENT.replace("1.0", "NaN"))}\n\n`);
    await expect(client.piece()).rejects.toThrow(BrokenBody);
    const id = `${decisionOf(head)}.outcome`;
    expect((await scene.rows([id])).get(id)).toMatchObject({
      status: 200,
      reason: "origin.list_unreadable",
      output_hash: null,
    });
  });
});

describe.each([
  ["legacy", "stateful"],
  ["legacy", "modern"],
  ["auto", "stateful"],
  ["auto", "modern"],
] as const)("the client of the SDK: version negotiation %s, origin %s", (mode, tenant) => {
  test.each([[["search", "asks"]], [["sealed"]], [["no-such-tool"]]])(
    "sees %j, and can call what it sees",
    async (tools) => {
      const endpoint = scene.endpoint(tenant);
      const run = await scene.run(tenant, { actions: actionsOf(tools) });
      const options = await scene.options(tenant, { run });
      const client = new Client(
        { name: "reader", version: "1.0.0" },
        mode === "auto" ? { versionNegotiation: { mode } } : {},
      );
      opened.push(client);
      await client.connect(
        new StreamableHTTPClientTransport(new URL(endpoint), {
          fetch: createFetch({ ...options, endpoint }),
        }),
      );
      const seen = (await client.listTools()).tools.map(({ name }) => name);
      expect(seen).toEqual(["search", "sealed", "fails", "asks"].filter((name) => tools.includes(name)));
      for (const name of seen.filter((other) => other !== "asks")) {
        const result = await client.callTool({ name, arguments: { query: "wax" } });
        expect(result).toMatchObject({ content: [{ text: `${name}: wax` }] });
      }
    },
  );
});
