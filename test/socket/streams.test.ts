/** Streams: nothing is held back, nothing is closed over, and either end learns when the other has gone. */

import { createHash } from "node:crypto";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type Scene, setScene } from "./harness.ts";
import { decisionOf, toolCall } from "./messages.ts";
import type { Arrival } from "./origin.ts";
import { BrokenBody, Connection, toBytes, toChunks } from "./raw.ts";

let scene: Scene;
beforeAll(async () => {
  scene = await setScene({ acme: {} });
});
afterAll(() => scene.close());

const open: Connection[] = [];
afterEach(() => {
  for (const connection of open.splice(0)) connection.close();
});

let origin: ReturnType<Scene["origin"]>;
beforeEach(() => {
  origin = scene.origin("acme");
  // The test itself answers, when it wants to.
  origin.handler = () => {};
});

/** Sends a call that must be admitted, up to the moment when the origin has it. */
async function call(method: "POST" | "GET" = "POST"): Promise<{ client: Connection; arrival: Arrival }> {
  const arriving = origin.next();
  const client = await Connection.open(scene.url);
  open.push(client);
  const wire = await scene.sign("acme", method === "POST" ? toolCall() : null, { method });
  client.write(toBytes(wire));
  return { client, arrival: await arriving };
}

/** The same, with the head of an event stream received. */
async function stream(method: "POST" | "GET" = "POST") {
  const { client, arrival } = await call(method);
  arrival.response.writeHead(200, { "content-type": "text/event-stream" }).flushHeaders();
  const head = await client.head();
  expect([head.status, head.headers.get("content-type")]).toEqual([200, "text/event-stream"]);
  return { client, response: arrival.response, closed: arrival.closed, decision: decisionOf(head) };
}

/** Reads until the text is there: the origin's writes may come in other pieces. */
async function read(client: Connection, text: string): Promise<void> {
  let seen = "";
  while (seen.length < text.length) {
    const piece = await client.piece();
    if (piece === null) break;
    seen += piece.toString();
  }
  expect(seen).toBe(text);
}

const outcome = async (decision: string) =>
  (await scene.rows([`${decision}.outcome`])).get(`${decision}.outcome`);

describe.each(["POST", "GET"] as const)("an event stream that answers a %s", (method) => {
  test("headers come before any event, and each event before the origin has sent the next", async () => {
    // Would hang, not pass late, if anything were held back: the origin waits for the client each time.
    const { client, response, decision } = await stream(method);
    const events = [
      ": keep-alive\n\n",
      'id: 1\nevent: message\ndata: {"a":1}\n\n',
      ":\n\n",
      "data: 2\r\n\r\n",
      "retry: 5\n\n",
    ];
    for (const event of events) {
      response.write(event);
      await read(client, event);
    }
    response.end();
    expect(await client.piece()).toBeNull();
    expect(await outcome(decision)).toMatchObject({
      status: 200,
      reason: null,
      output_hash: createHash("sha256").update(events.join("")).digest("base64url"),
    });
  });

  test("the origin breaks off: so does the client's stream", async () => {
    const { client, response, decision } = await stream(method);
    response.write("data: 1\n\n");
    await read(client, "data: 1\n\n");
    response.socket?.resetAndDestroy();
    await expect(client.piece()).rejects.toThrow(BrokenBody);
    expect(await outcome(decision)).toMatchObject({
      status: 200,
      reason: "origin.broken",
      output_hash: null,
    });
  });

  test("the origin ends its connection inside a chunk: no clean end either", async () => {
    const { client, response } = await stream(method);
    response.write("data: 1\n\n");
    await read(client, "data: 1\n\n");
    response.socket?.end("5\r\nda");
    await expect(read(client, "data?")).rejects.toThrow(BrokenBody);
  });

  test("the client goes away in the middle: the origin is told, and the outcome is written", async () => {
    const { client, response, closed, decision } = await stream(method);
    response.write("data: 1\n\n");
    await read(client, "data: 1\n\n");
    client.reset();
    expect(await closed).toBe(false);
    expect(await outcome(decision)).toMatchObject({
      status: 200,
      reason: "origin.client_gone",
      output_hash: null,
    });
  });

  test("the client goes away before the first event", async () => {
    const { client, closed, decision } = await stream(method);
    client.reset();
    expect(await closed).toBe(false);
    expect(await outcome(decision)).toMatchObject({
      status: 200,
      reason: "origin.client_gone",
      output_hash: null,
    });
  });

  test("the client goes away before the origin has answered at all", async () => {
    const before = new Set((await admitted()).map(({ id }) => id));
    const { client, arrival } = await call(method);
    client.reset();
    expect(await arrival.closed).toBe(false);
    const decision = await newAdmission(before);
    expect(await outcome(decision)).toMatchObject({ reason: "origin.client_gone", output_hash: null });
  });
});

