/** An origin on loopback that records what arrives and answers as a test tells it. */

import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import { connect } from "node:net";
import { buffer } from "node:stream/consumers";
import { linesOf, listen } from "../support/web-server.ts";

/** A request exactly as it arrived. */
export interface Arrival {
  readonly method: string;
  readonly target: string;
  /** Lines as they were sent. */
  readonly rawHeaders: readonly (readonly [name: string, value: string])[];
  readonly body: Buffer;
  readonly response: ServerResponse;
  /** Settles when the connection is done with this request: true where the answer had been sent whole. */
  readonly closed: Promise<boolean>;
}

export type Handler = (arrival: Arrival) => void | Promise<void>;

/** One path of the origin: the MCP server of one tenant. */
export interface OriginPath {
  readonly url: string;
  readonly arrivals: Arrival[];
  /** What answers from now on; a JSON-RPC result without it. */
  handler: Handler;
  /** The next request that arrives from now on. */
  next(): Promise<Arrival>;
}

export interface Origin {
  path(name: string): OriginPath;
  close(): Promise<void>;
}

export const RESULT = '{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"done"}]}}';

export const answerJson: Handler = ({ response }) => {
  response.writeHead(200, { "content-type": "application/json" }).end(RESULT);
};

export async function startOrigin(): Promise<Origin> {
  const paths = new Map<string, OriginPath & { waiting: ((arrival: Arrival) => void)[] }>();
  // A connection that is given up the moment it is used again would make a call fail that is all right.
  const server = createServer({ keepAliveTimeout: 600_000 }, async (request, response) => {
    const rawHeaders = linesOf(request);
    const closed = once(response, "close").then(() => response.writableFinished);
    const body = await buffer(request).catch(() => Buffer.from("(broken off)"));
    const { method = "", url: target = "" } = request;
    const arrival = { method, target, rawHeaders, body, response, closed };
    const path = paths.get(target);
    if (path === undefined) throw new Error(`no such path at the origin: ${target}`);
    path.arrivals.push(arrival);
    for (const resolve of path.waiting.splice(0)) resolve(arrival);
    await path.handler(arrival);
  });
  const { origin, close } = await listen(server);

  const make = (name: string) => {
    const waiting: ((arrival: Arrival) => void)[] = [];
    const url = `${origin}/${name}`;
    const next = () => new Promise<Arrival>((resolve) => waiting.push(resolve));
    return { url, arrivals: [], handler: answerJson, next, waiting };
  };
  return {
    path(name) {
      const path = paths.get(`/${name}`) ?? make(name);
      paths.set(`/${name}`, path);
      return path;
    },
    close,
  };
}

/**
 * What makes a connection, what our own fetch says about it (never to answer from a cache), and what workerd adds
 * to any request: `CF-Worker` names the zone.
 */
const ADDED = new Set([
  "host",
  "content-length",
  "transfer-encoding",
  "accept-encoding",
  "cache-control",
  "pragma",
  "cf-worker",
]);

/** The headers of a request, lower case, without those that come with any request. */
export const beyondFraming = ({ rawHeaders }: Arrival): Record<string, string> =>
  Object.fromEntries(
    rawHeaders
      .map(([name, value]) => [name.toLowerCase(), value] as const)
      .filter(([name]) => !ADDED.has(name)),
  );

/** A port of 127.0.0.1 where nothing listens, of those that the system gives to nobody who asks for any port. */
export async function closedPort(): Promise<number> {
  for (;;) {
    const port = 10_000 + Math.floor(Math.random() * 20_000);
    const isOpen = await new Promise<boolean>((resolve) => {
      const socket = connect(port, "127.0.0.1");
      socket.once("error", () => resolve(false));
      socket.once("connect", () => {
        socket.destroy();
        resolve(true);
      });
    });
    if (!isOpen) return port;
  }
}
