import type { Call } from "../make/call.ts";
import { admitted, denied, type Topic } from "../make/case.ts";
import { withLine } from "../make/message.ts";

const RULE = "MCP 2026-07-28, Streamable HTTP, Request Metadata";
const ERAS = "MCP 2025-11-25, Streamable HTTP, Protocol Version Header";
const META = { "io.modelcontextprotocol/protocolVersion": "2026-07-28" };

const HEADERS = { "MCP-Protocol-Version": "2026-07-28", "Mcp-Method": "tools/call", "Mcp-Name": "search" };

/** A tool call of revision 2026-07-28, with headers that differ. */
const modernCall = (headers: Readonly<Record<string, string | null>> = {}, call: Call = {}): Call => ({
  meta: META,
  ...call,
  headers: { ...HEADERS, ...headers },
});

const early = (headers: Readonly<Record<string, string>>): Call => ({ headers });

const discover = (headers: Readonly<Record<string, string | null>> = {}): Call => ({
  rpc: { id: 1, method: "server/discover", params: { _meta: META } },
  headers: { "MCP-Protocol-Version": "2026-07-28", "Mcp-Method": "server/discover", ...headers },
});

const base64 = (text: string): string => `=?base64?${Buffer.from(text).toString("base64")}?=`;

const readResource = (name: string): Call => ({
  rpc: { id: 1, method: "resources/read", params: { uri: "file:///tides/\u00e9t\u00e9", _meta: META } },
  headers: { "MCP-Protocol-Version": "2026-07-28", "Mcp-Method": "resources/read", "Mcp-Name": name },
});

export const modern: Topic = {
  name: "modern",
  title: "Headers that mirror the body, in all revisions of MCP",
  cases: [
    admitted("call", "A tool call of revision 2026-07-28", RULE, modernCall()),
    denied(
      "no-version",
      "message.header_missing",
      "There is no MCP-Protocol-Version",
      RULE,
      modernCall({ "MCP-Protocol-Version": null }),
    ),
    denied(
      "no-method",
      "message.header_missing",
      "There is no Mcp-Method",
      RULE,
      modernCall({ "Mcp-Method": null }),
    ),
    denied(
      "no-name",
      "message.header_missing",
      "There is no Mcp-Name",
      RULE,
      modernCall({ "Mcp-Name": null }),
    ),
    denied(
      "other-version",
      "message.header_mismatch",
      "The header says another revision than the body",
      RULE,
      modernCall({ "MCP-Protocol-Version": "2025-11-25" }),
    ),
    denied(
      "other-method",
      "message.header_mismatch",
      "Mcp-Method says tools/list",
      RULE,
      modernCall({ "Mcp-Method": "tools/list" }),
    ),
    denied(
      "method-case",
      "message.header_mismatch",
      "Mcp-Method says Tools/Call",
      RULE,
      modernCall({ "Mcp-Method": "Tools/Call" }),
    ),
    denied(
      "other-name",
      "message.header_mismatch",
      "Mcp-Name says another tool",
      RULE,
      modernCall({ "Mcp-Name": "sealed" }),
    ),
    denied("name-twice", "message.header_mismatch", "Mcp-Name comes in two lines", RULE, {
      ...modernCall(),
      after: (m) => withLine(m, "Mcp-Name", "search"),
    }),
    admitted(
      "encoded-name",
      "Mcp-Name in its encoded form",
      RULE,
      modernCall({ "Mcp-Name": base64("search") }),
    ),
    denied(
      "encoded-other",
      "message.header_mismatch",
      "Mcp-Name in its encoded form says another tool",
      RULE,
      modernCall({ "Mcp-Name": base64("sealed") }),
    ),
    denied(
      "encoded-unpadded",
      "message.header_mismatch",
      "The encoded form without its padding",
      RULE,
      modernCall({ "Mcp-Name": base64("searc").replace(/=+\?=$/, "?=") }, { tool: "searc" }),
    ),
    denied(
      "encoded-method",
      "message.header_mismatch",
      "Mcp-Method has no encoded form",
      RULE,
      modernCall({ "Mcp-Method": base64("tools/call") }),
    ),
    admitted(
      "encoded-uri",
      "A resource whose URI is not ASCII",
      RULE,
      readResource(base64("file:///tides/\u00e9t\u00e9")),
    ),
    denied(
      "encoded-latin1",
      "message.header_mismatch",
      "The encoded form of something that is not UTF-8",
      RULE,
      readResource(`=?base64?${Buffer.from("file:///tides/\u00e9t\u00e9", "latin1").toString("base64")}?=`),
    ),
    denied("name-for-nothing", "message.header_mismatch", "Mcp-Name on a message that has none", RULE, {
      rpc: { id: 1, method: "tools/list", params: { _meta: META } },
      headers: { "MCP-Protocol-Version": "2026-07-28", "Mcp-Method": "tools/list", "Mcp-Name": "search" },
    }),
    denied("method-on-get", "message.header_mismatch", "Mcp-Method on a GET, which has no method", RULE, {
      method: "GET",
      headers: { "Mcp-Method": "tools/call" },
    }),
    denied(
      "method-unknown",
      "message.method_unknown",
      "An unknown method of this revision is a 404",
      "MCP 2026-07-28, Streamable HTTP",
      {
        rpc: { id: 1, method: "tools/delete", params: { _meta: META } },
        headers: { "MCP-Protocol-Version": "2026-07-28", "Mcp-Method": "tools/delete" },
      },
    ),
    denied(
      "later",
      "message.header_missing",
      "A revision later than all we know is held to the same rules",
      RULE,
      { meta: { "io.modelcontextprotocol/protocolVersion": "2027-01-01" } },
    ),

    // -- earlier revisions ----------------------------------------------------------------------------
    admitted(
      "early",
      "A tool call of revision 2025-11-25, with its one header",
      ERAS,
      early({ "MCP-Protocol-Version": "2025-11-25" }),
    ),
    admitted(
      "early-mirrored",
      "An earlier one with mirroring headers that agree",
      RULE,
      early({ "Mcp-Method": "tools/call", "Mcp-Name": "search" }),
    ),
    denied(
      "early-other-name",
      "message.header_mismatch",
      "An earlier one is compared as well, where it has the header",
      RULE,
      early({ "Mcp-Name": "sealed" }),
    ),
    denied(
      "early-other-method",
      "message.header_mismatch",
      "An earlier one whose Mcp-Method is another",
      RULE,
      early({ "Mcp-Method": "tools/list" }),
    ),

    // -- server/discover ------------------------------------------------------------------------------
    admitted("discover", "server/discover", "MCP 2026-07-28, Discovery", discover()),
    denied(
      "discover-missing",
      "bearer.missing",
      "server/discover without a mandate is a 401",
      "MCP 2026-07-28, Discovery",
      { ...discover(), mandate: null },
    ),
    denied(
      "discover-unsigned",
      "signature.missing",
      "server/discover without a signature is a 403",
      "MCP 2026-07-28, Discovery",
      { ...discover(), signature: null },
    ),
    denied(
      "discover-malformed",
      "message.not_json",
      "What calls itself server/discover and is no JSON is a 403, or clients would take the server for an old one",
      "MCP 2026-07-28, Discovery",
      {
        ...discover(),
        body: "{",
      },
    ),
    denied(
      "discover-mismatch",
      "message.header_mismatch",
      "server/discover with another Mcp-Method",
      "MCP 2026-07-28, Discovery",
      discover({ "Mcp-Method": "tools/list" }),
    ),
  ],
};
