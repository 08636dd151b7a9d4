/** The Inspector's command line and mcp-remote, as child processes that can reach nothing but this machine. */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { listen } from "../support/web-server.ts";

const MODULES = join(import.meta.dirname, "../../node_modules");
const INSPECTOR = join(MODULES, "@modelcontextprotocol/inspector/clients/launcher/build/index.js");
const MCP_REMOTE = join(MODULES, "mcp-remote/dist/proxy.js");

/** A home that is removed in the end, no browser, and a proxy that opens no connection to anywhere. */
export interface Fence {
  readonly env: Record<string, string>;
  /** Hosts that a child wanted to reach beyond this machine. */
  readonly wanted: readonly string[];
  /** Aborted when the fence closes: what still runs then is killed. */
  readonly closed: AbortSignal;
  close(): Promise<void>;
}

export async function startFence(): Promise<Fence> {
  const home = await mkdtemp(join(tmpdir(), "countersign-clients-"));
  const wanted: string[] = [];
  const closing = new AbortController();
  const proxy = createServer(({ url = "" }, response) => {
    wanted.push(url);
    response.writeHead(403).end();
  });
  proxy.on("connect", ({ url = "" }, socket) => {
    wanted.push(url);
    socket.end("HTTP/1.1 403 Forbidden\r\n\r\n");
  });
  const listening = await listen(proxy);
  const url = listening.origin;
  return {
    wanted,
    closed: closing.signal,
    env: {
      HOME: home,
      // Nothing to open a browser with.
      PATH: home,
      BROWSER: join(home, "no-browser"),
      MCP_REMOTE_CONFIG_DIR: join(home, "mcp-auth"),
      MCP_STORAGE_DIR: join(home, "inspector"),
      MCP_INSPECTOR_SECRET_STORE: "memory",
      HTTP_PROXY: url,
      HTTPS_PROXY: url,
      NO_PROXY: "127.0.0.1,localhost",
      // All but the first start sooner.
      NODE_COMPILE_CACHE: join(home, "compiled"),
    },
    close: async () => {
      closing.abort();
      await listening.close();
      await rm(home, { recursive: true, force: true });
    },
  };
}

export interface Printed {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the Inspector's command line once. */
export function inspect(fence: Fence, url: string, ...args: string[]): Promise<Printed> {
  const options = ["--server-url", url, "--transport", "http", "--format", "json"];
  return run(fence, [INSPECTOR, "--cli", ...options, ...args]);
}

/** Runs mcp-remote without a host. It ends by itself only where it cannot start. */
export const runRemote = (fence: Fence, url: string, ...args: string[]): Promise<Printed> =>
  run(fence, remoteCommand(fence, url, ...args).args);

/** mcp-remote as a host has it: a command to talk to over its standard input and output. */
export const remoteCommand = (fence: Fence, url: string, ...args: string[]) => ({
  command: process.execPath,
  args: [MCP_REMOTE, url, "--enable-proxy", ...args],
  env: fence.env,
});

async function run({ env, closed }: Fence, args: string[]): Promise<Printed> {
  const child = spawn(process.execPath, args, { env, signal: closed, stdio: ["ignore", "pipe", "pipe"] });
  const [stdout, stderr, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, "close"),
  ]);
  return { code, stdout, stderr };
}
