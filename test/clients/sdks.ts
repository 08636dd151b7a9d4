/** The clients of the MCP TypeScript SDK, 1.x and 2.x, behind one face. */

import * as v2 from "@modelcontextprotocol/client";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import {
  StreamableHTTPClientTransport,
  StreamableHTTPError,
} from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import type { Transport } from "@modelcontextprotocol/sdk/shared/transport.js";
import { CallToolResultSchema, ElicitRequestSchema, McpError } from "@modelcontextprotocol/sdk/types.js";
import { createFetch, type FetchFunction } from "../../src/agent/index.ts";
import type { Line, Served } from "./place.ts";

export type Arguments = Readonly<Record<string, unknown>>;

/** What came of a tool call; `text` is its first content. */
export interface ToolResult {
  readonly text: string;
  readonly isError: boolean;
}

/** What a client throws, as its own class of errors holds it: the answer's HTTP status and body, or its JSON-RPC error. */
export type Thrown =
  | { readonly kind: "http"; readonly status?: number; readonly message: string; readonly body: string }
  | { readonly kind: "json-rpc"; readonly code: number; readonly message: string; readonly data: unknown };

export interface Connected {
  /** Names. */
  tools(): Promise<string[]>;
  call(tool: string, args: Arguments, onProgress?: (progress: number) => void): Promise<ToolResult>;
  close(): Promise<void>;
}

/** What a client does when it is told something. */
export interface Ears {
  readonly onToolsChanged?: () => void;
}

export interface Sdk {
  readonly name: string;
  /** Where there is a server of its era. */
  readonly tenant: Served;
  /** The first message it sends. */
  readonly opens: "initialize" | "server/discover";
  connect(url: string, fetch: FetchFunction, ears?: Ears): Promise<Connected>;
  /** @throws anything that is not one of its two error classes */
  thrown(error: unknown): Thrown;
}

const INFO = { name: "reader", version: "1.0.0" };
const CAPABILITIES = { elicitation: { form: {} } };

/** Every form is filled in with the question. */
const answer = (message: string) => ({ action: "accept" as const, content: { name: message.toUpperCase() } });

const listens = ({ onToolsChanged }: Ears) =>
  onToolsChanged && {
    listChanged: { tools: { autoRefresh: false, debounceMs: 0, onChanged: onToolsChanged } },
  };

const shown = ({ content, isError }: Pick<v2.CallToolResult, "content" | "isError">): ToolResult => ({
  text: content[0]?.type === "text" ? content[0].text : "",
  isError: isError === true,
});

async function connect1(transport: Transport, ears: Ears = {}): Promise<Connected> {
  const client = new Client(INFO, { capabilities: CAPABILITIES, ...listens(ears) });
  client.setRequestHandler(ElicitRequestSchema, ({ params }) => answer(params.message));
  await client.connect(transport);
  return {
    tools: async () => (await client.listTools()).tools.map(({ name }) => name),
    call: async (name, args, onProgress) => {
      const params = { name, arguments: { ...args } };
      const options = onProgress && {
        onprogress: ({ progress }: { progress: number }) => onProgress(progress),
      };
      return shown(CallToolResultSchema.parse(await client.callTool(params, undefined, options)));
    },
    close: () => client.close(),
  };
}

async function connect2(mode: "legacy" | "auto", url: string, fetch: FetchFunction, ears: Ears = {}) {
  const client = new v2.Client(INFO, {
    capabilities: CAPABILITIES,
    versionNegotiation: { mode },
    ...listens(ears),
  });
  client.setRequestHandler("elicitation/create", ({ params }) => answer(params.message));
  await client.connect(new v2.StreamableHTTPClientTransport(new URL(url), { fetch }));
  const connected: Connected = {
    tools: async () => (await client.listTools()).tools.map(({ name }) => name),
    call: async (name, args, onProgress) => {
      const options = onProgress && {
        onprogress: ({ progress }: { progress: number }) => onProgress(progress),
      };
      return shown(await client.callTool({ name, arguments: { ...args } }, options));
    },
    close: () => client.close(),
  };
  return connected;
}

export function thrown1(error: unknown): Thrown {
  if (error instanceof StreamableHTTPError) {
    const { code: status, message } = error;
    // It has the body in its message alone.
    return { kind: "http", ...(status !== undefined && { status }), message, body: message };
  }
  if (error instanceof McpError) return jsonRpcError(error);
  throw error;
}

function thrown2(error: unknown): Thrown {
  if (error instanceof v2.SdkHttpError) {
    const { status, message, data } = error;
    return { kind: "http", ...(status !== undefined && { status }), message, body: String(data?.text) };
  }
  if (error instanceof v2.ProtocolError) return jsonRpcError(error);
  throw error;
}

const jsonRpcError = ({ code, message, data }: McpError | v2.ProtocolError): Thrown => ({
  kind: "json-rpc",
  code,
  message,
  data,
});

export const SDKS: readonly Sdk[] = [
  {
    name: "SDK 1.x",
    tenant: "legacy",
    opens: "initialize",
    connect: (url, fetch, ears) =>
      connect1(new StreamableHTTPClientTransport(new URL(url), { fetch }) as Transport, ears),
    thrown: thrown1,
  },
  {
    name: "SDK 2.x, legacy era",
    tenant: "legacy",
    opens: "initialize",
    connect: (url, fetch, ears) => connect2("legacy", url, fetch, ears),
    thrown: thrown2,
  },
  {
    name: "SDK 2.x, modern era",
    tenant: "modern",
    opens: "server/discover",
    connect: (url, fetch, ears) => connect2("auto", url, fetch, ears),
    thrown: thrown2,
  },
];

/** A client of the SDK 1.x with a child process at its other end, as desktop hosts have it. */
export const connectStdio = (command: { command: string; args: string[]; env: Record<string, string> }) =>
  connect1(new StdioClientTransport({ ...command, stderr: "ignore" }));

/**
 * The kit's fetch along a line.
 *
 * @param note is told of every exchange: the JSON-RPC method (or HTTP method, without a body) and the status
 */
export function lineFetch(line: Line, note: (exchange: string) => void = () => {}): FetchFunction {
  const send: FetchFunction = async (input, init) => {
    const response = await fetch(input, init);
    const body = init?.body == null ? "" : await new Response(init.body).text();
    const message = body === "" ? init?.method : (JSON.parse(body).method ?? "response");
    note(`${message} ${response.status}`);
    return response;
  };
  return async (_input, init) => {
    const to = await line();
    if (typeof to === "string") return send(to, init);
    return createFetch({ ...to.evidence, endpoint: to.endpoint, fetch: send })(to.endpoint, init);
  };
}
