import type { Call } from "../../make/call.ts";
import { admitted, type CaseSource, denied } from "../../make/case.ts";
import { withHeader } from "../../make/message.ts";
import { utf8 } from "../../make/tokens.ts";
import { CALL, PROFILE } from "./changes.ts";

const TRANSPORT = "MCP 2025-11-25, Streamable HTTP, Sending Messages to the Server";

const contentType = (value: string | null): Call => ({ headers: { "Content-Type": value } });

export const httpCases: readonly CaseSource[] = [
  // -- HTTP -----------------------------------------------------------------------------------------
  denied(
    "put",
    "message.http_method",
    "PUT",
    "RFC 9110 section 15.5.6",
    { method: "PUT" },
    {
      expect: { headers: { allow: "POST, GET, DELETE, OPTIONS" } },
    },
  ),
  denied("query", "message.http_method", "A method that nobody has heard of", "RFC 9110 section 9.1", {
    method: "QUERY",
    body: CALL,
    ect: null,
  }),
  denied("no-type", "message.content_type", "There is no Content-Type", TRANSPORT, contentType(null)),
  denied(
    "text",
    "message.content_type",
    "text/plain, which a page may send anywhere",
    TRANSPORT,
    contentType("text/plain"),
  ),
  denied(
    "json-like",
    "message.content_type",
    "application/json-patch+json",
    TRANSPORT,
    contentType("application/json-patch+json"),
  ),
  denied(
    "latin1",
    "message.content_type",
    "A charset that is not UTF-8",
    "RFC 8259 section 8.1",
    contentType("application/json; charset=iso-8859-1"),
  ),
  admitted(
    "charset",
    "A charset that is UTF-8",
    "RFC 8259 section 8.1",
    contentType('Application/JSON ; charset="UTF-8"'),
  ),
  denied("gzip", "message.content_encoding", "A content coding", "RFC 9110 section 8.4", {
    headers: { "Content-Encoding": "gzip" },
  }),
  admitted("identity", "The content coding identity, which is none", "RFC 9110 section 8.4", {
    headers: { "Content-Encoding": "identity" },
  }),
  denied("get-body", "message.unexpected_body", "GET with a body", "RFC 9110 section 9.3.1", {
    method: "GET",
    body: CALL,
  }),
  denied("delete-body", "message.unexpected_body", "DELETE with a body", "RFC 9110 section 9.3.5", {
    method: "DELETE",
    body: "x",
  }),
  denied(
    "too-large",
    "message.too_large",
    "One byte more than the tenant takes",
    PROFILE,
    {},
    {
      change: (d) => {
        d.maxBodyBytes = CALL.length - 1;
      },
    },
  ),
  admitted(
    "largest",
    "As large as the tenant takes",
    PROFILE,
    {},
    {
      change: (d) => {
        d.maxBodyBytes = CALL.length;
      },
    },
  ),
  denied(
    "too-large-chunked",
    "message.too_large",
    "The same without a Content-Length to say so in advance",
    "RFC 9112 section 7.1",
    {
      after: (m) => ({
        ...withHeader(m, "Transfer-Encoding", "chunked"),
        body: utf8(`${m.body.length.toString(16)}\r\n${Buffer.from(m.body).toString()}\r\n0\r\n\r\n`),
      }),
    },
    {
      change: (d) => {
        d.maxBodyBytes = CALL.length - 1;
      },
    },
  ),
];
