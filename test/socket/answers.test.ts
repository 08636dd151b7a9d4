/** What a refused caller gets, byte for byte as a client or a browser sees it; and the answers to browsers. */

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Scene, setScene, type Wishes } from "./harness.ts";
import { decisionOf, resign, rpc, told, toolCall, withHeader } from "./messages.ts";
import { type Answer, exchange, toBytes, type Wire } from "./raw.ts";

const SITE = "https://app.example";

let scene: Scene;
beforeAll(async () => {
  scene = await setScene({
    acme: { allowedOrigins: [SITE], origin: { forwardHeaders: ["x-trace"] } },
    plain: {},
    suspended: { status: "suspended" },
  });
});
afterAll(() => scene.close());

const list = (value: string | undefined): string[] => (value ?? "").toLowerCase().split(/, */);

describe("CORS", () => {
  const preflight = async (origin: string | null, tenant = "acme"): Promise<Answer> => {
    const asked = "authorization, content-type, mcp-param-colour, signature, cookie";
    const wire: Wire = {
      method: "OPTIONS",
      target: `/${tenant}/mcp`,
      headers: [
        ["Host", new URL(scene.url).host],
        ["Access-Control-Request-Method", "POST"],
        ["Access-Control-Request-Headers", asked],
        ...(origin === null ? [] : [["Origin", origin] as const]),
      ],
      body: Buffer.alloc(0),
    };
    return exchange(scene.url, toBytes(wire));
  };

  test("a preflight from an allowed site, without evidence", async () => {
    const { status, headers, body } = await preflight(SITE);
    expect([status, body.length]).toEqual([204, 0]);
    expect(headers.get("access-control-allow-origin")).toBe(SITE);
    expect(headers.has("access-control-allow-credentials")).toBe(false);
    expect(list(headers.get("access-control-allow-methods")).sort()).toEqual(["delete", "get", "post"]);
    expect(headers.get("vary")).toMatch(/origin/i);
    const allowed = list(headers.get("access-control-allow-headers"));
    const wire = await scene.sign("acme", toolCall("sealed"));
    const sent = wire.headers.map(([name]) => name.toLowerCase()).filter((name) => name !== "host");
    expect(allowed).toEqual(
      expect.arrayContaining([...sent, "act-mandate", "execution-context", "mcp-param-colour", "x-trace"]),
    );
    expect(allowed).not.toContain("cookie");
    decisionOf({ headers });
  });

  test.each([
    ["another site", "https://evil.example"],
    ["the same host over http", "http://app.example"],
    ["a longer host", "https://app.example.evil.example"],
    ["other capitals", "https://APP.example"],
    ["null", "null"],
    ["two", `${SITE}, https://evil.example`],
    ["a slash behind it", `${SITE}/`],
  ])("a preflight from %s is refused", async (_name, origin) => {
    const answer = await preflight(origin);
    expect(told(answer)).toBe("403 origin_header.not_allowed");
    expect([...answer.headers.keys()].filter((name) => name.startsWith("access-control"))).toEqual([]);
  });

  test("two Origin lines, also where both are allowed", async () => {
    const wire = await scene.sign("acme", toolCall());
    const lines = [
      ["Origin", SITE],
      ["Origin", SITE],
    ] as const;
    const answer = await scene.send({ ...wire, headers: [...wire.headers, ...lines] });
    expect(told(answer)).toBe("403 origin_header.not_allowed");
    expect(await scene.logged(answer)).toBe("origin_header.not_allowed");
    expect(told(await scene.send(wire))).toBe("200");
  });

  test("a tenant that allows no site", async () => {
    expect(told(await preflight(SITE, "plain"))).toBe("403 origin_header.not_allowed");
    expect(told(await preflight(SITE, "nobody"))).toBe("404 target.unknown");
  });

  test("a call with all its evidence, from another site: refused before anything is looked at", async () => {
    const wire = withHeader(await scene.sign("acme", toolCall()), "origin", "https://evil.example");
    const before = scene.origin("acme").arrivals.length;
    const answer = await scene.send(wire);
    expect(told(answer)).toBe("403 origin_header.not_allowed");
    expect(await scene.logged(answer)).toBe("origin_header.not_allowed");
    expect(scene.origin("acme").arrivals.length).toBe(before);
    // Nothing was spent: from the right place it passes. A browser adds Origin on its own, so nobody signs it.
    expect(told(await scene.send(withHeader(wire, "origin", SITE)))).toBe("200");
  });

  test("answers and denials can be read by the site, with the headers that matter", async () => {
    const honest = withHeader(await scene.sign("acme", toolCall()), "origin", SITE);
    const stripped = withHeader(honest, "authorization", null);
    for (const [wire, expected] of [
      [honest, "200"],
      [honest, "403 replay.ect"],
      [stripped, "401 bearer.missing"],
      [{ ...honest, method: "PUT" }, "405 message.http_method"],
    ] as const) {
      const answer = await scene.send(wire);
      expect(told(answer)).toBe(expected);
      expect(answer.headers.get("access-control-allow-origin")).toBe(SITE);
      expect(list(answer.headers.get("access-control-expose-headers"))).toEqual(
        expect.arrayContaining([
          "countersign-decision",
          "countersign-ect",
          "mcp-session-id",
          "mcp-protocol-version",
          "www-authenticate",
          "retry-after",
        ]),
      );
    }
  });

  test("what the origin says about CORS does not open the tenant to another site", async () => {
    scene.origin("acme").handler = ({ response }) =>
      void response.writeHead(200, { "access-control-allow-origin": "*", vary: "Accept" }).end("{}");
    const wire = withHeader(await scene.sign("acme", toolCall()), "origin", SITE);
    const { headers } = await scene.send(wire);
    expect(headers.get("access-control-allow-origin")).toBe(SITE);
    expect(list(headers.get("vary"))).toEqual(["accept", "origin"]);
  });
});

