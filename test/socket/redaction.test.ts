/** `policy.redact` and `policy.tools[].redact`: what callers see of results, and that no other way leads to them. */

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { createFetch, SESSION_ACTIONS } from "../../src/agent/index.ts";
import { SECRET_FORMS } from "../../src/redaction/secrets.ts";
import type { TenantDocument } from "../../src/tenant/schema/document.ts";
import { type AuditRow, type Scene, setScene } from "./harness.ts";
import { type McpOrigin, startMcpOrigin } from "./mcp-origin.ts";
import { beginSession, decisionOf, rpc, told, toolCall } from "./messages.ts";
import { type Answer, BrokenBody, type Wire } from "./raw.ts";

type Policy = NonNullable<TenantDocument["policy"]>;

const GRANTS: Policy = {
  unsafeUnlistedTools: "read",
  grants: [{ agents: ["reader", "writer"], scope: "read" }],
};
/** `search` is redacted, `write` is not. */
const ONE: { policy: Policy } = {
  policy: {
    ...GRANTS,
    tools: [{ name: "search", scope: "read", redact: { fields: ["password"], maxBytes: 2000 } }],
  },
};
const EVERY = { policy: { ...GRANTS, redact: { fields: ["query"] } } };

let scene: Scene;
let origins: Record<"legacyJson" | "legacySse" | "modernJson" | "modernSse", McpOrigin>;
beforeAll(async () => {
  const [legacyJson, legacySse, modernJson, modernSse] = await Promise.all([
    startMcpOrigin("sessions", "json"),
    startMcpOrigin("sessions", "sse"),
    startMcpOrigin("both eras", "json"),
    startMcpOrigin("both eras", "sse"),
  ]);
  origins = { legacyJson, legacySse, modernJson, modernSse };
  const tenant = (origin: McpOrigin) => ({
    ...ONE,
    policy: {
      ...ONE.policy,
      tools: [{ name: "search", scope: "read" as const, redact: { secrets: ["us-ssn" as const] } }],
    },
    origin: { url: origin.url },
  });
  scene = await setScene({
    acme: ONE,
    every: EVERY,
    open: {},
    observed: { ...ONE, observe: [{ until: "2999-12-31T23:59:59Z" }] },
    slow: { ...ONE, origin: { timeoutSeconds: 1 } },
    custom: { ...EVERY, actions: { extraMethods: ["acme/results"] } },
    "legacy-json": tenant(legacyJson),
    "legacy-sse": tenant(legacySse),
    "modern-json": tenant(modernJson),
    "modern-sse": tenant(modernSse),
  });
});
afterAll(async () => {
  await scene.close();
  await Promise.all(Object.values(origins).map((origin) => origin.close()));
});

const KEY = ["AKIA", "IOSFODNN7EXAMPLE"].join("");
const resultOf = (result: unknown, id: string | number = 1) => JSON.stringify({ jsonrpc: "2.0", id, result });
const SECRET = resultOf({
  content: [{ type: "text", text: `the key is ${KEY}` }],
  structuredContent: { password: 1 },
});
const SHOWN = resultOf({
  content: [{ type: "text", text: "the key is [redacted: aws-access-key]" }],
  structuredContent: { password: "[redacted: field]" },
});
const JSON_TYPE = { "content-type": "application/json" };
const SSE_TYPE = { "content-type": "text/event-stream" };

/** Has the origin of a tenant answer everything with this, and asks it. */
async function answered(
  body: string | Uint8Array,
  {
    tenant = "acme",
    status = 200,
    headers = JSON_TYPE as Readonly<Record<string, string>>,
    request = toolCall() as string | null,
    session = "",
  } = {},
): Promise<Answer> {
  scene.origin(tenant).handler = ({ response }) => void response.writeHead(status, headers).end(body);
  const wishes = {
    method: request === null ? "GET" : "POST",
    headers: session ? { "mcp-session-id": session } : {},
  };
  return scene.send(await scene.sign(tenant, request, wishes));
}

/** A request without any evidence. */
const plain = (tenant: string, body: string, headers: Readonly<Record<string, string>> = {}): Wire => {
  const { host, pathname } = new URL(scene.endpoint(tenant));
  const all = {
    host,
    accept: "application/json, text/event-stream",
    "content-type": "application/json",
    ...headers,
  };
  return { method: "POST", target: pathname, headers: Object.entries(all), body: Buffer.from(body) };
};

