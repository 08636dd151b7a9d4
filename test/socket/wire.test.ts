/**
 * Raw bytes that no client library would send. The Worker is in charge of its answers: each has a decision id and
 * none is a 5xx. What does not parse as HTTP workerd answers itself, with no decision id ("not ours").
 */

import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { MAX_BODY_BYTES } from "../../src/limits.ts";
import { type Scene, setScene } from "./harness.ts";
import { decisionOf, told, toolCall, withHeader } from "./messages.ts";
import { type Answer, Connection, exchange, head, toBytes, toChunks, type Wire } from "./raw.ts";

let scene: Scene;
let stalled: Promise<Answer>;
beforeAll(async () => {
  scene = await setScene({
    acme: {},
    hosted: { publicUrl: "https://mcp.acme.example/mcp" },
    bytes: {},
    "bytes-poc": {},
    sizes: {},
  });
  // Takes as long as the deadline for bodies, so it runs beside everything else.
  stalled = scene.sign("acme", toolCall()).then((wire) => exchange(scene.url, announcing(wire, 1000)));
  stalled.catch(() => {});
});
afterAll(() => scene.close());

let arrivedBefore = 0;
const arrived = () =>
  ["acme", "hosted", "bytes", "bytes-poc", "sizes"].flatMap((t) => scene.origin(t).arrivals).length;

/** After whatever was sent, an honest call on a new connection goes through. */
afterEach(async () => {
  expect(told(await scene.send(await scene.sign("acme", toolCall())))).toBe("200");
  arrivedBefore = arrived();
});

/** The answer in short. Nothing but a plain "200" may have reached the origin. */
async function seen(bytes: Uint8Array | string): Promise<string> {
  const answer = await exchange(scene.url, bytes);
  const ours = answer.headers.has("countersign-decision");
  if (ours) decisionOf(answer);
  const short = ours ? told(answer) : `${answer.status} not ours`;
  expect(arrived() - arrivedBefore).toBe(short === "200" ? 1 : 0);
  return short;
}

const announcing = (wire: Wire, length: number | string): Buffer =>
  Buffer.concat([head(wire, [["Content-Length", String(length)]]), wire.body]);

const call = (tenant = "acme") => scene.sign(tenant, toolCall());

describe("request targets", () => {
  test.each<[string, string]>([
    ["/acme/../acme/mcp", "404 target.not_canonical"],
    ["/acme/./mcp", "404 target.not_canonical"],
    ["//acme/mcp", "404 target.not_canonical"],
    ["/acme//mcp", "404 target.not_canonical"],
    ["/acme/%6dcp", "404 target.not_canonical"],
    ["/acme%2fmcp", "404 target.not_canonical"],
    ["/acme/mcp%00", "404 target.not_canonical"],
    ["/acme/mcp;x=1", "404 target.not_canonical"],
    ["/acme\\mcp", "404 target.not_canonical"],
    ["/acme/mcp/", "404 target.unknown"],
    ["/ACME/mcp", "404 target.unknown"],
    ["/acme/MCP", "404 target.unknown"],
    ["/acme", "404 target.unknown"],
    ["/", "404 target.unknown"],
    ["*", "404 target.unknown"],
    ["/nobody/mcp", "404 target.unknown"],
    ["/hosted/mcp", "404 target.unknown"],
    ["/__proto__/mcp", "404 target.unknown"],
    ["/acme/mcp?x=1", "404 target.query_not_allowed"],
    ["/acme/mcp?", "404 target.query_not_allowed"],
    ["https://mcp.acme.example/mcp", "404 target.unknown"],
    ["http://elsewhere.example/nobody/mcp", "404 target.unknown"],
    // workerd takes the authority from Host, never from the line, and drops a fragment: what is signed and what
    // is served is the configured URL in any case.
    ["http://elsewhere.example/acme/mcp", "200"],
    ["/acme/mcp#fragment", "200"],
    ["acme/mcp", "400 not ours"],
    ["/acme/m\xe9cp", "400 not ours"],
    ["/acme/mcp x", "400 not ours"],
  ])("%s: %s", async (target, expected) => {
    expect(await seen(toBytes({ ...(await call()), target }))).toBe(expected);
  });
});

