import { describe, expect, test } from "vitest";
import { createFetch, type FetchOptions } from "../../src/agent/index.ts";
import { utf8 } from "../../src/encoding.ts";
import {
  agent,
  fakeNetwork,
  judge,
  outcome,
  recorded,
  rpc,
  SEARCH,
  URL_OF_TENANT,
  verified,
} from "./helpers.ts";

const EVIDENCE = [
  "act-mandate",
  "authorization",
  "content-digest",
  "execution-context",
  "signature",
  "signature-input",
  "wimse-ect",
  "x-mcp-attestation",
];

const POST = { method: "POST", headers: { "content-type": "application/json" } };

function kit(network = fakeNetwork(), changes: Partial<FetchOptions> = {}) {
  const options = { ...agent(), endpoint: URL_OF_TENANT, fetch: network.fetch, ...changes };
  return { fetch: createFetch(options), run: options.run, sent: network.sent };
}

describe("nobody else gets evidence", () => {
  test.each([
    ["another origin", "https://auth.example/.well-known/oauth-authorization-server"],
    ["metadata of the same origin", "https://gateway.example/.well-known/oauth-protected-resource/acme/mcp"],
    ["another tenant", "https://gateway.example/other/mcp"],
    ["a path below", `${URL_OF_TENANT}/x`],
    ["a final slash", `${URL_OF_TENANT}/`],
    ["another scheme", URL_OF_TENANT.replace("https", "http")],
    ["another port", URL_OF_TENANT.replace("example", "example:8443")],
    ["the endpoint as a query", `https://auth.example/?u=${URL_OF_TENANT}`],
  ])("%s", async (_name, url) => {
    const { fetch, sent } = kit();
    const init = { ...POST, body: SEARCH, redirect: "follow" as const };
    for (const input of [url, new URL(url), new Request(url)]) await fetch(input, init);
    expect(sent).toHaveLength(3);
    for (const { request, init: given } of sent) {
      expect([...request.headers.keys()].filter((name) => EVIDENCE.includes(name))).toEqual([]);
      expect(given).toBe(init);
    }
  });

  test.each([301, 302, 303, 307, 308])("a redirect with %d is refused", async (status) => {
    const headers = { location: "https://evil.example/mcp" };
    const { fetch, sent } = kit(fakeNetwork(() => new Response(null, { status, headers })));
    await expect(fetch(URL_OF_TENANT, { ...POST, body: SEARCH, redirect: "follow" })).rejects.toThrow(
      "redirect to https://evil.example/mcp",
    );
    expect(sent).toHaveLength(1);
    expect(sent[0]?.init?.redirect).toBe("manual");
  });
});

describe("the endpoint gets evidence", () => {
  const body = utf8(SEARCH);
  test.each<[string, string | URL | Request, RequestInit | undefined]>([
    ["text", URL_OF_TENANT, { ...POST, body: SEARCH }],
    ["bytes", new URL(URL_OF_TENANT), { ...POST, body }],
    ["an ArrayBuffer", URL_OF_TENANT, { ...POST, body: body.buffer }],
    ["a Blob", URL_OF_TENANT, { ...POST, body: new Blob([body]) }],
    ["a Request", new Request(URL_OF_TENANT, { ...POST, body: SEARCH }), undefined],
    ["a Request with another body", new Request(URL_OF_TENANT, { ...POST, body: "{}" }), { body: SEARCH }],
    ["a URL in another spelling", "HTTPS://Gateway.example:443/x/../acme/mcp#top", { ...POST, body: SEARCH }],
  ])("%s", async (_name, input, init) => {
    const { fetch, sent } = kit();
    await fetch(input, init);
    expect(sent).toHaveLength(1);
    const request = sent[0]?.request ?? new Request(URL_OF_TENANT);
    expect(request.url).toBe(URL_OF_TENANT);
    expect(await request.clone().text()).toBe(SEARCH);
    expect(outcome(await judge(request))).toBe("ok");
  });

  test.each(["GET", "DELETE"])("%s", async (method) => {
    const { fetch, sent } = kit();
    await fetch(URL_OF_TENANT, { method, headers: { accept: "text/event-stream" } });
    const { caller } = verified(await judge(sent[0]?.request ?? new Request(URL_OF_TENANT)));
    expect(caller.ect).toBeNull();
  });

  test("with a query, which is signed too", async () => {
    const { fetch, sent } = kit();
    await fetch(`${URL_OF_TENANT}?shard=1`, { ...POST, body: SEARCH });
    expect(sent[0]?.request.headers.get("signature-input")).toContain(`wimse-aud="${URL_OF_TENANT}"`);
    const { headers } = sent[0]?.request ?? new Request(URL_OF_TENANT);
    const bare = new Request(URL_OF_TENANT, { method: "POST", headers, body: SEARCH });
    expect(outcome(await judge(bare))).toBe("signature.mismatch");
  });

  test("its own headers and other settings stay", async () => {
    const { fetch, sent } = kit();
    const init = {
      ...POST,
      headers: { ...POST.headers, "mcp-session-id": "s-1" },
      body: SEARCH,
      dispatcher: "d",
    };
    await fetch(URL_OF_TENANT, init as RequestInit);
    expect(sent[0]?.request.headers.get("mcp-session-id")).toBe("s-1");
    expect(sent[0]?.init).toMatchObject({ dispatcher: "d" });
    expect(init.headers).not.toHaveProperty("authorization");
  });
});