const hash = (body: string | Uint8Array) => createHash("sha256").update(body).digest("base64url");

type Outcome = AuditRow & { readonly delivered_hash: string | null };

/** What the audit log must have in the end: records come into it some time later, so all are looked for at once. */
const expectedRows = new Map<string, Partial<Outcome>>();

function expectDecision(answer: Answer, row: Partial<Outcome>): void {
  expectedRows.set(decisionOf(answer), row);
}
function expectOutcome(answer: Answer, row: Partial<Outcome>): void {
  expectedRows.set(`${decisionOf(answer)}.outcome`, row);
}

describe("an answer in JSON", () => {
  test("is redacted, says nothing of the origin's bytes, and the audit log has the digests of both", async () => {
    const described = {
      "content-type": "application/json; charset=iso-8859-1",
      etag: '"1"',
      "content-digest": "sha-256=:AA==:",
      "x-other": "stays",
    };
    const answer = await answered(SECRET, { headers: described });
    expect([answer.status, answer.text, answer.headers.get("x-other")]).toEqual([200, SHOWN, "stays"]);
    expect(answer.headers.get("content-type")).toBe("application/json");
    expect(answer.headers.has("etag") || answer.headers.has("content-digest")).toBe(false);
    expectOutcome(answer, {
      status: 200,
      reason: null,
      output_hash: hash(SECRET),
      delivered_hash: hash(SHOWN),
    });
  });

  test("without anything to cut out passes byte for byte", async () => {
    const body = '{ "jsonrpc":"2.0", "id":1, "result":{ "content":[], "n":1.0 } }';
    const answer = await answered(body, { headers: { ...JSON_TYPE, etag: '"1"' } });
    expect([answer.text, answer.headers.get("etag")]).toEqual([body, '"1"']);
    expectOutcome(answer, { output_hash: hash(body), delivered_hash: null });
  });

  test("of another tool, another method and another tenant is not touched", async () => {
    const sse = { headers: SSE_TYPE };
    expect((await answered(SECRET, { request: toolCall("write") })).text).toBe(SECRET);
    expect((await answered(`data: ${SECRET}\n\n`, { request: toolCall("write"), ...sse })).text).toBe(
      `data: ${SECRET}\n\n`,
    );
    expect((await answered(SECRET, { request: rpc("resources/read") })).text).toBe(SECRET);
    expect((await answered(SECRET, { tenant: "open" })).text).toBe(SECRET);
    expect((await answered(`data: ${SECRET}\n\n`, { tenant: "open", ...sse })).text).toBe(
      `data: ${SECRET}\n\n`,
    );
  });

  test("of every tool, where the tenant says so", async () => {
    for (const request of [toolCall("write"), toolCall("search")]) {
      const answer = await answered(resultOf({ structuredContent: { Query: "x" } }), {
        tenant: "every",
        request,
      });
      expect(answer.text).toBe(resultOf({ structuredContent: { Query: "[redacted: field]" } }));
    }
  });

  test("with what comes in place of a result", async () => {
    const error = `{"jsonrpc":"2.0","id":1,"error":{"code":-32603,"message":"no ${KEY}"}}`;
    expect((await answered(error)).text).toBe(error.replace(KEY, "[redacted: aws-access-key]"));
    const task = resultOf({ task: { taskId: "t", statusMessage: KEY } });
    expect((await answered(task)).text).not.toContain(KEY);
  });

  test.each(["tasks/get", "tasks/result", "tasks/list", "tasks/cancel"])(
    "to %s, which hands out results of any tool",
    async (method) => {
      expect((await answered(SECRET, { request: rpc(method, { taskId: "t" }) })).text).toBe(SHOWN);
      const sse = await answered(`data: ${SECRET}\n\n`, {
        request: rpc(method, { taskId: "t" }),
        headers: SSE_TYPE,
      });
      expect(told(sse)).toBe("200 redaction.stream");
    },
  );

  test("to a method of the tenant's own, which may", async () => {
    const run = await scene.run("custom", { actions: ["mcp.session.acme.results"] });
    scene.origin("custom").handler = ({ response }) =>
      void response.writeHead(200, JSON_TYPE).end(resultOf({ query: 1 }));
    const answer = await scene.send(await scene.sign("custom", rpc("acme/results"), { run }));
    expect(answer.text).toBe(resultOf({ query: "[redacted: field]" }));
  });
});

