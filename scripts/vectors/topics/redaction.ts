import type { Call } from "../make/call.ts";
import { makeCall } from "../make/call.ts";
import {
  admitted,
  type CaseOptions,
  type CaseSource,
  type Draft,
  denied,
  NOW,
  type Sent,
  sent,
  type Topic,
} from "../make/case.ts";
import { sealSession } from "../make/session.ts";

const PAGE = "Countersign docs/redaction.md";
const CUT = `${PAGE}, What is cut out`;
const WITHHELD = `${PAGE}, What is withheld`;
const WAYS = `${PAGE}, No other way`;

type Redact = NonNullable<NonNullable<Draft["policy"]>["redact"]>;

/** A tenant whose results are redacted; the calls of `sealed` as a whole are not. */
const redacting =
  (redact: Redact = {}) =>
  (document: Draft): void => {
    document.policy = { ...document.policy, redact };
  };

const JSON_TYPE = "application/json";

const answering = (body: unknown, headers: Readonly<Record<string, string>> = {}) => ({
  status: 200,
  headers: { "content-type": JSON_TYPE, ...headers },
  body: typeof body === "string" ? body : JSON.stringify(body),
});

const result = (result: object) => ({ jsonrpc: "2.0", id: 1, result });
const text = (text: string) => result({ content: [{ type: "text", text }] });

/** What the origin answers, and what the caller gets of it. */
const cut = (id: string, title: string, said: object, got: object, redact?: Redact): CaseSource =>
  admitted(id, title, CUT, {}, { change: redacting(redact), origin: answering(said), expect: { body: got } });

const withheld = (
  id: string,
  reason: string,
  title: string,
  origin: CaseOptions["origin"],
  redact?: Redact,
): CaseSource =>
  admitted(
    id,
    title,
    WITHHELD,
    {},
    {
      change: redacting(redact),
      ...(origin !== undefined && { origin }),
      expect: { error: { code: 502, reason } },
    },
  );

const JWT = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhZGEifQ.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

const event = (data: object): string => `event: message\ndata: ${JSON.stringify(data)}\n\n`;

const GET: Call = { method: "GET" };

/** A call with this id in a session of ada's. */
const inSession =
  (id: number): Sent =>
  async (target) => {
    const sealed = await sealSession({ tenant: target.id, at: NOW });
    const params = { name: "search", arguments: { query: "tides" } };
    return makeCall(target, {
      rpc: { id, method: "tools/call", params },
      headers: { "Mcp-Session-Id": sealed },
    });
  };

export const redaction: Topic = {
  name: "redaction",
  title: "What is cut out of the results of tools, and what is withheld",
  cases: [
    cut("untouched", "Nothing to cut out", text("high water at six"), text("high water at six")),
    cut(
      "secret",
      "A JWT in a text",
      text(`the token is ${JWT} as before`),
      text("the token is [redacted: jwt] as before"),
    ),
    cut(
      "secret-in-json",
      "A JWT in a text that is JSON",
      text(JSON.stringify({ list: [JWT] })),
      text('{"list":["[redacted: jwt]"]}'),
    ),
    cut("no-secrets", "The tenant looks for no secrets", text(JWT), text(JWT), { secrets: [] }),
    cut(
      "field",
      "A field, whatever its value and case, in both forms of a result",
      result({
        content: [{ type: "text", text: '{"name":"ann","SSN":5}' }],
        structuredContent: { name: "ann", SSN: 5 },
      }),
      result({
        content: [{ type: "text", text: '{"name":"ann","SSN":"[redacted: field]"}' }],
        structuredContent: { name: "ann", SSN: "[redacted: field]" },
      }),
      { fields: ["ssn"] },
    ),
    cut(
      "field-in-text",
      "A text that names a field goes as a whole",
      text("ssn: 5, and more"),
      text("[redacted: field]"),
      {
        fields: ["ssn"],
      },
    ),
    cut(
      "unreadable",
      "A text with a name twice goes as a whole",
      text('{"a":1,"a":2}'),
      text("[redacted: unreadable]"),
    ),
    cut(
      "image",
      "An image cannot be searched",
      result({ content: [{ type: "image", data: "AAAA", mimeType: "image/png" }] }),
      text("[redacted: image]"),
    ),
    cut(
      "truncated",
      "A text is cut off",
      text("abcdefghijklmnopqrstuvwxyz"),
      text("abcdefghijklmnop[truncated]"),
      {
        truncate: { maxText: 16 },
      },
    ),
    cut(
      "error",
      "An error of the origin's is redacted like a result",
      { jsonrpc: "2.0", id: 1, error: { code: -32000, message: `bad token ${JWT}` } },
      { jsonrpc: "2.0", id: 1, error: { code: -32000, message: "bad token [redacted: jwt]" } },
    ),
    admitted(
      "other-tool",
      "A tool with a redaction of its own",
      CUT,
      {},
      {
        change: (document) => {
          redacting()(document);
          document.policy?.tools?.push({ name: "search", scope: "read", redact: { secrets: [] } });
        },
        origin: answering(text(JWT)),
        expect: { body: text(JWT) },
      },
    ),

    withheld("stream", "redaction.stream", "The result comes as a stream of events", {
      status: 200,
      headers: { "content-type": "text/event-stream" },
      body: event(text("done")),
    }),
    withheld(
      "not-json",
      "redaction.not_json",
      "A name comes twice",
      answering('{"jsonrpc":"2.0","id":1,"id":1,"result":{}}'),
    ),
    withheld("html", "redaction.not_json", "It is a page", {
      status: 200,
      headers: { "content-type": "text/html" },
      body: "<p>done",
    }),
    withheld(
      "coded",
      "redaction.not_json",
      "It has a content coding",
      answering("x", { "content-encoding": "zstd" }),
    ),
    withheld(
      "too-large",
      "redaction.too_large",
      "It is larger than the tenant passes on",
      answering(text("x".repeat(2000))),
      {
        maxBytes: 1024,
      },
    ),
    withheld(
      "other-id",
      "redaction.not_response",
      "It answers another request",
      answering({ ...text("done"), id: 2 }),
    ),

    // -- no other way -----------------------------------------------------------------------------------------
    denied(
      "resumption",
      "redaction.resumption",
      "A stream is taken up again",
      WAYS,
      { ...GET, headers: { "Last-Event-ID": "7" } },
      {
        change: redacting(),
      },
    ),
    admitted("get", "Notifications come with a stream", WAYS, GET, {
      change: redacting(),
      origin: {
        status: 200,
        headers: { "content-type": "text/event-stream" },
        body: event({
          jsonrpc: "2.0",
          method: "notifications/message",
          params: { level: "info", data: "x" },
        }),
      },
      expect: { status: 200, headers: { "content-type": "text/event-stream" } },
    }),
    admitted("get-json", "A GET is answered with something else than a stream", WAYS, GET, {
      change: redacting(),
      origin: answering(text("done")),
      expect: { status: 502, error: { code: 502, reason: "redaction.foreign_response" } },
    }),
    denied("id-again", "redaction.id_reused", "Two calls of a session have one id", WAYS, inSession(7), {
      change: redacting(),
      before: [sent(inSession(7), { origin: answering({ ...text("done"), id: 7 }) })],
    }),
    admitted("id-next", "They have two", WAYS, inSession(8), {
      change: redacting(),
      before: [sent(inSession(7), { origin: answering({ ...text("done"), id: 7 }) })],
      origin: answering({ ...text("done"), id: 8 }),
    }),
  ],
};
