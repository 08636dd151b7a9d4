/** A web server of keys on loopback, reached through a binding: it answers for each path as a test tells it. */

import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { listen } from "../support/web-server.ts";

export type Page = (response: ServerResponse, request: IncomingMessage) => void;

export interface KeyServer {
  /** `127.0.0.1:PORT` */
  readonly address: string;
  /** By host and path, such as `keys.example/jwks.json`. */
  readonly pages: Map<string, Page>;
  /** How often a page was asked for. */
  asked(page: string): number;
  close(): Promise<void>;
}

export async function startKeyServer(): Promise<KeyServer> {
  const pages = new Map<string, Page>();
  const asked: string[] = [];
  const server = createServer((request, response) => {
    const page = `${request.headers.host}${request.url}`;
    asked.push(page);
    const answer = pages.get(page);
    if (answer === undefined) response.writeHead(404).end();
    else answer(response, request);
  });
  const { origin, close } = await listen(server);
  return {
    address: new URL(origin).host,
    pages,
    asked: (page) => asked.filter((one) => one === page).length,
    close,
  };
}

/** A page that is this JSON. */
export const json =
  (value: unknown, type = "application/json"): Page =>
  (response) =>
    void response
      .writeHead(200, { "content-type": type })
      .end(typeof value === "string" ? value : JSON.stringify(value));