describe("hosts", () => {
  test.each<[string, "acme" | "hosted", string]>([
    ["nobody.example", "acme", "404 target.unknown"],
    ["mcp.acme.example", "acme", "404 target.unknown"],
    ["mcp.acme.example", "hosted", "200"],
    ["MCP.Acme.example", "hosted", "200"],
    ["mcp.acme.example.", "hosted", "404 target.unknown"],
    ["mcp.acme.example:80", "hosted", "404 target.unknown"],
    ["x.mcp.acme.example", "hosted", "404 target.unknown"],
    ["mcp.acme.example/mcp", "hosted", "404 target.unknown"],
    ["user@mcp.acme.example", "hosted", "404 target.unknown"],
    ["a b", "acme", "404 target.unknown"],
    ["\xe9", "acme", "400 not ours"],
    ["localhost", "acme", "404 target.unknown"],
    ["", "acme", "400 not ours"],
  ])("Host: %s for the tenant %s: %s", async (host, tenant, expected) => {
    expect(await seen(toBytes(withHeader(await call(tenant), "host", host)))).toBe(expected);
  });

  test("none, two, and two different ones", async () => {
    const wire = await call();
    expect(await seen(toBytes(withHeader(wire, "host", null)))).toBe("400 not ours");
    for (const second of [new URL(scene.url).host, "mcp.acme.example"]) {
      const two = { ...wire, headers: [...wire.headers, ["Host", second]] as const };
      expect(await seen(toBytes(two))).toBe("404 target.unknown");
    }
  });

  test("a host tenant at the path of a path tenant, and at none", async () => {
    const wire = await call("hosted");
    for (const target of ["/hosted/mcp", "/", "/mcp/", "/mcp/x"]) {
      expect(await seen(toBytes({ ...wire, target }))).toBe("404 target.unknown");
    }
  });
});

/** What a stranger is told for a reason, and a known caller for one of the attestation. */
function wireForm(reason: string): string {
  const [group] = reason.split(".");
  if (group === "attestation") return "200 signature_invalid";
  return group === "bearer" ? "401 bearer.invalid" : "403 signature.invalid";
}

describe("bytes beyond ASCII in the evidence", () => {
  const VALUES = ["\x80", "\xff\xfe", "\xc3\xa9", "\u00a0x"];
  const REASONS: readonly [header: string, agent: string, poc: string][] = [
    ["authorization", "bearer.scheme", "bearer.scheme"],
    ["act-mandate", "bearer.conflict", "bearer.conflict"],
    ["wimse-ect", "signature.component", "signature.component"],
    ["execution-context", "signature.coverage", "signature.coverage"],
    ["signature-input", "signature.malformed", "signature.malformed"],
    ["signature", "signature.malformed", "signature.malformed"],
    ["content-digest", "signature.component", "signature.component"],
    // The signature of the profile poc leaves it out, so the caller is known by then: a tool result of SEP-2787.
    ["x-mcp-attestation", "signature.component", "attestation.carrier_undecodable"],
  ];
  test.each([
    ["bytes", 1],
    ["bytes-poc", 2],
  ] as const)("each, in each of them; tenant %s", async (tenant, column) => {
    const caller = tenant === "bytes" ? scene.reader : scene.courier;
    const expected: string[] = [];
    const answers: Answer[] = [];
    for (const reasons of REASONS) {
      const [name, reason] = [reasons[0], reasons[column]];
      for (const value of VALUES) {
        const wire = await scene.sign(tenant, toolCall("sealed"), { caller });
        answers.push(await exchange(scene.url, toBytes(withHeader(wire, name, value))));
        expected.push(`${name}: ${wireForm(reason)}, ${reason}`);
      }
    }
    const rows = await scene.rows(answers.map(decisionOf));
    const got = answers.map((answer, i) => {
      const name = REASONS[Math.floor(i / VALUES.length)]?.[0];
      return `${name}: ${told(answer)}, ${rows.get(decisionOf(answer))?.reason}`;
    });
    expect(got).toEqual(expected);
  });

  test("a NUL is no HTTP; an empty line is as none, since workerd drops it", async () => {
    expect(await seen(toBytes(withHeader(await call(), "wimse-ect", "a\0b")))).toBe("400 not ours");
    expect(await seen(toBytes(withHeader(await call(), "authorization", "")))).toBe("401 bearer.missing");
    expect(await seen(toBytes(withHeader(await call(), "act-mandate", "")))).toBe("401 bearer.invalid");
  });

  test("each evidence header twice: never the first or the last of them", async () => {
    const wire = await scene.sign("acme", toolCall("sealed"));
    for (const [name, value] of wire.headers.filter(
      ([name]) => !["Host", "accept", "content-type"].includes(name),
    )) {
      const twice = { ...wire, headers: [...wire.headers, [name, value]] as const };
      const expected = name === "authorization" ? "401 bearer.invalid" : "403 signature.invalid";
      expect([name, await seen(toBytes(twice))]).toEqual([name, expected]);
    }
    expect(await seen(toBytes(wire))).toBe("200");
  });
});

