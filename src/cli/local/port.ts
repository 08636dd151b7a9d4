import { createServer } from "node:net";
import { fail, ok, type Result } from "../../result.ts";

export const HOST = "127.0.0.1";

/** Free ports are taken from below the ranges that systems use for outgoing connections: nobody else is given them. */
const FIRST = 20_000;
const COUNT = 10_000;

/**
 * A port of 127.0.0.1 that can be bound now. The Worker must know its own URL before it starts, so the port
 * cannot be left to workerd.
 *
 * @param wanted 0 for any
 * @returns the port, or the error code of the wanted one (such as EADDRINUSE)
 */
export async function findPort(wanted: number): Promise<Result<number, string>> {
  if (wanted !== 0) return tryPort(wanted);
  for (;;) {
    const found = await tryPort(FIRST + Math.floor(Math.random() * COUNT));
    if (found.ok) return found;
  }
}

const tryPort = (port: number): Promise<Result<number, string>> =>
  new Promise((resolve) => {
    const server = createServer();
    server.once("error", (error: NodeJS.ErrnoException) => resolve(fail(error.code ?? error.message)));
    server.listen(port, HOST, () => server.close(() => resolve(ok(port))));
  });

/** What the operator is told about a port that cannot be had. */
export const portProblem = (port: number, code: string): string =>
  code === "EADDRINUSE"
    ? `Port ${port} of ${HOST} is in use. Choose another one with --port, or --port 0 for any free one.`
    : `Port ${port} of ${HOST} cannot be used: ${code}.`;
