import { describe, expect, test } from "vitest";
import { utf8 } from "../../src/encoding.ts";
import { type Forward, forward } from "../../src/origin/forward.ts";
import type { Origin } from "../../src/tenant/tenant.ts";
import { outcome, unwrap } from "../support/acme.ts";

const ORIGIN: Origin = {
  url: "https://origin.example/mcp?shard=1",
  target: { href: "https://origin.example/mcp?shard=1", origin: "https://origin.example" },
  binding: "ORIGIN",
  timeoutMs: 60_000,
  forwardHeaders: new Set(),
  assertion: true,
  credentials: [],
  unsafeForwardAuthorization: false,
};

const request = (changes: Partial<Forward> = {}): Forward => ({
  method: "POST",
  headers: new Headers({ "content-type": "application/json" }),
  body: utf8("{}"),
  signal: new AbortController().signal,
  ...changes,
});

type Fetch = (url: string, init: RequestInit) => Promise<Response>;

const reached = (fetch: Fetch): Env => ({ ORIGIN: { fetch } }) as unknown as Env;

/** An origin that answers nothing until it is told to stop. */
const silent: Fetch = (_, { signal }) =>
  new Promise((_, reject) => {
    signal?.addEventListener("abort", () => reject(signal.reason));
  });

describe("what the origin is sent", () => {
  test("this method, these headers, these octets, to this URL", async () => {
    const seen: [string, RequestInit][] = [];
    const env = reached(async (...call) => {
      seen.push(call);
      return new Response("answer", { status: 202 });
    });
    const sent = request();
    expect(unwrap(await forward(ORIGIN, sent, env)).status).toBe(202);
    const [[url, init] = ["", {}]] = seen;
    expect(seen).toHaveLength(1);
    expect(url).toBe(ORIGIN.url);
    expect(init).toMatchObject({ method: "POST", redirect: "manual" });
    expect(init.body).toBe(sent.body);
    expect(init.headers).toBe(sent.headers);
  });

  test("nothing twice: a failure is not tried again", async () => {
    let calls = 0;
    const env = reached(async () => {
      calls += 1;
      throw new Error("connection lost");
    });
    expect(outcome(await forward(ORIGIN, request(), env))).toBe("origin.unreachable");
    expect(calls).toBe(1);
  });
});

describe("what it answers", () => {
  test.each([200, 202, 204, 299, 400, 401, 403, 404, 405, 429, 500, 502, 503, 599])(
    "%i is its own affair",
    async (status) => {
      const env = reached(async () => new Response(null, { status }));
      expect(unwrap(await forward(ORIGIN, request(), env)).status).toBe(status);
    },
  );

  test.each([300, 301, 302, 303, 304, 307, 308])("%i is not followed", async (status) => {
    const env = reached(
      async () => new Response(null, { status, headers: { location: "https://evil.example/" } }),
    );
    expect(outcome(await forward(ORIGIN, request(), env))).toBe("origin.redirect");
  });

  test("the body of a redirect is let go", async () => {
    const { promise: cancelled, resolve } = Promise.withResolvers<unknown>();
    const body = new ReadableStream({ cancel: resolve });
    const env = reached(async () => new Response(body, { status: 302 }));
    expect(outcome(await forward(ORIGIN, request(), env))).toBe("origin.redirect");
    await cancelled;
  });
});

describe("no answer", () => {
  test("in time", async () => {
    expect(outcome(await forward({ ...ORIGIN, timeoutMs: 5 }, request(), reached(silent)))).toBe(
      "origin.timeout",
    );
  });

  test("because the client has gone", async () => {
    const client = new AbortController();
    const answer = forward(ORIGIN, request({ signal: client.signal }), reached(silent));
    client.abort();
    expect(outcome(await answer)).toBe("origin.client_gone");
  });

  test("because nobody listens", async () => {
    const closed = { ...ORIGIN, url: "http://127.0.0.1:1/mcp", binding: null };
    expect(outcome(await forward(closed, request(), {} as unknown as Env))).toBe("origin.unreachable");
  });

  test("the deadline is for the headers, not for the body", async () => {
    const signals: AbortSignal[] = [];
    const env = reached(async (_, { signal }) => {
      if (signal) signals.push(signal);
      return new Response("x");
    });
    await forward({ ...ORIGIN, timeoutMs: 5 }, request(), env);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(signals.map(({ aborted }) => aborted)).toEqual([false]);
  });
});

describe("a binding that is none", () => {
  test.each<[string, object]>([
    ["missing", {}],
    ["a text", { ORIGIN: "https://origin.example" }],
    ["null", { ORIGIN: null }],
    ["something else", { ORIGIN: { get: () => null } }],
    ["under another name", { origin: { fetch: () => null } }],
  ])("%s", async (_, env) => {
    expect(outcome(await forward(ORIGIN, request(), env as unknown as Env))).toBe("origin.misconfigured");
  });
});