describe("sizes and numbers", () => {
  test.each([
    [60_000, "200"],
    [66_000, "431 request.headers_too_large"],
    [120_000, "431 request.headers_too_large"],
  ])("headers of %i bytes: %s", async (size, expected) => {
    expect(await seen(toBytes(withHeader(await call(), "x-big", "x".repeat(size))))).toBe(expected);
  });

  test.each<[string, (i: number) => string, number, string]>([
    ["different names", (i) => `x-${i}`, 200, "431 request.too_many_headers"],
    ["different names", (i) => `x-${i}`, 5_000, "431 request.too_many_headers"],
    ["one name, which makes one line", () => "x-same", 200, "200"],
    ["Authorization", () => "authorization", 200, "401 bearer.invalid"],
  ])("header lines, %s: %#", async (_name, name, number, expected) => {
    const wire = await call();
    const lines = Array.from({ length: number }, (_, i) => [name(i), "v"] as const);
    expect(await seen(toBytes({ ...wire, headers: [...wire.headers, ...lines] }))).toBe(expected);
  });

  test.each<[string, string | Uint8Array, string]>([
    ["empty", "", "400 message.empty"],
    ["not UTF-8", Buffer.from([0x7b, 0xff, 0x7d]), "400 message.not_utf8"],
    ["a byte order mark", `\ufeff${toolCall()}`, "400 message.not_utf8"],
    ["UTF-16", Buffer.from(toolCall(), "utf16le"), "400 message.not_json"],
    ["a NUL behind it", `${toolCall()}\0`, "400 message.not_json"],
    ["two messages", toolCall() + toolCall(), "400 message.not_json"],
    ["70 deep", "[".repeat(70) + "]".repeat(70), "400 message.too_deep"],
    ["1 MB of brackets", "[".repeat(MAX_BODY_BYTES), "400 message.too_deep"],
    ["1 MB of pairs of brackets", `[${"[],".repeat(340_000)}[]]`, "400 message.too_many_values"],
    ["1 MB of one string", `"${"x".repeat(MAX_BODY_BYTES - 2)}"`, "400 message.not_jsonrpc"],
    ["1 MB of one number", "1".repeat(MAX_BODY_BYTES), "400 message.number"],
    ["one byte over the cap", `"${"x".repeat(MAX_BODY_BYTES - 1)}"`, "413 message.too_large"],
  ])("a body that is %s", async (_name, body, expected) => {
    const wire = { ...(await scene.sign("sizes", toolCall())), body: Buffer.from(body) };
    expect(await seen(toBytes(wire))).toBe(expected);
    expect(await seen(toChunks(wire, 65_536))).toBe(expected);
  });
});

describe("framing", () => {
  test("a length shorter than the body: what is left over is not ours, and no second request", async () => {
    const connection = await Connection.open(scene.url);
    connection.write(announcing(await call(), 10));
    expect(told(await connection.answer())).toBe("400 message.not_json");
    expect((await connection.answer()).status).toBe(400);
    connection.close();
  });

  test("a length longer than the body, and the client ends", async () => {
    // In workerd itself: what stands before it here takes a client that has ended for one that has gone.
    const connection = await Connection.open(scene.runtime.directUrl);
    connection.write(announcing(await call(), 1000));
    connection.socket.end();
    expect(told(await connection.answer())).toBe("408 message.body_broken");
    connection.close();
  });

  test("a length longer than the body, and the client waits", async () => {
    expect(told(await stalled)).toBe("408 message.body_timeout");
  });

  test.each<[string, (wire: Wire) => Buffer, string]>([
    ["a length far over the cap", (wire) => announcing(wire, 99_999_999_999), "413 message.too_large"],
    ["a length that is no number", (wire) => announcing(wire, "ten"), "400 not ours"],
    ["a negative length", (wire) => announcing(wire, -1), "400 not ours"],
    [
      "two lengths",
      (wire) =>
        Buffer.concat([
          head(wire, [
            ["Content-Length", "2"],
            ["Content-Length", "3"],
          ]),
          wire.body,
        ]),
      "400 not ours",
    ],
    ["no length at all", (wire) => head(wire), "400 message.empty"],
    [
      "a broken chunk",
      (wire) => Buffer.concat([head(wire, [["Transfer-Encoding", "chunked"]]), Buffer.from("zz\r\n")]),
      "408 message.body_broken",
    ],
    [
      "an unknown transfer coding",
      (wire) => Buffer.concat([head(wire, [["Transfer-Encoding", "gzip"]]), wire.body]),
      "400 not ours",
    ],
    [
      "a length beside chunks",
      (wire) =>
        Buffer.concat([
          head(wire, [
            ["Content-Length", "999"],
            ["Transfer-Encoding", "chunked"],
          ]),
          Buffer.from("0\r\n\r\n"),
        ]),
      "400 message.empty",
    ],
  ])("%s", async (_name, framed, expected) => {
    expect(await seen(framed(await call()))).toBe(expected);
  });

  test("refused and honest calls in turn on one connection, and in one write", async () => {
    const connection = await Connection.open(scene.url);
    const bodyless = withHeader(await call(), "authorization", null);
    for (const [wire, expected] of [
      [await call(), "200"],
      [bodyless, "401 bearer.missing"],
      [await call(), "200"],
      [{ ...(await call()), target: "/nobody/mcp" }, "404 target.unknown"],
      [await call(), "200"],
    ] as const) {
      connection.write(toBytes(wire));
      expect(told(await connection.answer())).toBe(expected);
    }
    connection.write(Buffer.concat([toBytes(bodyless), toBytes(await call())]));
    expect(told(await connection.answer())).toBe("401 bearer.missing");
    expect(told(await connection.answer())).toBe("200");
    connection.close();
  });
});

