import { admitted, type CaseSource, denied } from "../../make/case.ts";
import { body, PROFILE, params } from "./changes.ts";

export const mcpCases: readonly CaseSource[] = [
  // -- MCP ------------------------------------------------------------------------------------------
  denied("method-unknown", "message.method_unknown", "A method that MCP does not have", PROFILE, {
    rpc: { id: 1, method: "tools/delete" },
  }),
  denied("method-case", "message.method_unknown", "Tools/Call", PROFILE, {
    rpc: { id: 1, method: "Tools/Call", params: { name: "search" } },
  }),
  denied("notification-unknown", "message.method_unknown", "A notification that MCP does not have", PROFILE, {
    rpc: { method: "notifications/tools/call", params: { name: "search" } },
  }),
  admitted(
    "extra-method",
    "A method that the tenant adds",
    PROFILE,
    {
      rpc: { id: 1, method: "ui/open" },
      mandate: { claims: { cap: [{ action: "mcp.session.ui.open" }] } },
    },
    {
      change: (d) => {
        d.actions = { extraMethods: ["ui/open"] };
      },
    },
  ),
  denied(
    "no-tool",
    "message.tool_name",
    "tools/call without params.name",
    PROFILE,
    params({ arguments: {} }),
  ),
  denied("no-params", "message.tool_name", "tools/call without params", PROFILE, {
    rpc: { id: 1, method: "tools/call" },
  }),
  denied("tool-number", "message.tool_name", "The tool's name is a number", PROFILE, params({ name: 7 })),
  denied("tool-empty", "message.tool_name", "The tool's name is empty", PROFILE, params({ name: "" })),
  denied(
    "tool-space",
    "message.tool_name",
    "The tool's name has a space",
    PROFILE,
    params({ name: "search " }),
  ),
  denied(
    "tool-unicode",
    "message.tool_name",
    "The tool's name is not ASCII",
    PROFILE,
    params({ name: "se\u0430rch" }),
  ),
  denied(
    "tool-129",
    "message.tool_name",
    "The tool's name has 129 characters",
    PROFILE,
    params({ name: "t".repeat(129) }),
  ),
  admitted("tool-128", "The tool's name has 128 characters", PROFILE, {
    tool: "t".repeat(128),
    mandate: { claims: { cap: [{ action: `mcp.${"t".repeat(128)}` }] } },
  }),
  denied(
    "tool-reserved",
    "message.tool_name_reserved",
    "The tool session.ping, whose action would be that of the method ping",
    "Countersign profile, ECT: exec_act",
    { tool: "session.ping" },
  ),
  denied("params-array", "message.params", "params is an array", "MCP 2025-11-25, Base protocol, Requests", {
    rpc: { id: 1, method: "tools/call", params: ["search"] },
  }),
  denied("params-null", "message.params", "params is null: null is not absent", PROFILE, {
    rpc: { id: 1, method: "ping", params: null },
  }),
  denied(
    "meta-string",
    "message.params",
    "params._meta is a string",
    PROFILE,
    params({ name: "search", _meta: "x" }),
  ),
  denied(
    "arguments-null",
    "message.params",
    "params.arguments is null",
    PROFILE,
    params({ name: "search", arguments: null }),
  ),
  denied(
    "arguments-array",
    "message.params",
    "params.arguments is an array",
    PROFILE,
    params({ name: "search", arguments: [1] }),
  ),
  admitted("no-arguments", "A tool call without arguments", PROFILE, params({ name: "search" })),
  admitted(
    "white-space",
    "White space, escapes and the order of members are the caller's: the very bytes are forwarded",
    "RFC 8259 section 2",
    body(
      '\n {"params" : {"arguments":{"q":"\\u0074ides"}, "name":"search"}, "method" :"tools\\/call","id":1,\t"jsonrpc":"2.0"}\r\n',
    ),
  ),
  admitted("notification", "A notification", PROFILE, { rpc: { method: "notifications/initialized" } }),
  admitted(
    "get",
    "GET opens the server's stream",
    "MCP 2025-11-25, Streamable HTTP, Listening for Messages from the Server",
    { method: "GET" },
  ),
  admitted("delete", "DELETE ends a session", "MCP 2025-11-25, Streamable HTTP, Session Management", {
    method: "DELETE",
  }),
  admitted("initialize", "initialize", "MCP 2025-11-25, Lifecycle", {
    rpc: {
      id: 1,
      method: "initialize",
      params: { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: { name: "c", version: "1" } },
    },
  }),
];