const admitted = async (): Promise<{ id: string }[]> => {
  const db = await scene.runtime.d1();
  return (await db.prepare("SELECT id FROM audit_records WHERE verdict = 'admitted'").all<{ id: string }>())
    .results;
};

/** The answer that would name the decision never came. */
async function newAdmission(before: ReadonlySet<string>): Promise<string> {
  for (const deadline = Date.now() + 20_000; Date.now() < deadline; await sleep(100)) {
    const found = (await admitted()).find(({ id }) => !before.has(id));
    if (found !== undefined) return found.id;
  }
  throw new Error("the admission was not logged");
}

describe("answers that are no streams", () => {
  test("content shorter than announced is not passed on as whole", async () => {
    const { client, arrival } = await call();
    arrival.response.socket?.end("HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\n{}");
    await client.head();
    await expect(read(client, "{}, and more")).rejects.toThrow(BrokenBody);
  });

  test("a length beside chunks: these count (RFC 9112 section 6.3)", async () => {
    const { client, arrival } = await call();
    const head = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n";
    arrival.response.socket?.end(`${head}5\r\nfirst\r\n6\r\nsecond\r\n0\r\n\r\n`);
    expect((await client.answer()).text).toBe("firstsecond");
  });

  test("a large one, to a client that reads slowly, arrives whole", async () => {
    const { client, arrival } = await call();
    const body = Buffer.alloc(8 * 1024 * 1024, "0123456789abcdef");
    arrival.response.writeHead(200).end(body);
    await sleep(50);
    const { body: received } = await client.answer();
    expect(received.equals(body)).toBe(true);
  });

  test("a client that never reads does not make the origin send all", async () => {
    const { client, arrival } = await call();
    const chunk = Buffer.alloc(1024 * 1024);
    arrival.response.writeHead(200);
    let sent = 0;
    while (arrival.response.write(chunk) || (await drained(arrival))) {
      sent += 1;
      if (sent > 200) break;
    }
    expect(sent).toBeLessThan(100);
    client.reset();
    expect(await arrival.closed).toBe(false);
  });
});

/** Whether the origin could send on within a moment. */
const drained = (arrival: Arrival): Promise<boolean> =>
  Promise.race([once(arrival.response, "drain").then(() => true), sleep(500).then(() => false)]);

describe("bodies that come slowly", () => {
  test("a request in pieces, with pauses", async () => {
    const client = await Connection.open(scene.url);
    open.push(client);
    const wire = await scene.sign("acme", toolCall());
    origin.handler = ({ response, body }) => void response.writeHead(200).end(body);
    const bytes = toChunks(wire, 20);
    for (let at = 0; at < bytes.length; at += 200) {
      client.write(bytes.subarray(at, at + 200));
      await sleep(1);
    }
    expect((await client.answer()).body.equals(wire.body)).toBe(true);
  });

  test("the client goes away inside its body: nothing arrives", async () => {
    const before = origin.arrivals.length;
    const wire = await scene.sign("acme", toolCall());
    const bytes = toBytes(wire);
    for (const cut of [1, 40, wire.body.length - 1]) {
      const client = await Connection.open(scene.url);
      client.write(bytes.subarray(0, bytes.length - cut));
      await sleep(20);
      client.reset();
    }
    // The same evidence is still good: nothing was spent on half a request.
    origin.handler = ({ response }) => void response.writeHead(200).end();
    expect((await scene.send(wire)).status).toBe(200);
    expect(origin.arrivals.length).toBe(before + 1);
  });
});
