/** What the caller gets, and what is written down, when the origin does not answer as it should. */

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Scene, setScene } from "./harness.ts";
import { decisionOf, rpc, told, toolCall } from "./messages.ts";
import { answerJson, closedPort } from "./origin.ts";
import type { Answer } from "./raw.ts";

let scene: Scene;
beforeAll(async () => {
  scene = await setScene({
    acme: {},
    hasty: { origin: { timeoutSeconds: 1 } },
    refused: { origin: { url: `http://127.0.0.1:${await closedPort()}/mcp` } },
    unbound: { origin: { binding: "NO_SUCH_BINDING" } },
  });
});
afterAll(() => scene.close());

/** What the log must have, looked up once for all in the last test: a journal takes a second to reach D1. */
const failures = new Map<string, { status: number; reason: string }>();

/** Denied to the caller; in the log it was admitted, and an outcome says what became of it. */
function expectFailure(answer: Answer, status: number, reason: string): void {
  const decision = decisionOf(answer);
  expect(told(answer)).toBe(`${status} ${reason}`);
  expect(JSON.parse(answer.text)).toMatchObject({
    jsonrpc: "2.0",
    id: 1,
    error: { code: status, data: { reason, decision } },
  });
  expect(answer.headers.get("countersign-ect")).toBe("recorded");
  failures.set(decision, { status, reason });
}

const call = async (tenant: string): Promise<Answer> => scene.send(await scene.sign(tenant, toolCall()));

describe("no answer", () => {
  test("connection refused", async () => {
    expectFailure(await call("refused"), 502, "origin.unreachable");
  });
  test("nothing within the tenant's time", async () => {
    const origin = scene.origin("hasty");
    origin.handler = () => {};
    const arriving = origin.next();
    const answer = await call("hasty");
    expectFailure(answer, 504, "origin.timeout");
    // The origin is told that nobody waits any more.
    expect(await (await arriving).closed).toBe(false);
  });
  test("headers in time are enough: the body may take longer", async () => {
    scene.origin("hasty").handler = ({ response }) => {
      response.writeHead(200).flushHeaders();
      setTimeout(() => response.end("late"), 1_500);
    };
    const answer = await call("hasty");
    expect([answer.status, answer.text]).toEqual([200, "late"]);
  });
  test("a binding that does not exist", async () => {
    expectFailure(await call("unbound"), 502, "origin.misconfigured");
  });
});

describe("redirects are not followed", () => {
  test.each([300, 301, 302, 303, 304, 307, 308])("%i", async (status) => {
    const origin = scene.origin("acme");
    origin.handler = ({ response }) => void response.writeHead(status, { location: origin.url }).end();
    const before = origin.arrivals.length;
    const answer = await call("acme");
    expectFailure(answer, 502, "origin.redirect");
    expect(answer.headers.has("location")).toBe(false);
    expect(origin.arrivals.length).toBe(before + 1);
  });
});

describe("what is no HTTP response", () => {
  test.each<[string, string]>([
    ["garbage", "garbage\r\n\r\n"],
    ["nothing at all", ""],
    ["half a head", "HTTP/1.1 200 OK\r\ncontent-ty"],
    ["a header name with a space", "HTTP/1.1 200 OK\r\nx a: 1\r\ncontent-length: 2\r\n\r\n{}"],
    ["two lengths", "HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\n{}"],
    ["status 0", "HTTP/1.1 0 Zero\r\ncontent-length: 2\r\n\r\n{}"],
    ["status 101", "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n"],
    ["status 101 without a word of upgrade", "HTTP/1.1 101 Yes\r\ncontent-length: 2\r\n\r\n{}"],
    ["status 100 and no more", "HTTP/1.1 100 Continue\r\n\r\n"],
    ["status 600", "HTTP/1.1 600 Odd\r\ncontent-length: 2\r\n\r\n{}"],
    ["status 999", "HTTP/1.1 999 Odder\r\ncontent-length: 2\r\n\r\n{}"],
  ])("%s", async (_name, bytes) => {
    scene.origin("acme").handler = ({ response }) => void response.socket?.end(bytes);
    expectFailure(await call("acme"), 502, "origin.unreachable");
  });

  test.each<[string, string]>([
    ["100 Continue first", "HTTP/1.1 100 Continue\r\n\r\n"],
    ["103 Early Hints first", "HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n"],
  ])("%s: the final answer counts", async (_name, bytes) => {
    scene.origin("acme").handler = ({ response }) =>
      void response.socket?.end(`${bytes}HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}`);
    expect(told(await call("acme"))).toBe("200");
  });
});

describe("the way it is told", () => {
  test("server/discover: 503, or the client would take the origin for an old one", async () => {
    const answer = await scene.send(await scene.sign("refused", rpc("server/discover")));
    expect(told(answer)).toBe("503 origin.unreachable");
  });
  test("GET: the same status", async () => {
    const answer = await scene.send(await scene.sign("refused", null, { method: "GET" }));
    expect(told(answer)).toBe("502 origin.unreachable");
    expect(answer.headers.get("countersign-ect")).toBeUndefined();
  });
  test("the call is spent: it may have run", async () => {
    const wire = await scene.sign("refused", toolCall());
    expect(told(await scene.send(wire))).toBe("502 origin.unreachable");
    expect(told(await scene.send(wire))).toBe("403 replay.ect");
  });
  test("and the next one goes through", async () => {
    scene.origin("acme").handler = answerJson;
    expect(told(await call("acme"))).toBe("200");
  });
});

test("each is in the log: admitted, with the reason in its outcome", async () => {
  expect(failures.size).toBeGreaterThan(20);
  const rows = await scene.rows(
    [...failures.keys()].flatMap((decision) => [decision, `${decision}.outcome`]),
  );
  for (const [decision, failure] of failures) {
    expect(rows.get(decision)).toMatchObject({ kind: "decision", verdict: "admitted", reason: null });
    expect(rows.get(`${decision}.outcome`)).toMatchObject({ kind: "outcome", ...failure, output_hash: null });
  }
});
