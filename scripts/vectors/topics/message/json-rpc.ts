import { admitted, type CaseSource, denied } from "../../make/case.ts";
import { body, CALL, PROFILE, params } from "./changes.ts";

const JSONRPC = "JSON-RPC 2.0 section 4";

export const jsonRpcCases: readonly CaseSource[] = [
  // -- JSON-RPC -------------------------------------------------------------------------------------
  denied("batch", "message.batch", "A batch of one", "MCP 2025-06-18, Changelog", body(`[${CALL}]`)),
  denied("empty-batch", "message.batch", "An empty array", JSONRPC, body("[]")),
  denied("string", "message.not_jsonrpc", "A JSON string", JSONRPC, body('"tools/call"')),
  denied("null", "message.not_jsonrpc", "null", JSONRPC, body("null")),
  denied(
    "no-version",
    "message.not_jsonrpc",
    "There is no jsonrpc",
    JSONRPC,
    body('{"id":1,"method":"ping"}'),
  ),
  denied(
    "version-1",
    "message.not_jsonrpc",
    "jsonrpc is 1.0",
    JSONRPC,
    body('{"jsonrpc":"1.0","id":1,"method":"ping"}'),
  ),
  denied(
    "version-number",
    "message.not_jsonrpc",
    "jsonrpc is a number",
    JSONRPC,
    body('{"jsonrpc":2.0,"id":1,"method":"ping"}'),
  ),
  denied(
    "no-method",
    "message.not_jsonrpc",
    "Neither method nor result",
    JSONRPC,
    body('{"jsonrpc":"2.0","id":1}'),
  ),
  denied(
    "method-number",
    "message.not_jsonrpc",
    "method is a number",
    JSONRPC,
    body('{"jsonrpc":"2.0","id":1,"method":7}'),
  ),
  denied("id-null", "message.not_jsonrpc", "id is null", "MCP 2025-11-25, Base protocol, Requests", {
    rpc: { id: null, method: "ping" },
  }),
  denied("id-object", "message.not_jsonrpc", "id is an object", JSONRPC, {
    rpc: { id: {}, method: "ping" },
  }),
  denied("id-fraction", "message.not_jsonrpc", "id has a fraction", JSONRPC, {
    rpc: { id: 1.5, method: "ping" },
  }),
  denied("id-true", "message.not_jsonrpc", "id is true", JSONRPC, { rpc: { id: true, method: "ping" } }),
  admitted("id-string", "id is a string", JSONRPC, { rpc: { id: "a-1", method: "ping" } }),
  admitted("id-zero", "id is 0, which is an id", JSONRPC, { rpc: { id: 0, method: "ping" } }),
  denied(
    "method-and-result",
    "message.not_jsonrpc",
    "A request and a response at once",
    JSONRPC,
    body('{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"search"},"result":{}}'),
  ),
  denied(
    "result-and-error",
    "message.not_jsonrpc",
    "A response with result and error",
    "JSON-RPC 2.0 section 5",
    body('{"jsonrpc":"2.0","id":1,"result":{},"error":{"code":1,"message":"x"}}'),
  ),
  denied(
    "result-without-id",
    "message.not_jsonrpc",
    "A response without an id",
    "JSON-RPC 2.0 section 5",
    body('{"jsonrpc":"2.0","result":{}}'),
  ),
  denied(
    "request-without-id",
    "message.request_without_id",
    "A tool call without an id, which would pass for a notification",
    "JSON-RPC 2.0 section 4.1",
    { rpc: { method: "tools/call", params: { name: "search", arguments: {} } } },
  ),
  denied(
    "member-case",
    "message.case_variant",
    "Method beside method: a parser that ignores case would take it",
    PROFILE,
    body('{"jsonrpc":"2.0","id":1,"method":"ping","Method":"tools/call"}'),
  ),
  denied(
    "params-case",
    "message.case_variant",
    "params has Name beside name",
    PROFILE,
    params({ name: "search", Name: "sealed", arguments: {} }),
  ),
  denied(
    "long-s",
    "message.case_variant",
    "param\u017f: folded, its last letter is an s",
    PROFILE,
    body('{"jsonrpc":"2.0","id":1,"method":"ping","param\u017f":{}}'),
  ),
  denied(
    "nul",
    "message.case_variant",
    "A member called method and a NUL, where a C string would end",
    PROFILE,
    body('{"jsonrpc":"2.0","id":1,"method":"ping","method\\u0000":"tools/call"}'),
  ),
];
