/**
 * The public socket of the local runtime: hands bytes on between clients and workerd, both ways, as they are.
 *
 * workerd notices that a client has ended its connection (FIN) only at the next byte it writes to it, and a
 * stream that waits for the origin writes none. A RST it notices at once. So here the end of a client becomes a
 * RST: workerd aborts the request and the origin is told. Cloudflare's edge needs no such help. A client that
 * ends only its own direction counts as gone, too; Node's own HTTP server does the same.
 */

import { createServer, Socket } from "node:net";
import { ok, type Result } from "../../result.ts";
import { HOST, listen } from "./port.ts";

/** How long a client may take to end a connection that has ended from our side; reading on counts anew. */
const LINGER_MS = 10_000;

export interface Front {
  readonly port: number;
  /** The port of 127.0.0.1 that clients are connected with from now on. Before, their connections are reset. */
  leadTo(port: number): void;
  /** Ends all connections; settles when the port is free. Safe to repeat. */
  close(): Promise<void>;
}

/**
 * Opens the public port. An error on a connection ends this connection and its counterpart, nothing else.
 *
 * @param wanted a port of 127.0.0.1, 0 for any
 * @returns the error code of the wanted port (such as EADDRINUSE) where it cannot be had
 */
export async function openFront(wanted: number): Promise<Result<Front, string>> {
  const clients = new Set<Socket>();
  let target: number | undefined;
  const server = createServer({ noDelay: true }, (client) => {
    clients.add(client);
    client.once("close", () => clients.delete(client));
    if (target === undefined) client.resetAndDestroy();
    else join(client, new WorkerdSocket({ noDelay: true }).connect(target, HOST));
  });
  const port = await listen(server, wanted);
  if (!port.ok) return port;
  // A connection that could not be accepted, for want of file descriptors say. There will be others.
  server.on("error", () => {});
  const closed = new Promise<void>((resolve) => server.once("close", resolve));
  return ok({
    port: port.value,
    leadTo(port) {
      target = port;
    },
    async close() {
      server.close();
      for (const client of clients) client.destroy();
      await closed;
    },
  });
}

/**
 * A connection to workerd. workerd may answer, and end, before it has read all of a request. A write then fails,
 * for which Node would drop the answer unread. So writes do not fail here: what there is to read says how it ends.
 */
class WorkerdSocket extends Socket {
  /** A write met a RST (after FIN it would be EPIPE), and the reader is told of an end in its place. */
  wasReset = false;

  override _write(chunk: unknown, encoding: BufferEncoding, callback: () => void): void {
    super._write(chunk, encoding, this.#written(callback));
  }

  override _writev(chunks: { chunk: unknown; encoding: BufferEncoding }[], callback: () => void): void {
    super._writev?.(chunks, this.#written(callback));
  }

  #written(callback: () => void): (error?: NodeJS.ErrnoException | null) => void {
    return (error) => {
      if (error?.code === "ECONNRESET") this.wasReset = true;
      callback();
    };
  }
}

/** Joins two connections for the rest of their lives. `pipe` reads from one only as fast as the other takes it. */
function join(client: Socket, workerd: WorkerdSocket): void {
  client.pipe(workerd, { end: false });
  workerd.pipe(client, { end: false });

  // After "end" Node ends the client's other direction by itself, once it has what came before.
  client.once("end", () => breakOff(workerd));
  client.once("close", () => breakOff(workerd));
  client.on("error", () => {}); // "close" follows

  workerd.once("end", () => {
    if (workerd.wasReset) return breakOff(client);
    client.end();
    // What the client still sends has no reader, but a RST for it could cost the client the answer.
    client.unpipe(workerd);
    client.resume();
    // One that reads nothing, sends nothing and never ends would keep its descriptor for ever.
    client.setTimeout(LINGER_MS, () => client.destroy());
    workerd.destroy();
  });
  // No clean end for an answer that has none.
  workerd.on("error", () => breakOff(client));
}

/** Ends a connection with a RST, where it stands and its end is not on the way already. */
function breakOff(socket: Socket): void {
  if (socket.connecting || socket.writableEnded) socket.destroy();
  else socket.resetAndDestroy();
}
