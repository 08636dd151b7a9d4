/** Streams that are open when their caller loses its leave: they end, and the origin is told. */

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type Scene, setScene, type Wishes } from "./harness.ts";
import { beginSession, decisionOf, rpc, told, toolCall } from "./messages.ts";
import type { Arrival } from "./origin.ts";
import { BrokenBody, Connection, toBytes } from "./raw.ts";

/** Checked every second, and no grace: what a tenant can ask for at the most. */
const STREAMS = { recheckSeconds: 1, graceSeconds: 0 };
const TENANTS = [
  "expiry",
  "suspended",
  "agent",
  "key",
  "issuer",
  "faulty",
  "bearer",
  "gone",
  "unruled",
  "steady",
];

let scene: Scene;
beforeAll(async () => {
  scene = await setScene({
    ...Object.fromEntries(TENANTS.map((id) => [id, { streams: STREAMS }])),
    listing: { streams: STREAMS, tools: { filterList: true }, origin: { timeoutSeconds: 600 } },
    grace: { streams: { ...STREAMS, graceSeconds: 2 } },
  });
});
afterAll(() => scene.close());

const open: Connection[] = [];
beforeEach(() => {
  for (const id of [...TENANTS, "grace", "listing"]) scene.origin(id).handler = () => {};
});
afterEach(() => {
  for (const connection of open.splice(0)) connection.close();
});

interface Opened {
  readonly client: Connection;
  readonly arrival: Arrival;
  readonly decision: string;
}

/** Opens a response and receives the first bytes of it. */
async function openResponse(
  tenant: string,
  wishes: Wishes = {},
  contentType = "text/event-stream",
  lateMs = 0,
): Promise<Opened> {
  const arriving = scene.origin(tenant).next();
  const client = await Connection.open(scene.url);
  open.push(client);
  const body = wishes.method === "GET" ? null : toolCall();
  client.write(toBytes(await scene.sign(tenant, body, wishes)));
  const arrival = await arriving;
  await new Promise((resolve) => setTimeout(resolve, lateMs));
  arrival.response.writeHead(200, { "content-type": contentType });
  arrival.response.write("data: 1\n\n");
  const head = await client.head();
  expect((await client.piece())?.toString()).toBe("data: 1\n\n");
  return { client, arrival, decision: decisionOf(head) };
}

/** What the audit log says of the end. */
async function outcomeOf(decision: string): Promise<unknown> {
  const id = `${decision}.outcome`;
  const row = (await scene.rows([id])).get(id);
  return { status: row?.status, reason: row?.reason, output_hash: row?.output_hash };
}
const ended = (reason: string) => ({ status: 200, reason, output_hash: null });

/** Changes the tenant's document, as its operator would. */
async function change(tenant: string, edit: (document: Record<string, never>) => void): Promise<void> {
  const kv = await scene.runtime.kv();
  const document = JSON.parse((await kv.get(`tenant:${tenant}`)) ?? "{}");
  edit(document);
  await kv.put(`tenant:${tenant}`, JSON.stringify(document));
}

/** A run whose mandate is about to be refused: it has expired, and only the tolerance for clocks is left of it. */
const dying = (tenant: string) =>
  scene.run(tenant, { now: Math.floor(Date.now() / 1000) - 600, lifetimeSeconds: 572 });

