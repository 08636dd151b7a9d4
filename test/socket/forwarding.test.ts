/** What the origin receives, and what comes back: bytes, headers, status, unchanged; and never a credential. */

import { gunzipSync, gzipSync } from "node:zlib";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { signMessage } from "../../src/agent/index.ts";
import { type Scene, setScene } from "./harness.ts";
import { beginSession, decisionOf, headerOf, RESPONSE, rpc, told, toolCall, withHeader } from "./messages.ts";
import { type Arrival, answerJson, beyondFraming } from "./origin.ts";
import { type Answer, exchange, toBytes, toChunks, type Wire } from "./raw.ts";

const HOSTED = "https://mcp.acme.example/mcp";

let scene: Scene;
beforeAll(async () => {
  scene = await setScene({
    acme: {},
    hosted: { publicUrl: HOSTED },
    named: { origin: { forwardHeaders: ["x-trace", "x-tenant-note", "user-agent"] } },
  });
});
afterAll(() => scene.close());
beforeEach(() => {
  for (const tenant of ["acme", "hosted", "named"]) scene.origin(tenant).handler = answerJson;
});

/** Sends what must be admitted. Returns what the origin saw of it. */
async function arrive(tenant: string, wire: Wire, bytes = toBytes(wire)): Promise<Arrival> {
  const { arrivals } = scene.origin(tenant);
  const before = arrivals.length;
  const answer = await exchange(scene.url, bytes);
  expect(told(answer)).toBe("200");
  expect(arrivals.length - before).toBe(1);
  return arrivals.at(-1) as Arrival;
}

describe("the body, byte for byte", () => {
  const args = { query: "e\u0301 \u{1F9ED} \u2028 </script>", "": null, a: [1e-7, 1.5, {}] };
  const bodies: Record<string, string> = {
    "as JSON.stringify writes it": toolCall("search", args),
    "odd white space": `\r\n\t { "jsonrpc" :"2.0",\n"id":\t1 , "method":"tools/call","params":{"name":"search","arguments":{} } }\n\n`,
    "needless escapes":
      '{"\\u006asonrpc":"2.0","id":"\\u0031","method":"tools\\/call","params":{"name":"s\\u0065arch","arguments":{"q":"\\ud83e\\udded\\u00e9"}}}',
    "numbers in odd spellings":
      '{"jsonrpc":"2.0","id":10e-1,"method":"tools/call","params":{"name":"search","arguments":{"n":[1.0,1E2,0.10]}}}',
    "names of Object.prototype":
      '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"search","arguments":{"__proto__":{"a":1},"constructor":2}}}',
    "900 kB": toolCall("search", { query: "\u{1F9ED}x".repeat(180_000) }),
  };
  test.each(Object.entries(bodies))("%s", async (_name, body) => {
    const bytes = Buffer.from(body);
    const wire = await scene.sign("acme", bytes);
    expect((await arrive("acme", wire)).body.equals(bytes)).toBe(true);
    const inChunks = await scene.sign("acme", bytes);
    expect((await arrive("acme", inChunks, toChunks(inChunks, 4099))).body.equals(bytes)).toBe(true);
  });
});

describe("the method", () => {
  test.each(["GET", "DELETE"])("%s, without a body", async (method) => {
    const arrival = await arrive("acme", await scene.sign("acme", null, { method }));
    expect([arrival.method, arrival.target, arrival.body.length]).toEqual([method, "/acme", 0]);
  });
  test("POST of a notification and of a response", async () => {
    const headers = { "mcp-session-id": await beginSession(scene, "acme") };
    for (const body of [rpc("notifications/initialized", {}, null), RESPONSE]) {
      const arrival = await arrive("acme", await scene.sign("acme", body, { headers }));
      expect([arrival.method, arrival.body.toString()]).toEqual(["POST", body]);
    }
  });
});

