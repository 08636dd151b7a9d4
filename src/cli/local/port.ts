import { once } from "node:events";
import { createServer, type Server } from "node:net";
import { fail, ok, type Result } from "../../result.ts";

export const HOST = "127.0.0.1";

/** Free ports are taken from below the ranges that systems use for outgoing connections: nobody else is given them. */
const FIRST = 20_000;
const COUNT = 10_000;

/** Connections that wait to be accepted. A load test opens 4,000 at once, and each one beyond loses a second. */
const BACKLOG = 4_096;

/**
 * Has a server listen on a port of 127.0.0.1.
 *
 * @param wanted 0 for any
 * @returns the port, or the error code (such as EADDRINUSE, of the wanted one)
 */
export async function listen(server: Server, wanted: number): Promise<Result<number, string>> {
  if (wanted !== 0) return tryPort(server, wanted);
  for (;;) {
    const found = await tryPort(server, FIRST + Math.floor(Math.random() * COUNT));
    // What would be wrong with any other port, such as having no file descriptors left, is for the caller.
    if (found.ok || found.error !== "EADDRINUSE") return found;
  }
}

/**
 * A port of 127.0.0.1 that can be bound now. The Worker must know its own URL before it starts, and workerd
 * must find its port again after a crash, so neither is left to the system.
 *
 * @param wanted 0 for any
 * @returns the port, or the error code (such as EADDRINUSE, of the wanted one)
 */
export async function findPort(wanted: number): Promise<Result<number, string>> {
  const server = createServer();
  const found = await listen(server, wanted);
  if (!found.ok) return found;
  server.close();
  await once(server, "close");
  return found;
}

async function tryPort(server: Server, port: number): Promise<Result<number, string>> {
  server.listen({ port, host: HOST, backlog: BACKLOG });
  try {
    await once(server, "listening");
    return ok(port);
  } catch (error) {
    return fail((error as NodeJS.ErrnoException).code ?? String(error));
  }
}

/** What the operator is told about a port that cannot be had. */
export function portProblem(port: number, code: string): string {
  if (port === 0) return `No port of ${HOST} can be used: ${code}.`;
  return code === "EADDRINUSE"
    ? `Port ${port} of ${HOST} is in use. Choose another one with --port, or --port 0 for any free one.`
    : `Port ${port} of ${HOST} cannot be used: ${code}.`;
}