describe("the mandate expires", () => {
  test.each(["POST", "GET"])("a stream that answers a %s ends, as a stream may", async (method) => {
    const { client, arrival, decision } = await openResponse("expiry", {
      method,
      run: await dying("expiry"),
    });
    expect(await client.piece()).toBeNull();
    expect(await arrival.closed).toBe(false);
    expect(await outcomeOf(decision)).toEqual(ended("act.expired"));
  });

  test("in the time of grace it goes on, and so does an answer that comes late", async () => {
    const dead = await scene.run("grace", { now: Math.floor(Date.now() / 1000) - 600, lifetimeSeconds: 571 });
    const { client, arrival, decision } = await openResponse(
      "grace",
      { run: dead },
      "text/event-stream",
      1_500,
    );
    arrival.response.write("data: 2\n\n");
    expect((await client.piece())?.toString()).toBe("data: 2\n\n");
    expect(await client.piece()).toBeNull();
    expect(await outcomeOf(decision)).toEqual(ended("act.expired"));
  });

  test("a list that is held to be filtered is let go, and its caller told why", async () => {
    const arriving = scene.origin("listing").next();
    const answering = scene
      .sign("listing", rpc("tools/list"), { run: await dying("listing") })
      .then(scene.send);
    const { response, closed } = await arriving;
    response.writeHead(200, { "content-type": "application/json" }).write('{"jsonrpc":"2.0",');
    const answer = await answering;
    expect(told(answer)).toBe("401 act.expired");
    expect(await closed).toBe(false);
    const id = `${decisionOf(answer)}.outcome`;
    expect((await scene.rows([id])).get(id)).toMatchObject({ status: 401, reason: "act.expired" });
  });

  test("any other answer breaks off: its end would make it seem whole", async () => {
    const { client, arrival, decision } = await openResponse(
      "expiry",
      { run: await dying("expiry") },
      "application/json",
    );
    await expect(client.piece()).rejects.toThrow(BrokenBody);
    expect(await arrival.closed).toBe(false);
    expect(await outcomeOf(decision)).toEqual(ended("act.expired"));
  });
});

describe("the tenant document changes", () => {
  const cases: readonly [string, string, (document: Record<string, never>) => void][] = [
    ["suspended", "policy.tenant_suspended", (d: never) => Object.assign(d, { status: "suspended" })],
    [
      "agent",
      "policy.agent_suspended",
      ({ agents }: { agents: { status: string }[] }) => {
        for (const agent of agents) agent.status = "suspended";
      },
    ],
    [
      "key",
      "signature.key_unknown",
      ({ agents }: { agents: { name: string; keys: unknown[] }[] }) => {
        const [reader] = agents.filter(({ name }) => name === "reader");
        reader?.keys.shift();
      },
    ],
    [
      "issuer",
      "act.agent_not_granted",
      ({ issuers }: { issuers: { agents: string[] }[] }) => {
        for (const issuer of issuers) issuer.agents = ["writer", "courier"];
      },
    ],
    ["faulty", "tenant.invalid", (d: never) => Object.assign(d, { agents: "none" })],
    [
      "bearer",
      "signature.missing",
      ({ agents }: { agents: { unsafeBearerOnly?: boolean }[] }) => {
        for (const agent of agents) delete agent.unsafeBearerOnly;
      },
    ],
    [
      "unruled",
      "required.no_rule",
      (d: never) =>
        Object.assign(d, { evidence: [{ methods: ["ping"], require: ["mandate", "signature"] }] }),
    ],
    [
      "gone",
      "act.subject_unknown",
      ({ agents }: { agents: { subjects: string[] }[] }) => {
        for (const agent of agents) agent.subjects = agent.subjects.map((subject) => `${subject}-renamed`);
      },
    ],
  ] as never;

  test("a stream whose caller would be refused ends; one that is steady goes on", {
    timeout: 60_000,
  }, async () => {
    await change("bearer", (document) => {
      const agents: { name: string; unsafeBearerOnly?: boolean }[] = document.agents ?? [];
      for (const agent of agents) if (agent.name === "courier") agent.unsafeBearerOnly = true;
    });
    const caller = scene.courier;
    const headers = { "mcp-session-id": await beginSession(scene, "bearer", "s-1", { caller }) };
    const steady = await openResponse("steady");
    const opened = await Promise.all(
      cases.map(([tenant]) =>
        openResponse(tenant, tenant === "bearer" ? { method: "GET", caller, headers } : {}),
      ),
    );
    await Promise.all(cases.map(([tenant, , edit]) => change(tenant, edit)));
    const ends = await Promise.all(
      opened.map(async ({ client, arrival, decision }) => {
        expect(await client.piece()).toBeNull();
        expect(await arrival.closed).toBe(false);
        return outcomeOf(decision);
      }),
    );
    expect(ends).toEqual(cases.map(([, reason]) => ended(reason)));
    // Meanwhile it has been checked many times.
    steady.arrival.response.write("data: 2\n\n");
    expect((await steady.client.piece())?.toString()).toBe("data: 2\n\n");
    steady.arrival.response.end();
    expect(await steady.client.piece()).toBeNull();
    expect(await outcomeOf(steady.decision)).toMatchObject({ status: 200, reason: null });
  });
});