describe("the headers", () => {
  const HOSTILE: Readonly<Record<string, string>> = {
    cookie: "session=1",
    forwarded: "for=1.2.3.4",
    "x-forwarded-for": "1.2.3.4",
    "x-forwarded-host": "evil.example",
    "x-forwarded-proto": "https",
    "x-real-ip": "1.2.3.4",
    "cf-connecting-ip": "1.2.3.4",
    "x-original-url": "/admin",
    "x-http-method-override": "DELETE",
    "proxy-authorization": "Basic eDp5",
    "countersign-decision": "of-my-choice",
    "countersign-assertion": "of-my-choice",
    "user-agent": "somebody",
    referer: "https://evil.example",
    te: "trailers",
    via: "1.1 nowhere",
    "accept-language": "de",
    "x-api-key": "k",
    "cache-control": "only-if-cached",
    "accept-encoding": "gzip",
  };
  const PASSED: Readonly<Record<string, string>> = {
    "mcp-session-id": "s-1",
    "mcp-protocol-version": "2025-11-25",
    "mcp-param-colour": "red",
    "last-event-id": "7",
    traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    tracestate: "a=b",
    baggage: "c=d",
  };

  // The profile poc signs none of these, and one of them is the caller's word.
  const { "last-event-id": _, ...UNSIGNED } = PASSED;

  test.each([
    ["reader", PASSED],
    ["courier", UNSIGNED],
  ] as const)("exactly those of the list, from the %s", async (who, expected) => {
    const wire = await scene.sign("acme", toolCall("sealed"), {
      caller: scene[who],
      headers: {
        ...HOSTILE,
        ...PASSED,
        "mcp-session-id": await beginSession(scene, "acme", "s-1", { caller: scene[who] }),
      },
    });
    const arrival = await arrive("acme", wire);
    expect(beyondFraming(arrival)).toEqual({
      accept: "application/json, text/event-stream",
      "content-type": "application/json",
      // The one piece of evidence that is meant for the origin too: it can verify it again.
      "x-mcp-attestation": headerOf(wire, "x-mcp-attestation"),
      "countersign-assertion": expect.stringMatching(/^[\w-]+\.[\w-]+\.[\w-]+$/),
      ...expected,
    });
    const added = Object.fromEntries(arrival.rawHeaders.map(([name, value]) => [name.toLowerCase(), value]));
    expect(added["accept-encoding"]).toBe("identity");
    expect(added["cache-control"]).not.toContain("only-if-cached");
    expect(added.host).toBe(new URL(scene.origin("acme").url).host);
  });

  test("no credential, and of the evidence only the attestation, anywhere in what arrives", async () => {
    for (const wishes of [
      {},
      { mandateHeader: "act-mandate" as const },
      { ectHeader: "execution-context" as const },
    ]) {
      const wire = await scene.sign("acme", toolCall("sealed"), wishes);
      const secrets = ["authorization", "act-mandate", "wimse-ect", "execution-context", "signature"].flatMap(
        (name) => headerOf(wire, name).replace(/^Bearer /, "") || [],
      );
      expect(secrets).toHaveLength(3);
      const seen = JSON.stringify((await arrive("acme", wire)).rawHeaders);
      for (const secret of secrets) expect(seen).not.toContain(secret);
    }
  });

  test("a host tenant: the host the client named is not the origin's business", async () => {
    const arrival = await arrive("hosted", await scene.sign("hosted", toolCall()));
    expect(JSON.stringify(arrival.rawHeaders)).not.toContain("mcp.acme.example");
  });
});

describe("headers the tenant forwards", () => {
  const cover = ["x-trace", "x-tenant-note", "user-agent"];
  const headers = { "x-trace": "t-1", "user-agent": "kit/1" };

  test("arrive when the signature covers them, and only those that were sent", async () => {
    const arrival = await arrive("named", await scene.sign("named", toolCall(), { cover, headers }));
    expect(beyondFraming(arrival)).toMatchObject(headers);
    expect(beyondFraming(arrival)).not.toHaveProperty("x-tenant-note");
  });

  test.each(["x-trace", "x-tenant-note", "user-agent"])("%s uncovered: refused", async (name) => {
    const wire = await scene.sign("named", toolCall(), { headers: { [name]: "t" } });
    const answer = await scene.send(wire);
    expect(told(answer)).toBe("403 signature.invalid");
    expect(await scene.logged(answer)).toBe("signature.coverage");
  });

  test("added to a captured request: refused; changed: refused", async () => {
    const added = await scene.send(
      withHeader(await scene.sign("named", toolCall(), { cover }), "x-trace", "t"),
    );
    expect(await scene.logged(added)).toBe("signature.coverage");
    const wire = await scene.sign("named", toolCall(), { cover, headers });
    expect(await scene.logged(await scene.send(withHeader(wire, "x-trace", "t-2")))).toBe(
      "signature.mismatch",
    );
  });

  test("repeated, they arrive as the one value that was signed", async () => {
    const wire = await scene.sign("named", toolCall(), { cover, headers: { "x-trace": "a, b" } });
    const lines = withHeader(wire, "x-trace", null);
    const two = { ...lines, headers: [...lines.headers, ["x-trace", "a"], ["X-Trace", "b"]] as const };
    expect(beyondFraming(await arrive("named", two))["x-trace"]).toBe("a, b");
  });

  test("in the profile poc, which covers no further headers: admitted without them", async () => {
    const wire = await scene.sign("named", toolCall(), { caller: scene.courier, headers });
    const seen = beyondFraming(await arrive("named", wire));
    expect(Object.keys(seen).sort()).toEqual(["accept", "content-type", "countersign-assertion"]);
  });

  test("in the profile poc, covered of its own accord", async () => {
    const { courier } = scene;
    const wire = await scene.sign("named", toolCall(), { caller: courier, headers });
    const names = ["content-digest", "wimse-ect", "x-trace", "user-agent"];
    const visible = new Headers(wire.headers.filter(([n]) => names.includes(n)).map(([n, v]) => [n, v]));
    expect([...visible.keys()]).toHaveLength(4);
    const url = scene.endpoint("named");
    const now = Math.floor(Date.now() / 1000);
    const signed = await signMessage(
      { method: "POST", url, headers: visible },
      {
        signer: courier.signer,
        profile: "agent",
        audience: url,
        cover,
        nonce: "n",
        now,
        lifetimeSeconds: 60,
      },
    );
    const covered = withHeader(
      withHeader(wire, "signature-input", signed.signatureInput),
      "signature",
      signed.signature,
    );
    expect(beyondFraming(await arrive("named", covered))).toMatchObject(headers);
  });
});