describe("methods", () => {
  test.each<[string, string]>([
    ["PUT", "405 message.http_method"],
    ["PATCH", "405 message.http_method"],
    ["TRACE", "405 message.http_method"],
    ["QUERY", "405 message.http_method"],
    ["PROPFIND", "405 message.http_method"],
    ["GET", "400 message.unexpected_body"],
    ["DELETE", "400 message.unexpected_body"],
    ["OPTIONS", "204"],
    ["post", "501 not ours"],
    ["FOO", "501 not ours"],
    ["P\xd6ST", "400 not ours"],
    // A Worker without a connect handler never sees it.
    ["CONNECT", "500 not ours"],
  ])("%s: %s", async (method, expected) => {
    expect(await seen(toBytes({ ...(await call()), method }))).toBe(expected);
  });

  test("a POST signed as such, sent with another method", async () => {
    const wire = { ...(await call()), body: Buffer.alloc(0) };
    for (const method of ["GET", "DELETE"]) {
      expect(await seen(toBytes({ ...wire, method }))).toBe("403 signature.invalid");
    }
  });

  test("HEAD: 405 and the methods there are, without a body", async () => {
    const connection = await Connection.open(scene.url);
    connection.write(toBytes({ ...(await call()), method: "HEAD" }));
    const { status, headers } = await connection.head();
    connection.close();
    expect([status, headers.get("allow")]).toEqual([405, "POST, GET, DELETE, OPTIONS"]);
    decisionOf({ headers });
  });

  test("an upgrade to a WebSocket is an ordinary GET", async () => {
    const wire = await scene.sign("acme", null, { method: "GET" });
    const upgrade = [
      ["Connection", "Upgrade"],
      ["Upgrade", "websocket"],
      ["Sec-WebSocket-Version", "13"],
      ["Sec-WebSocket-Key", "AAAAAAAAAAAAAAAAAAAAAA=="],
    ] as const;
    expect(await seen(toBytes({ ...wire, headers: [...wire.headers, ...upgrade] }))).toBe("200");
    expect(JSON.stringify(scene.origin("acme").arrivals.at(-1)?.rawHeaders).toLowerCase()).not.toContain(
      "websocket",
    );
  });
});

describe("content types and codings", () => {
  test.each<[string, string, string]>([
    ["content-type", "text/plain", "415 message.content_type"],
    ["content-type", "application/json;charset=latin1", "415 message.content_type"],
    ["content-type", "application/json, application/json", "415 message.content_type"],
    ["content-type", "application/jsonx", "415 message.content_type"],
    ["content-type", "multipart/form-data; boundary=x", "415 message.content_type"],
    ["content-type", "\xe9", "415 message.content_type"],
    ["content-encoding", "gzip", "415 message.content_encoding"],
    ["content-encoding", "identity, identity", "415 message.content_encoding"],
    // Taken, but not what was signed.
    ["content-encoding", "identity", "403 signature.invalid"],
    ["content-type", 'Application/JSON; Charset="UTF-8"', "403 signature.invalid"],
  ])("%s: %s", async (name, value, expected) => {
    expect(await seen(toBytes(withHeader(await call(), name, value)))).toBe(expected);
  });

  test("no content type", async () => {
    expect(await seen(toBytes(withHeader(await call(), "content-type", null)))).toBe(
      "415 message.content_type",
    );
  });
});