/** Sends, and expects the JSON-RPC error that DESIGN gives as the one shape of all denials. */
async function denied(
  wire: Wire,
  status: number,
  reason: string,
  id: string | number | null,
): Promise<Answer> {
  const answer = await scene.send(wire);
  expect(told(answer)).toBe(`${status} ${reason}`);
  const body = JSON.parse(answer.text);
  expect(body).toEqual({
    jsonrpc: "2.0",
    ...(id !== null && { id }),
    error: {
      code: expect.any(Number),
      message: expect.stringMatching(/^[A-Z].*\.$/),
      data: { reason, decision: decisionOf(answer), docs: `docs/reasons.md#${reason}` },
    },
  });
  expect(answer.headers.get("content-type")).toBe("application/json");
  expect(answer.headers.get("cache-control")).toBe("no-store");
  return answer;
}

describe("denials", () => {
  const stranger = (): Wishes => ({ signer: { ...scene.reader.signer, kid: "nobody" } });

  test.each<[string, string | number]>([
    ["a string", "call-7"],
    ["a number", 12],
    ["an empty string", ""],
    ["odd characters", '\u{1F9ED}"\\\n'],
  ])("the request's id comes back: %s", async (_name, id) => {
    await denied(
      await scene.sign("acme", toolCall("search", {}, id), stranger()),
      403,
      "signature.invalid",
      id,
    );
  });

  test("no id where none was read, or none was sent", async () => {
    const stripped = withHeader(await scene.sign("acme", toolCall()), "authorization", null);
    await denied(stripped, 401, "bearer.missing", null);
    const notification = await scene.sign("acme", rpc("notifications/initialized", {}, null), stranger());
    await denied(notification, 403, "signature.invalid", null);
    const get = await scene.sign("acme", null, { method: "GET", ...stranger() });
    await denied(get, 403, "signature.invalid", null);
  });

  test("the code is the status, or for protocol faults what JSON-RPC and MCP say", async () => {
    const codeOf = async (wire: Wire) => JSON.parse((await scene.send(wire)).text).error.code;
    const honest = await scene.sign("acme", toolCall());
    const withBody = (body: string) => ({ ...honest, body: Buffer.from(body) });
    expect(await codeOf(withHeader(honest, "authorization", null))).toBe(401);
    expect(await codeOf(withBody("{"))).toBe(-32700);
    expect(await codeOf(withBody("[]"))).toBe(-32600);
    expect(await codeOf(withBody(rpc("tools/call", { name: 1 })))).toBe(-32602);
    expect(await codeOf(withHeader(honest, "mcp-method", "tools/list"))).toBe(-32020);
    expect(await codeOf({ ...honest, target: "/nobody/mcp" })).toBe(404);
  });

  test.each([
    ["nothing sent", null, 'Bearer realm="mcp"', "bearer.missing"],
    ["not a token", "Bearer x", 'Bearer realm="mcp", error="invalid_token"', "bearer.invalid"],
    ["another scheme", "Basic eDp5", 'Bearer realm="mcp", error="invalid_token"', "bearer.invalid"],
  ])("401 with a challenge: %s", async (_name, value, challenge, reason) => {
    for (const method of ["POST", "GET", "DELETE"]) {
      const wire = await scene.sign("acme", method === "POST" ? toolCall() : null, { method });
      const answer = await denied(withHeader(wire, "authorization", value), 401, reason, null);
      const metadata = `${scene.url}/.well-known/oauth-protected-resource/acme/mcp`;
      expect(answer.headers.get("www-authenticate")).toBe(`${challenge}, resource_metadata="${metadata}"`);
    }
  });

  test("a stranger is told the group, the log knows the reason", async () => {
    const answers = [
      await denied(await scene.sign("plain", toolCall(), stranger()), 403, "signature.invalid", 1),
      await denied(
        await scene.sign("plain", toolCall(), {
          run: await scene.run("plain", { aud: "https://other.example" }),
        }),
        401,
        "bearer.invalid",
        // Refused before the body is read.
        null,
      ),
      await denied(
        await scene.sign("plain", toolCall(), { ectIssuer: "agent:writer" }),
        403,
        "ect.invalid",
        1,
      ),
    ];
    const rows = await scene.rows(answers.map(decisionOf));
    expect(answers.map((answer) => rows.get(decisionOf(answer)))).toMatchObject([
      { principal: "unverified", verdict: "denied", reason: "signature.key_unknown", status: 403 },
      { principal: "unverified", verdict: "denied", reason: "act.audience", status: 401 },
      { principal: "unverified", verdict: "denied", reason: "ect.issuer", status: 403 },
    ]);
  });

  test("server/discover: never a status that means an old server", async () => {
    const honest = await scene.sign("acme", rpc("server/discover"), stranger());
    await denied(honest, 403, "signature.invalid", 1);
    await denied(
      { ...honest, body: Buffer.from(rpc("server/discover").slice(1)) },
      400,
      "message.not_json",
      null,
    );
    // Where the body tells nothing, the header's word is taken for the form of the answer.
    const hinted = withHeader({ ...honest, body: Buffer.from("{") }, "mcp-method", "server/discover");
    await denied(hinted, 403, "message.not_json", null);
    const suspended = await scene.sign("suspended", rpc("server/discover"));
    await denied(suspended, 403, "policy.tenant_suspended", 1);
  });

  test("tools/call by a known caller: 200 for a grant, 403 for a replay", async () => {
    const run = await scene.run("acme", { actions: ["mcp.write"] });
    const wire = await scene.sign("acme", toolCall("search"), { run });
    const answer = await denied(wire, 200, "capability.missing", 1);
    expect(JSON.parse(answer.text).error.code).toBe(403);
    // Denied, but a step of the run from now on: the next one may name it.
    expect(answer.headers.get("countersign-ect")).toBe("recorded");
    const again = await denied(wire, 403, "replay.ect", 1);
    expect(again.headers.get("countersign-ect")).toBe("not-recorded");
    await denied(await scene.sign("suspended", toolCall()), 200, "policy.tenant_suspended", 1);
    await denied(await scene.sign("acme", rpc("tools/list"), { run }), 403, "capability.missing", 1);
  });

  test("a failed attestation of a known caller: the tool result of SEP-2787, and nothing more", async () => {
    const signer = scene.writer.attestor;
    const wire = await scene.sign("plain", toolCall("sealed", {}, "s"), {
      attestation: { signer, intent: "x" },
    });
    const answer = await scene.send(wire);
    expect(JSON.parse(answer.text)).toEqual({
      jsonrpc: "2.0",
      id: "s",
      result: {
        isError: true,
        content: [{ type: "text", text: '{"attestationError":true,"reason":"signature_invalid"}' }],
      },
    });
    expect(await scene.logged(answer)).toBe("attestation.principal_mismatch");
    // In the modern era a result says that it is complete.
    const _meta = { "io.modelcontextprotocol/protocolVersion": "2026-07-28" };
    const body = rpc("tools/call", { name: "sealed", arguments: {}, _meta });
    const headers = {
      "mcp-protocol-version": "2026-07-28",
      "mcp-method": "tools/call",
      "mcp-name": "sealed",
    };
    const modern = await scene.sign("plain", body, { headers, attestation: { signer, intent: "x" } });
    expect(JSON.parse((await scene.send(modern)).text).result.resultType).toBe("complete");
  });

  test("a stranger gets no tool result", async () => {
    const never = { signer: scene.reader.attestor, intent: "x", when: () => false };
    const wire = await scene.sign("plain", toolCall("sealed"), { attestation: never, ...stranger() });
    await denied(wire, 403, "signature.invalid", 1);
  });

  test("the caller's own texts are nowhere in a denial, but for its id", async () => {
    const mark = "<script>mark</script>";
    const wire = await scene.sign("acme", toolCall("search", { query: mark }), stranger());
    const answer = await scene.send(withHeader(wire, "x-mark", mark));
    expect(answer.text + JSON.stringify([...answer.headers])).not.toContain("mark</script>");
  });

  test("the answer to a request that is signed anew after the denial is an admission", async () => {
    const wire = await scene.sign("acme", toolCall(), { audience: "https://other.example" });
    await denied(wire, 403, "signature.invalid", 1);
    await denied(await resign(scene, "acme", wire), 403, "ect.invalid", 1);
    expect(told(await scene.send(await scene.sign("acme", toolCall())))).toBe("200");
  });
});
