/** Servers of node:http on loopback, and answers to their requests by what speaks the web's Request and Response. */

import { once } from "node:events";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { pipeline } from "node:stream/promises";

export interface Listening {
  /** `http://127.0.0.1:PORT` */
  readonly origin: string;
  /** Ends all connections. */
  close(): Promise<void>;
}

/** Has a server listen on any free port. */
export async function listen(server: Server): Promise<Listening> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: async () => {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

/** A request whose body has been read. */
export interface ReadRequest {
  readonly method: string;
  readonly target: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: Uint8Array;
}

export const readRequest = (incoming: IncomingMessage, body: Uint8Array): ReadRequest => ({
  method: incoming.method ?? "GET",
  target: incoming.url ?? "/",
  headers: linesOf(incoming),
  body,
});

/** Header lines as they were sent. */
export const linesOf = ({ rawHeaders }: IncomingMessage): (readonly [name: string, value: string])[] =>
  rawHeaders.flatMap((name, i) => (i % 2 === 0 ? [[name, rawHeaders[i + 1] ?? ""] as const] : []));

/**
 * Answers with what `answer` makes of the request, as it comes; its request is aborted when the connection closes.
 *
 * @throws where the connection closes before the answer is whole
 */
export async function answerAsWeb(
  { method, target, headers, body }: ReadRequest,
  outgoing: ServerResponse,
  answer: (request: Request) => Promise<Response>,
): Promise<void> {
  const gone = new AbortController();
  outgoing.once("close", () => gone.abort());
  const response = await answer(
    new Request(new URL(target, "http://127.0.0.1"), {
      method,
      headers: headers.map(([name, value]) => [name, value]),
      signal: gone.signal,
      ...(body.length > 0 && { body: new Uint8Array(body) }),
    }),
  );
  outgoing.writeHead(response.status, Object.fromEntries(response.headers)).flushHeaders();
  if (response.body === null) outgoing.end();
  else await pipeline(response.body, outgoing);
}