describe("what is withheld", () => {
  const sse = `event: message\ndata: ${SECRET}\n\n`;
  const CASES: [string, string | Uint8Array, Readonly<Record<string, string>>, number, string][] = [
    ["a stream of events", sse, SSE_TYPE, 200, "redaction.stream"],
    [
      "a stream of events by any name",
      sse,
      { "content-type": "application/json, text/event-stream" },
      200,
      "redaction.stream",
    ],
    ["events that say they are JSON", sse, JSON_TYPE, 200, "redaction.not_json"],
    ["two documents", `${SECRET}\n${SECRET}`, JSON_TYPE, 200, "redaction.not_json"],
    [
      "names that come twice",
      SECRET.replace('"result"', '"result":{},"result"'),
      JSON_TYPE,
      200,
      "redaction.not_json",
    ],
    ["no type", SECRET, {}, 200, "redaction.not_json"],
    ["another type", SECRET, { "content-type": "text/plain" }, 200, "redaction.not_json"],
    [
      "a content coding",
      gzipSync(SECRET),
      { ...JSON_TYPE, "content-encoding": "gzip" },
      200,
      "redaction.not_json",
    ],
    ["nothing", "", JSON_TYPE, 200, "redaction.not_json"],
    ["the answer to another call", SECRET.replace(":1,", ":2,"), JSON_TYPE, 200, "redaction.not_response"],
    ["a batch", `[${SECRET}]`, JSON_TYPE, 200, "redaction.not_response"],
    ["another status", SECRET, JSON_TYPE, 202, "redaction.not_response"],
    ["one without a body", "", {}, 204, "redaction.not_response"],
  ];

  test("the caller learns that the call was passed on, the audit log has what it was", async () => {
    for (const [what, body, headers, status, reason] of CASES) {
      const answer = await answered(body, { headers, status });
      expect(told(answer), what).toBe(`200 ${reason}`);
      expect(JSON.parse(answer.text)).toMatchObject({ jsonrpc: "2.0", id: 1, error: { code: 502 } });
      expect(answer.text).not.toContain(KEY);
      expect(answer.headers.get("content-type")).toBe("application/json");
      expect(answer.headers.has("content-encoding")).toBe(false);
      expectDecision(answer, { verdict: "admitted", reason: null });
      expectOutcome(answer, {
        status,
        reason,
        output_hash: hash(headers["content-encoding"] ? SECRET : body),
        delivered_hash: hash(answer.text),
      });
    }
  });

  test("an error of HTTP, whose status the client needs", async () => {
    const page = { headers: { "content-type": "text/html" } };
    const answers = [
      await answered(`<p>${KEY}</p>`, { status: 404, ...page }),
      await answered(`<p>${KEY}</p>`, { status: 500, ...page }),
    ];
    expect(answers.map(told)).toEqual(["404 redaction.not_response", "500 redaction.not_response"]);
    const output_hash = hash(`<p>${KEY}</p>`);
    for (const answer of answers) expectOutcome(answer, { status: answer.status, output_hash });
  });

  test("what is larger than the tenant takes: of that nobody has a digest", async () => {
    expect((await answered(SECRET.padEnd(2000))).text).toBe(SHOWN);
    const answer = await answered(SECRET.padEnd(2001));
    expect(told(answer)).toBe("200 redaction.too_large");
    expectOutcome(answer, { status: 200, output_hash: null, delivered_hash: hash(answer.text) });
  });

  test("what does not come in time: JSON as from any origin that is too slow, a stream as what it is", async () => {
    scene.origin("slow").handler = ({ response, body }) =>
      void response.writeHead(200, body.includes("stream") ? SSE_TYPE : JSON_TYPE).write(SECRET.slice(0, 60));
    const ask = async (query: string) =>
      told(await scene.send(await scene.sign("slow", toolCall("search", { query }))));
    expect(await Promise.all([ask("json"), ask("stream")])).toEqual([
      "504 origin.timeout",
      "200 redaction.stream",
    ]);
  });

  test("what breaks off", async () => {
    scene.origin("acme").handler = ({ response }) => {
      response.writeHead(200, JSON_TYPE).write(SECRET.slice(0, -10));
      setTimeout(() => response.destroy(), 50);
    };
    const answer = await scene.send(await scene.sign("acme", toolCall()));
    expect(told(answer)).toBe("502 origin.broken");
    expect(answer.text).not.toContain(KEY);
  });
});

