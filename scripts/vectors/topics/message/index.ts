import type { Topic } from "../../make/case.ts";
import { httpCases } from "./http.ts";
import { jsonRpcCases } from "./json-rpc.ts";
import { mcpCases } from "./mcp.ts";

export const message: Topic = {
  name: "message",
  title: "HTTP method, media type, and one JSON-RPC message",
  cases: [...httpCases, ...jsonRpcCases, ...mcpCases],
};