describe("the run", () => {
  test("grows with what is recorded", async () => {
    const answers = [recorded(), recorded("not-recorded"), recorded()];
    const { fetch, run, sent } = kit(fakeNetwork(() => answers.shift() ?? recorded(null)));
    const call = async (body: string) => {
      await fetch(URL_OF_TENANT, { ...POST, body });
      return verified(await judge(sent.at(-1)?.request ?? new Request(URL_OF_TENANT))).caller.ect;
    };
    const first = await call(SEARCH);
    expect(first?.pred).toEqual([run.mandate.jti]);
    const refused = await call(SEARCH);
    expect(refused?.pred).toEqual([run.mandate.jti, first?.jti]);
    const ping = await call(rpc("ping"));
    expect(ping?.pred).toEqual([run.mandate.jti]);
    expect((await call(SEARCH))?.pred).toEqual([run.mandate.jti, first?.jti]);
  });

  test("a call without an answer does not join", async () => {
    let fails = true;
    const { fetch, run } = kit(
      fakeNetwork(() => {
        if (fails) throw new TypeError("network");
        return recorded();
      }),
    );
    await expect(fetch(URL_OF_TENANT, { ...POST, body: SEARCH })).rejects.toThrow("network");
    expect(run.pred(true)).toEqual([run.mandate.jti]);
    fails = false;
    await fetch(URL_OF_TENANT, { ...POST, body: SEARCH });
    expect(run.pred(true)).toHaveLength(2);
  });
});

describe("the response", () => {
  test("is handed on while it still streams", async () => {
    const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
    const answer = new Response(readable, { headers: { "content-type": "text/event-stream" } });
    const { fetch } = kit(fakeNetwork(() => answer));
    const response = await fetch(URL_OF_TENANT, { ...POST, body: SEARCH });
    expect(response).toBe(answer);
    const writer = writable.getWriter();
    const written = writer.write(new TextEncoder().encode("data: 1\n\n"));
    const reader = response.body?.getReader();
    expect(new TextDecoder().decode((await reader?.read())?.value)).toBe("data: 1\n\n");
    await written;
    await reader?.cancel();
  });

  test("a refusal is an answer like any other", async () => {
    const { fetch } = kit(fakeNetwork(() => new Response("no", { status: 403 })));
    expect((await fetch(URL_OF_TENANT, { ...POST, body: SEARCH })).status).toBe(403);
  });

  test("the caller's signal reaches the sender", async () => {
    const { fetch, sent } = kit();
    const { signal } = new AbortController();
    await fetch(URL_OF_TENANT, { ...POST, body: SEARCH, signal });
    expect(sent[0]?.init?.signal).toBe(signal);
  });
});
