import type { Call } from "../make/call.ts";
import { alsoCovering } from "../make/call.ts";
import { admitted, denied, type Topic } from "../make/case.ts";
import { withLine } from "../make/message.ts";

const FORWARD = "Countersign profile, what the origin receives";
const ANSWER = "RFC 9110 section 7.6.1";
const LIST = "Countersign, tenant document: tools.filterList";

const LIST_TOOLS: Call = { rpc: { id: 1, method: "tools/list" } };
const ALL = [{ name: "search" }, { name: "sealed" }, { name: "delete" }];

const json = (body: unknown) => ({
  status: 200,
  headers: { "content-type": "application/json" },
  body: JSON.stringify(body),
});

const failed = (status: number, reason: string) => ({ status, error: { code: status, reason } });

function filter(document: { tools?: { filterList?: boolean | undefined } | undefined }): void {
  document.tools = { filterList: true };
}

export const origin: Topic = {
  name: "origin",
  title: "What the origin receives, and what becomes of its answer",
  cases: [
    admitted(
      "no-credentials",
      "The origin receives none of the evidence but the body",
      FORWARD,
      {},
      {
        expect: {
          forwarded: {
            authorization: null,
            "act-mandate": null,
            "wimse-ect": null,
            "execution-context": null,
            signature: null,
            "signature-input": null,
            "content-digest": null,
            "x-mcp-attestation": null,
            "content-type": "application/json",
            accept: "application/json, text/event-stream",
          },
        },
      },
    ),
    admitted(
      "no-cookies",
      "Nor cookies, forwarding headers, or anything unknown",
      FORWARD,
      {
        headers: {
          Cookie: "a=b",
          "X-Forwarded-For": "192.0.2.1",
          "X-Anything": "x",
          "Proxy-Authorization": "Basic eDp5",
        },
      },
      {
        expect: {
          forwarded: {
            cookie: null,
            "x-forwarded-for": null,
            "x-anything": null,
            "proxy-authorization": null,
          },
        },
      },
    ),
    admitted(
      "named-header",
      "A header that the tenant names, and the signature covers",
      FORWARD,
      {
        headers: { "X-Department": "7" },
        signature: { components: alsoCovering("x-department") },
      },
      {
        change: (d) => {
          d.origin.forwardHeaders = ["x-department"];
        },
        expect: { forwarded: { "x-department": "7" } },
      },
    ),
    admitted(
      "poc-named-header",
      "poc goes on without a header that its signature does not cover",
      FORWARD,
      {
        agent: "courier",
        headers: { "X-Department": "7" },
      },
      {
        change: (d) => {
          d.origin.forwardHeaders = ["x-department"];
        },
        expect: { forwarded: { "x-department": null } },
      },
    ),
    admitted(
      "trace",
      "The trace context, which need not be covered",
      "Trace Context section 3",
      {
        after: (m) => withLine(m, "traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
      },
      { expect: { forwarded: { traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01" } } },
    ),
    admitted(
      "odd-mcp-header",
      "An Mcp- header that some servers would read as another is dropped",
      FORWARD,
      {
        headers: { "Mcp-Session_Id": "s-1" },
      },
      { expect: { forwarded: { "mcp-session_id": null } } },
    ),
    admitted(
      "last-event-id",
      "Last-Event-ID that is covered",
      "MCP 2025-11-25, Streamable HTTP, Resumability and Redelivery",
      {
        method: "GET",
        headers: { "Last-Event-ID": "7" },
      },
      { expect: { forwarded: { "last-event-id": "7" } } },
    ),

    admitted(
      "no-assertion-of-others",
      "An assertion of the caller's does not pass for one of the verifier's",
      "Countersign, what the origin is told",
      { headers: { "Countersign-Assertion": "eyJhbGciOiJub25lIn0.e30." } },
      {
        change: (d) => {
          d.origin.assertion = false;
        },
        expect: { forwarded: { "countersign-assertion": null } },
      },
    ),
    admitted(
      "credential",
      "A credential of the tenant's own, in place of the caller's",
      "Countersign, what the origin is told",
      {},
      {
        change: (d) => {
          d.origin.credentials = [{ header: "authorization", secret: "ORIGIN_VECTORS", prefix: "Bearer " }];
        },
        expect: { forwarded: { authorization: "Bearer for-the-origin" } },
      },
    ),
    denied(
      "credential-missing",
      "origin.credential_missing",
      "The deployment has no secret of the name that the tenant gives for its origin",
      "Countersign, what the origin is told",
      {},
      {
        change: (d) => {
          d.origin.credentials = [{ header: "authorization", secret: "ORIGIN_NOWHERE", prefix: "Bearer " }];
        },
      },
    ),

    // -- answers --------------------------------------------------------------------------------------
    admitted(
      "error-answer",
      "An error of the origin's goes through as it is",
      FORWARD,
      {},
      {
        origin: {
          status: 400,
          headers: { "content-type": "application/json" },
          body: '{"jsonrpc":"2.0","id":1,"error":{"code":-32602,"message":"no"}}',
        },
        expect: { status: 400, body: { jsonrpc: "2.0", id: 1, error: { code: -32602, message: "no" } } },
      },
    ),
    admitted(
      "accepted",
      "202 for a notification",
      "MCP 2025-11-25, Streamable HTTP",
      { rpc: { method: "notifications/initialized" } },
      {
        origin: { status: 202, headers: {}, body: "" },
        expect: { status: 202 },
      },
    ),
    admitted(
      "own-names",
      "The origin cannot speak in the gateway's name, nor ask for credentials",
      ANSWER,
      {},
      {
        origin: {
          status: 200,
          headers: {
            "content-type": "application/json",
            "countersign-ect": "forged",
            "www-authenticate": "Basic",
            "x-own": "y",
          },
          body: "{}",
        },
        expect: { headers: { "www-authenticate": null, "x-own": "y" } },
      },
    ),
    admitted(
      "redirect",
      "A redirect is not followed",
      "RFC 9110 section 15.4",
      {},
      {
        origin: { status: 307, headers: { location: "https://elsewhere.example/" }, body: "" },
        expect: failed(502, "origin.redirect"),
      },
    ),
    admitted(
      "unreachable",
      "The origin cannot be reached",
      "RFC 9110 section 15.6.3",
      {},
      {
        origin: "unreachable",
        expect: { ...failed(502, "origin.unreachable"), forwarded: null },
      },
    ),
    admitted(
      "silent",
      "The origin does not answer in time",
      "RFC 9110 section 15.6.5",
      {},
      {
        origin: "silent",
        change: (d) => {
          d.origin.timeoutSeconds = 1;
        },
        expect: failed(504, "origin.timeout"),
      },
    ),
    admitted(
      "misconfigured",
      "The tenant's binding does not exist",
      "Countersign, tenant document: origin.binding",
      {},
      {
        change: (d) => {
          d.origin.binding = "NOWHERE";
        },
        expect: { ...failed(502, "origin.misconfigured"), forwarded: null },
      },
    ),
    admitted(
      "discover-redirect",
      "server/discover at an origin that cannot answer is a 503",
      "MCP 2026-07-28, Discovery",
      {
        rpc: { id: 1, method: "server/discover" },
      },
      {
        origin: { status: 302, headers: { location: "/" }, body: "" },
        expect: { status: 503, error: { code: 502, reason: "origin.redirect" } },
      },
    ),

    // -- lists of tools ---------------------------------------------------------------------------------
    admitted("list", "A caller is shown the tools that its mandate grants", LIST, LIST_TOOLS, {
      change: filter,
      origin: json({ jsonrpc: "2.0", id: 1, result: { tools: ALL, nextCursor: "x" } }),
      expect: {
        body: {
          jsonrpc: "2.0",
          id: 1,
          result: { tools: [{ name: "search" }, { name: "sealed" }], nextCursor: "x" },
        },
      },
    }),
    admitted(
      "list-constrained",
      "A tool is shown whose constraints some arguments would fit, and one whose constraints nobody can evaluate is not",
      LIST,
      {
        ...LIST_TOOLS,
        mandate: {
          claims: {
            cap: [
              { action: "mcp.session.tools.list" },
              { action: "mcp.search", constraints: { arguments: { "/query": { equals: "tides" } } } },
              { action: "mcp.delete", constraints: { moon: "full" } },
            ],
          },
        },
      },
      {
        change: filter,
        origin: json({ jsonrpc: "2.0", id: 1, result: { tools: ALL } }),
        expect: { body: { jsonrpc: "2.0", id: 1, result: { tools: [{ name: "search" }] } } },
      },
    ),
    admitted("list-whole", "Without filterList it is shown them all", LIST, LIST_TOOLS, {
      origin: json({ jsonrpc: "2.0", id: 1, result: { tools: ALL } }),
      expect: { body: { jsonrpc: "2.0", id: 1, result: { tools: ALL } } },
    }),
    admitted("list-unreadable", "A list that is no JSON is not passed on", LIST, LIST_TOOLS, {
      change: filter,
      origin: { status: 200, headers: { "content-type": "application/json" }, body: '{"result":{"tools":[' },
      expect: failed(502, "origin.list_unreadable"),
    }),
    admitted("list-encoded", "A list with a content coding is not passed on", LIST, LIST_TOOLS, {
      change: filter,
      origin: {
        status: 200,
        headers: { "content-type": "application/json", "content-encoding": "br" },
        body: "x",
      },
      expect: failed(502, "origin.list_unreadable"),
    }),
  ],
};