describe("what comes back", () => {
  const answered = async (
    status: number,
    headers: Record<string, string | string[]>,
    body: string | Buffer,
  ) => {
    scene.origin("acme").handler = ({ response }) => void response.writeHead(status, headers).end(body);
    return scene.send(await scene.sign("acme", toolCall()));
  };

  test.each<[number, string]>([
    [200, '{"jsonrpc":"2.0", "id":1 ,"result":{}}\n'],
    [202, ""],
    [204, ""],
    [205, ""],
    [400, '{"jsonrpc":"2.0","id":1,"error":{"code":-32602,"message":"no"}}'],
    [401, "who are you"],
    [404, '{"jsonrpc":"2.0","error":{"code":-32001,"message":"Session not found"},"id":null}'],
    [409, ""],
    [418, "\u0000\u{1F9ED}"],
    [429, "later"],
    [500, "<h1>oops</h1>"],
    [503, ""],
    [599, "x"],
  ])("status %i and its body", async (status, body) => {
    const answer = await answered(status, { "content-type": "text/plain", "x-origin": "1" }, body);
    expect([answer.status, answer.text]).toEqual([status, body]);
    expect(answer.headers.get("x-origin")).toBe("1");
    expect(answer.headers.get("countersign-ect")).toBe("recorded");
    decisionOf(answer);
  });

  test("bytes that are no text", async () => {
    const body = Buffer.from(Array.from({ length: 70_000 }, (_, i) => (i * 7919) % 256));
    const answer = await answered(200, { "content-type": "application/octet-stream" }, body);
    expect(answer.body.equals(body)).toBe(true);
  });

  test("headers, but not those of the connection, and none in our name", async () => {
    const answer = await answered(
      200,
      {
        "content-type": "application/json; charset=utf-8",
        "mcp-session-id": "abc",
        "www-authenticate": 'Bearer realm="x"',
        "set-cookie": ["a=1; Path=/", "b=2"],
        etag: 'W/"1"',
        "access-control-allow-origin": "*",
        "x-accel-buffering": "no",
        "keep-alive": "timeout=5",
        "proxy-authenticate": "Basic",
        "countersign-decision": "AAAAAAAAAAAAAAAAAAAAAA",
        "countersign-ect": "forged",
        "countersign-anything": "forged",
      },
      "{}",
    );
    const { date: _, ...headers } = Object.fromEntries(answer.headers);
    expect(headers).toEqual({
      "content-security-policy": "default-src 'none'; sandbox",
      "content-type": "application/json; charset=utf-8",
      "mcp-session-id": expect.stringMatching(/^[\w-]+\.[\w-]{40,}$/),
      etag: 'W/"1"',
      "access-control-allow-origin": "*",
      "x-accel-buffering": "no",
      "transfer-encoding": "chunked",
      "countersign-decision": expect.not.stringContaining("AAAA"),
      "countersign-ect": "recorded",
      "countersign-receipt": expect.stringMatching(/^[\w-]+\.[\w-]+\.[\w-]+$/),
    });
  });

  test("an origin that compresses though it was asked not to: the content is the same", async () => {
    const body = `{"text":"${"wax ".repeat(1000)}"}`;
    const headers = { "content-type": "application/json", "content-encoding": "gzip" };
    const answer = await answered(200, headers, gzipSync(body));
    expect(answer.headers.get("content-encoding")).toBe("gzip");
    expect(gunzipSync(answer.body).toString()).toBe(body);
  });

  test("the outcome has status and digest of what the client was sent", async () => {
    const answer: Answer = await answered(404, {}, "gone");
    const row = (await scene.rows([`${decisionOf(answer)}.outcome`])).get(`${decisionOf(answer)}.outcome`);
    const digest = Buffer.from(await crypto.subtle.digest("SHA-256", answer.body)).toString("base64url");
    expect(row).toMatchObject({ kind: "outcome", status: 404, reason: null, output_hash: digest });
  });
});
