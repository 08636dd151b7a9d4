import { describe, expect, test } from "vitest";
import { forwardedHeaders, lengthOf, returnedHeaders } from "../../src/origin/headers.ts";
import { compileTenant } from "../../src/tenant/compile.ts";
import { forwardHeaderProblem } from "../../src/tenant/forward-headers.ts";
import { document, GATEWAY } from "../support/acme.ts";

const CREDENTIALS = [
  "authorization",
  "cookie",
  "act-mandate",
  "act-record",
  "wimse-ect",
  "execution-context",
  "signature",
  "signature-input",
  "content-digest",
  "dpop",
  "workload-identity-token",
  "txn-token",
  "x-mcp-attestation",
  "proxy-authorization",
];
const CONNECTION = [
  "host",
  "connection",
  "keep-alive",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "content-length",
  "proxy-connection",
  "forwarded",
  "x-forwarded-for",
  "x-real-ip",
  "cf-connecting-ip",
  "countersign-assertion",
];

const all = () => true;
const none = () => false;

const forwarded = (
  names: readonly string[],
  named: readonly string[] = [],
  isSigned: (name: string) => boolean = all,
) =>
  [
    ...forwardedHeaders(new Map(names.map((name) => [name, "x"])), new Set(named), isSigned, null).keys(),
  ].sort();

describe("to the origin", () => {
  test("credentials, evidence and what belongs to a connection stay here", () => {
    expect(forwarded([...CREDENTIALS, ...CONNECTION, "origin", "user-agent", "x-other"])).toEqual([
      "accept-encoding",
    ]);
  });

  test.each([...CREDENTIALS, ...CONNECTION])("no tenant can name %s", async (name) => {
    const { origin, ...rest } = document();
    const named = { ...rest, origin: { ...origin, forwardHeaders: [name] } };
    const compiled = await compileTenant(JSON.stringify(named), GATEWAY);
    expect(compiled.ok ? [] : compiled.error.map(({ path }) => path)).toEqual(["origin.forwardHeaders[0]"]);
  });

  test("what MCP and tracing need goes on, unchanged", () => {
    const sent = {
      accept: "application/json, text/event-stream",
      "content-type": "application/json",
      "last-event-id": "e-1",
      traceparent: "00-a-b-01",
      tracestate: "a=b",
      baggage: "a=b",
      "mcp-session-id": "sealed",
      "mcp-protocol-version": "2026-07-28",
      "mcp-method": "tools/call",
      "mcp-name": "=?base64?eA==?=",
      "mcp-param-region": "eu",
      "mcp-unknown": "y",
    };
    const headers = forwardedHeaders(new Map(Object.entries(sent)), new Set(), all, {
      sealed: "sealed",
      id: "s-1",
      opensUrls: false,
    });
    expect(Object.fromEntries(headers)).toEqual({
      ...sent,
      "mcp-session-id": "s-1",
      "accept-encoding": "identity",
    });
  });

  test("a tenant's own headers go on, where it names them exactly", () => {
    expect(forwarded(["x-team", "x-team-2"], ["x-team"])).toEqual(["accept-encoding", "x-team"]);
  });

  test("the caller's word goes on only where the caller signed it", () => {
    const words = ["last-event-id", "mcp-unknown", "x-team"];
    expect(forwarded(words, ["x-team"], none)).toEqual(["accept-encoding"]);
    expect(forwarded(words, ["x-team"], (name) => name === "mcp-unknown")).toEqual([
      "accept-encoding",
      "mcp-unknown",
    ]);
    expect(forwarded(["mcp-param-region", "mcp-protocol-version"], [], none)).toHaveLength(3);
  });

  test.each([
    "mcp-session_id",
    "mcp-session.id",
    "mcp-session-id-",
    "mcp--session-id",
    "mcp-name_",
    "mcp-protocol_version",
    "mcp_session_id",
    "mcp-",
  ])("%s, which a server may read as another header, is not passed on, signed or not", (name) => {
    expect(forwarded([name])).toEqual(["accept-encoding"]);
  });

  test.each(["mcp_session_id", "mcp-session-id", "x_real_ip", "wimse_ect", "cf_connecting_ip"])(
    "no tenant can name %s",
    (name) => {
      expect(forwardHeaderProblem(name)).toMatch(/^is never forwarded/);
    },
  );

  test("what a client calls its session stays here, signed, named by the tenant or not", () => {
    expect(forwarded(["mcp-session-id"], ["mcp-session-id"])).toEqual(["accept-encoding"]);
  });

  test("the caller's accept-encoding does not decide which octets are hashed", () => {
    const headers = forwardedHeaders(
      new Map([["accept-encoding", "gzip"]]),
      new Set(["accept-encoding"]),
      all,
      null,
    );
    expect(headers.get("accept-encoding")).toBe("identity");
  });
});

describe("from the origin", () => {
  test("what belongs to the connection, and what is ours to say, is dropped", () => {
    const headers = new Headers({
      connection: "keep-alive, X-Hop",
      "www-authenticate": 'Bearer resource_metadata="https://origin.example/"',
      "x-hop": "x",
      "keep-alive": "timeout=5",
      "proxy-authenticate": "Basic",
      te: "trailers",
      trailer: "x",
      "transfer-encoding": "chunked",
      upgrade: "h2c",
      "content-length": "5",
      "countersign-decision": "forged",
      "countersign-ect": "recorded",
      "Countersign-Anything": "x",
    });
    expect([...returnedHeaders(headers).keys()]).toEqual([]);
  });

  test("everything else is unchanged", () => {
    const kept = {
      "content-type": "text/event-stream",
      "cache-control": "no-cache",
      "x-accel-buffering": "no",
      "mcp-session-id": "s-1",
      "mcp-protocol-version": "2025-11-25",
      "x-other": "y",
    };
    expect(Object.fromEntries(returnedHeaders(new Headers(kept)))).toEqual(kept);
  });

  test("what a browser would keep for the whole host is not for one of its tenants to say", () => {
    const headers = new Headers({
      "set-cookie2": "a=1",
      "clear-site-data": '"cookies"',
      "strict-transport-security": "max-age=0",
    });
    headers.append("set-cookie", "a=1; Path=/");
    headers.append("set-cookie", "__Host-countersign-approver-other=x; Path=/; Secure");
    expect([...returnedHeaders(headers).keys()]).toEqual([]);
  });

  test("two values stay two, and the origin's own headers are left alone", () => {
    const headers = new Headers({ "countersign-ect": "x" });
    headers.append("link", "</a>");
    headers.append("link", "</b>");
    expect(returnedHeaders(headers).get("link")).toBe("</a>, </b>");
    expect(headers.has("countersign-ect")).toBe(true);
  });
});

describe("how many octets a body will have", () => {
  test.each<[string, Record<string, string>, string | null, number | null]>([
    ["said", { "content-length": "5" }, null, 5],
    ["not said", {}, null, null],
    ["said twice", { "content-length": "5, 5" }, null, null],
    [
      "said beside chunks, which count",
      { "content-length": "5", "transfer-encoding": "chunked" },
      null,
      null,
    ],
    ["said of coded ones", { "content-length": "5", "content-encoding": "gzip" }, null, null],
    ["said of plain ones", { "content-length": "5", "content-encoding": "identity" }, null, 5],
    ["said by a Worker, which may say anything", { "content-length": "5" }, "ORIGIN", null],
  ])("%s", (_, headers, binding, expected) => {
    expect(lengthOf(new Headers(headers), { binding })).toBe(expected);
  });
});
