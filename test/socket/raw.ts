/** HTTP/1.1 by hand: sends exactly the given bytes and shows exactly what comes back. */

import { once } from "node:events";
import { connect, type Socket } from "node:net";

/** A request as it goes over the wire. Header lines keep their order, spelling and repetitions. */
export interface Wire {
  readonly method: string;
  readonly target: string;
  /** Without Content-Length, which `toBytes` adds. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: Uint8Array;
}

export interface Head {
  readonly status: number;
  /** Lower-case names; repeated lines joined with ", ". */
  readonly headers: ReadonlyMap<string, string>;
}

export interface Answer extends Head {
  readonly body: Buffer;
  readonly text: string;
}

/** Header values are bytes: a character above U+00FF does not exist in them. */
export const head = ({ method, target, headers }: Wire, more: readonly (readonly [string, string])[] = []) =>
  Buffer.from(
    [
      `${method} ${target} HTTP/1.1`,
      ...[...headers, ...more].map(([name, value]) => `${name}: ${value}`),
      "\r\n",
    ].join("\r\n"),
    "latin1",
  );

/** The request with its Content-Length, which a GET or DELETE without a body does not have. */
export function toBytes(wire: Wire): Buffer {
  const framed = wire.body.length > 0 || wire.method === "POST";
  const length = [["Content-Length", String(wire.body.length)] as const];
  return Buffer.concat([head(wire, framed ? length : []), wire.body]);
}

/** The request in chunks, without a length said in advance. */
export function toChunks(wire: Wire, size = 1024): Buffer {
  const chunks: Uint8Array[] = [head(wire, [["Transfer-Encoding", "chunked"]])];
  for (let at = 0; at < wire.body.length; at += size) {
    const piece = wire.body.subarray(at, at + size);
    chunks.push(Buffer.from(`${piece.length.toString(16)}\r\n`), piece, Buffer.from("\r\n"));
  }
  return Buffer.concat([...chunks, Buffer.from("0\r\n\r\n")]);
}

/** The stream ended before the body did. */
export class BrokenBody extends Error {}

/** One connection. Reads on demand, so that a test decides when it has received what. */
export class Connection {
  readonly socket: Socket;
  readonly #pieces: AsyncIterator<Buffer>;
  #buffer: Buffer = Buffer.alloc(0);
  #framing: "chunked" | "close" | number = "close";

  private constructor(socket: Socket) {
    this.socket = socket;
    this.#pieces = socket[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  }

  static async open(url: string): Promise<Connection> {
    const { hostname, port } = new URL(url);
    const socket = connect({ host: hostname, port: Number(port), noDelay: true, allowHalfOpen: true });
    await once(socket, "connect");
    // Errors show where something is read.
    socket.on("error", () => {});
    return new Connection(socket);
  }

  write(bytes: Uint8Array | string): void {
    this.socket.write(typeof bytes === "string" ? Buffer.from(bytes, "latin1") : bytes);
  }

  /** Goes away at once, with RST. */
  reset(): void {
    this.socket.resetAndDestroy();
  }

  close(): void {
    this.socket.destroy();
  }

  /** Reads status line and headers. */
  async head(): Promise<Head> {
    let end = this.#buffer.indexOf("\r\n\r\n");
    while (end < 0) {
      if (!(await this.#fill())) throw new BrokenBody("no answer");
      end = this.#buffer.indexOf("\r\n\r\n");
    }
    const [first = "", ...lines] = this.#take(end + 4)
      .toString("latin1")
      .trimEnd()
      .split("\r\n");
    const headers = new Map<string, string>();
    for (const line of lines) {
      const colon = line.indexOf(":");
      const name = line.slice(0, colon).toLowerCase();
      const value = line.slice(colon + 1).trim();
      headers.set(name, headers.has(name) ? `${headers.get(name)}, ${value}` : value);
    }
    const status = Number(first.split(" ")[1]);
    const length = headers.get("content-length");
    if (headers.get("transfer-encoding") === "chunked") this.#framing = "chunked";
    else if (status === 204 || status === 304) this.#framing = 0;
    else this.#framing = length === undefined ? "close" : Number(length);
    return { status, headers };
  }

  /** The next piece of the body; null at its clean end. Throws `BrokenBody` where it ends otherwise. */
  async piece(): Promise<Buffer | null> {
    if (this.#framing === "close") {
      if (this.#buffer.length === 0 && !(await this.#fill())) return null;
      return this.#take(this.#buffer.length);
    }
    if (this.#framing === "chunked") {
      const size = Number.parseInt((await this.#line()).toString("latin1"), 16);
      const piece = await this.#exactly(size);
      await this.#line();
      if (size > 0) return piece;
      this.#framing = 0;
      return null;
    }
    if (this.#framing === 0) return null;
    if (this.#buffer.length === 0 && !(await this.#fill())) throw new BrokenBody("content is short");
    const piece = this.#take(Math.min(this.#buffer.length, this.#framing));
    this.#framing -= piece.length;
    return piece;
  }

  /** The whole answer. */
  async answer(): Promise<Answer> {
    const { status, headers } = await this.head();
    const pieces: Buffer[] = [];
    for (let piece = await this.piece(); piece !== null; piece = await this.piece()) pieces.push(piece);
    const body = Buffer.concat(pieces);
    return { status, headers, body, text: body.toString() };
  }

  async #line(): Promise<Buffer> {
    let end = this.#buffer.indexOf("\r\n");
    while (end < 0) {
      if (!(await this.#fill())) throw new BrokenBody("chunk is cut");
      end = this.#buffer.indexOf("\r\n");
    }
    return this.#take(end + 2).subarray(0, end);
  }

  async #exactly(size: number): Promise<Buffer> {
    while (this.#buffer.length < size) if (!(await this.#fill())) throw new BrokenBody("chunk is cut");
    return this.#take(size);
  }

  #take(size: number): Buffer {
    const taken = this.#buffer.subarray(0, size);
    this.#buffer = this.#buffer.subarray(size);
    return taken;
  }

  async #fill(): Promise<boolean> {
    try {
      const next = await this.#pieces.next();
      if (next.done) return false;
      this.#buffer = Buffer.concat([this.#buffer, next.value]);
      return true;
    } catch {
      return false;
    }
  }
}

/** One exchange over a connection of its own. */
export async function exchange(url: string, bytes: Uint8Array | string): Promise<Answer> {
  const connection = await Connection.open(url);
  try {
    connection.write(bytes);
    return await connection.answer();
  } finally {
    connection.close();
  }
}

/** Many requests at the same time: every connection stands before the first byte is sent. */
export async function volley(url: string, requests: readonly Uint8Array[]): Promise<Answer[]> {
  const connections = await Promise.all(requests.map(() => Connection.open(url)));
  try {
    for (const [i, connection] of connections.entries()) connection.write(requests[i] ?? "");
    return await Promise.all(connections.map((connection) => connection.answer()));
  } finally {
    for (const connection of connections) connection.close();
  }
}