describe("ways round", () => {
  test("a stream is not taken up again, with GET or POST", async () => {
    const before = scene.origin("acme").arrivals.length;
    for (const [method, body] of [
      ["GET", null],
      ["POST", toolCall("write")],
    ] as const) {
      const answer = await scene.send(
        await scene.sign("acme", body, { method, headers: { "last-event-id": "7" } }),
      );
      expect(told(answer)).toBe("400 redaction.resumption");
      expectDecision(answer, { verdict: "denied", reason: "redaction.resumption" });
    }
    expect(scene.origin("acme").arrivals).toHaveLength(before);
    scene.origin("open").handler = ({ response }) => void response.writeHead(200, SSE_TYPE).end();
    expect(
      (await scene.send(await scene.sign("open", null, { method: "GET", headers: { "last-event-id": "7" } })))
        .status,
    ).toBe(200);
  });

  const NOTE = 'data: {"jsonrpc":"2.0","method":"notifications/message","params":{"data":1}}\n\n';

  test("a GET stream brings notifications and requests, and breaks before a response", async () => {
    const ask =
      'id: 3\ndata: {"jsonrpc":"2.0","id":1,"method":"ping"}\n\n: comment\n\ndata: \n\nevent: ping\ndata: 12:00\n\n';
    const stream = { request: null, headers: SSE_TYPE };
    expect((await answered(NOTE + ask, stream)).text).toBe(NOTE + ask);
    for (const event of [
      `data: ${SECRET}\n\n`,
      `data: [${SECRET}]\n\n`,
      `data: ${SECRET.replace("result", "Result")}\n\n`,
      `data: ${SECRET.replace("result", "resul\\u0074")}\n\n`,
      `data: ${SECRET.slice(0, 10)}\ndata: ${SECRET.slice(10)}\n\n`,
      `event: other\ndata: ${SECRET}\n\n`,
      `data: ${SECRET},\n\n`,
      'data: {"jsonrpc":"2.0","error":{"code":1,"message":"m"}}\n\n',
      'data: {"jsonrpc":"2.0","method":"notifications/tasks","params":{"result":{}}}\n\n',
      `data: ${SECRET}`,
    ]) {
      const error = await answered(NOTE + event, stream).catch((thrown) => thrown);
      expect(error, event).toBeInstanceOf(BrokenBody);
      expect(String(error.text ?? "")).not.toContain(KEY);
    }
  });

  test("an answer to GET that is no stream", async () => {
    expect(told(await answered(SECRET, { request: null }))).toBe("502 redaction.foreign_response");
    expect((await answered("no stream here", { request: null, status: 405, headers: {} })).status).toBe(405);
  });

  test("the stream of another call brings its own response, and no other", async () => {
    const other = { request: toolCall("write", {}, 7), headers: SSE_TYPE };
    const own = `data: ${resultOf({ content: [] }, 7)}\n\n`;
    expect((await answered(NOTE + own, other)).text).toBe(NOTE + own);
    for (const event of [
      `data: ${SECRET}\n\n`,
      `data: ${SECRET.replace(":1,", ':7,"id":1,')}\n\n`,
      `data: ${SECRET.replace(":1,", ':7,"Id":1,')}\n\n`,
    ])
      await expect(answered(NOTE + event, other)).rejects.toBeInstanceOf(BrokenBody);
  });

  test("an id comes once in a session: by it servers find the stream of a response", async () => {
    const session = await beginSession(scene, "acme", "s-9");
    const ask = (request: string, to = session) => answered(SECRET, { request, session: to });
    expect((await ask(toolCall("search", {}, 1))).text).toBe(SHOWN);
    for (const request of [
      toolCall("write", {}, 1),
      toolCall("write", {}, "1"),
      rpc("ping", {}, 1),
      toolCall("search", {}, 1),
    ])
      expect(told(await ask(request))).toBe("400 redaction.id_reused");
    expect(told(await ask(toolCall("write", {}, 2)))).toBe("200");
    expect((await ask(toolCall("search", {}, 1), await beginSession(scene, "acme", "s-10"))).text).toBe(
      SHOWN,
    );
    // Nothing is lost where no result is redacted.
    const open = await beginSession(scene, "open", "s-9");
    for (const _ of [1, 2])
      expect((await answered(SECRET, { tenant: "open", session: open })).text).toBe(SECRET);
  });
});

describe("strangers whose calls are only observed", () => {
  const ask = (body: string, headers: Readonly<Record<string, string>> = {}) =>
    scene.send(plain("observed", body, headers));
  const answer = (body: string, type = JSON_TYPE) => {
    scene.origin("observed").handler = ({ response }) => void response.writeHead(200, type).end(body);
  };

  test("see no more than others", async () => {
    answer(SECRET);
    const shown = await ask(toolCall());
    expect([shown.status, shown.text]).toEqual([200, SHOWN]);
    expectDecision(shown, { verdict: "observed" });
    answer(`data: ${SECRET}\n\n`, SSE_TYPE);
    expect(told(await ask(toolCall()))).toBe("200 redaction.stream");
    expect(told(await ask(toolCall("write"), { "last-event-id": "7" }))).toBe("400 redaction.resumption");
  });

  test("use an id once in a session, whatever it is called and however long it is", async () => {
    answer(SECRET);
    const session = { "mcp-session-id": "raw-1" };
    expect((await ask(toolCall(), session)).text).toBe(SHOWN);
    for (const id of [1, "1"])
      expect(told(await ask(toolCall("write", {}, id), session))).toBe("400 redaction.id_reused");
    expect(told(await ask(toolCall("write", {}, 2), session))).toBe("200");
    expect(told(await ask(toolCall("write", {}, 1), { "mcp-session-id": "raw-2" }))).toBe("200");
    const long = "x".repeat(900_000);
    expect(told(await ask(toolCall("write", {}, long), session))).toBe("200");
    expect(told(await ask(toolCall("write", {}, long), session))).toBe("400 redaction.id_reused");
  });
});

test("the audit log has all of it", async () => {
  const rows = await scene.rows([...expectedRows.keys()]);
  expect(expectedRows.size).toBeGreaterThan(30);
  for (const [id, row] of expectedRows) expect(rows.get(id), id).toMatchObject(row);
});

test("the documentation names every form of secrets, and what it finds", () => {
  const page = readFileSync("docs/redaction.md", "utf8");
  const rows = Object.entries(SECRET_FORMS).map(([name, { about }]) => `| \`${name}\` | ${about} |`);
  expect(page).toContain(rows.join("\n"));
});

describe("real servers", () => {
  const clients: Client[] = [];
  afterEach(async () => {
    for (const client of clients.splice(0)) await client.close();
  });

  async function connect(tenant: string, mode: "legacy" | "auto"): Promise<Client> {
    const endpoint = scene.endpoint(tenant);
    const run = await scene.run(tenant, { actions: [...SESSION_ACTIONS, "mcp.search", "mcp.fails"] });
    const options = await scene.options(tenant, { run });
    const client = new Client(
      { name: "reader", version: "1.0.0" },
      mode === "auto" ? { versionNegotiation: { mode } } : {},
    );
    await client.connect(
      new StreamableHTTPClientTransport(new URL(endpoint), { fetch: createFetch({ ...options, endpoint }) }),
    );
    clients.push(client);
    return client;
  }
  const call = (client: Client, name: string) =>
    client.callTool({ name, arguments: { query: "123-45-6789" } });

  test.each([
    ["legacy-json", "legacy"],
    ["modern-json", "auto"],
    ["modern-sse", "auto"],
  ] as const)(
    "%s, client %s, answers in JSON: results are redacted, of parallel calls too",
    async (tenant, mode) => {
      const client = await connect(tenant, mode);
      const results = await Promise.all([1, 2, 3].map(() => call(client, "search")));
      for (const result of results)
        expect(result).toMatchObject({ content: [{ text: "search: [redacted: us-ssn]" }] });
      expect(await call(client, "fails")).toMatchObject({ isError: true });
    },
  );

  test.each([
    ["legacy-sse", "legacy"],
    ["modern-json", "legacy"],
  ] as const)(
    "%s, client %s, answers in events: the client shows that the result is withheld, and other tools answer",
    async (tenant, mode) => {
      const client = await connect(tenant, mode);
      await expect(call(client, "search")).rejects.toThrow(/executed and its result is withheld/);
      expect(await call(client, "fails")).toMatchObject({ isError: true });
      expect((await client.listTools()).tools).toHaveLength(4);
    },
  );
});
