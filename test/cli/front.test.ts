/** The public socket of the local runtime, between real sockets: what each side learns of the other. */

import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { buffer } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, describe, expect, test } from "vitest";
import { type Front, openFront } from "../../src/cli/local/front.ts";

const ALL_BYTES = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
const MiB = 1024 * 1024;

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function open(wanted = 0): Promise<Front> {
  const front = await openFront(wanted);
  if (!front.ok) throw new Error(front.error);
  cleanups.push(() => front.value.close());
  return front.value;
}

/** A server where workerd would be. */
async function behind(port = 0): Promise<{ server: Server; port: number; next(): Promise<Socket> }> {
  const server = createServer({ allowHalfOpen: true });
  const sockets: Socket[] = [];
  server.on("connection", (socket) => {
    socket.on("error", () => {});
    sockets.push(socket);
  });
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  cleanups.push(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  const next = async (): Promise<Socket> => (await once(server, "connection"))[0];
  return { server, port: (server.address() as AddressInfo).port, next };
}

function dial(front: Front): Socket {
  const socket = connect({ host: "127.0.0.1", port: front.port, allowHalfOpen: true });
  cleanups.push(() => socket.destroy());
  socket.on("error", () => {});
  return socket;
}

async function client(front: Front): Promise<Socket> {
  const socket = dial(front);
  await once(socket, "connect");
  return socket;
}

/** Both ends of a connection through the front. */
async function pair() {
  const server = await behind();
  const front = await open();
  front.leadTo(server.port);
  const accepted = server.next();
  const near = await client(front);
  return { front, near, far: await accepted };
}

/** How a connection ends, for one who reads all of it: "end" (FIN) or an error code, and what came before. */
async function readAll(socket: Socket): Promise<{ bytes: Buffer; ended: string }> {
  const pieces: Buffer[] = [];
  socket.on("data", (piece: Buffer) => pieces.push(piece));
  const ended = await Promise.race([
    once(socket, "end").then(() => "end"),
    new Promise<string>((resolve) =>
      socket.once("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? "")),
    ),
  ]);
  return { bytes: Buffer.concat(pieces), ended };
}

const endOf = async (socket: Socket): Promise<string> => (await readAll(socket)).ended;

test("bytes pass as they are, both ways", async () => {
  const { near, far } = await pair();
  near.write(ALL_BYTES);
  expect((await once(far, "data"))[0]).toEqual(ALL_BYTES);
  far.write(ALL_BYTES);
  expect((await once(near, "data"))[0]).toEqual(ALL_BYTES);
});

describe("the client goes: workerd is told by a RST", () => {
  test.each<[string, (near: Socket) => unknown]>([
    ["it ends its direction", (near) => near.end()],
    ["it closes", (near) => near.destroy()],
    ["it resets", (near) => near.resetAndDestroy()],
    ["it ends behind a request", (near) => near.end("GET / HTTP/1.1\r\n\r\n")],
  ])("%s", async (_name, go) => {
    const { near, far } = await pair();
    const ended = endOf(far);
    go(near);
    expect(await ended).toBe("ECONNRESET");
  });

  test("in the middle of an answer: it gets its own end back, after what was on its way", async () => {
    const { near, far } = await pair();
    far.write("half an ans");
    await once(near, "readable");
    const [there, here] = [endOf(far), readAll(near)];
    near.end();
    expect(await there).toBe("ECONNRESET");
    expect(await here).toEqual({ bytes: Buffer.from("half an ans"), ended: "end" });
  });

  test.each<[string, (near: Socket) => unknown]>([
    ["it ends its direction", (near) => near.end()],
    ["it closes", (near) => near.destroy()],
  ])("in the middle of an answer that it does not read: %s", async (_name, go) => {
    const { near, far } = await pair();
    const ended = endOf(far);
    await fill(far);
    go(near);
    expect(await ended).toMatch(/^(ECONNRESET|EPIPE)$/);
  });
});

describe("workerd goes: so does the client's connection", () => {
  test("it ends: the client reads all, however slowly, and then the end", async () => {
    const { near, far } = await pair();
    const answer = Buffer.alloc(8 * MiB, ALL_BYTES);
    far.end(answer);
    await sleep(20);
    expect((await buffer(near)).equals(answer)).toBe(true);
  });

  test("it answers and closes before it has read the request: the client gets the answer", async () => {
    const { near, far } = await pair();
    near.write("a request that");
    await once(far, "readable");
    far.end("no");
    near.write(Buffer.alloc(2 * MiB));
    await once(far, "finish");
    // With bytes that it has not read, this is a RST behind the answer and its end.
    far.destroy();
    expect(await readAll(near)).toEqual({ bytes: Buffer.from("no"), ended: "end" });
    // What follows has no reader, and holds nobody up.
    near.end(Buffer.alloc(32 * MiB));
    await once(near, "close");
  });

  test("it resets: no clean end", async () => {
    const { near, far } = await pair();
    const read = readAll(near);
    far.write("5\r\nhel");
    await once(near, "data");
    far.resetAndDestroy();
    expect(await read).toEqual({ bytes: Buffer.from("5\r\nhel"), ended: "ECONNRESET" });
  });

  test("it resets while the client is sending: no clean end", async () => {
    const { near, far } = await pair();
    const read = readAll(near);
    far.write("5\r\nhel");
    await once(near, "data");
    // In this order the front's write meets the RST before its read does.
    near.write("more");
    far.resetAndDestroy();
    expect(await read).toEqual({ bytes: Buffer.from("5\r\nhel"), ended: "ECONNRESET" });
  });

  test("it resets while the client reads nothing", async () => {
    const { near, far } = await pair();
    await fill(far);
    far.resetAndDestroy();
    expect((await readAll(near)).ended).toBe("ECONNRESET");
  });
});

/** Writes until nothing more is taken, and returns the number of bytes. */
async function fill(socket: Socket): Promise<number> {
  const chunk = Buffer.alloc(MiB);
  let taken = 0;
  do {
    if (taken > 200 * MiB) break;
    taken += chunk.length;
  } while (socket.write(chunk) || (await drained(socket)));
  return taken;
}

const drained = (socket: Socket): Promise<boolean> =>
  Promise.race([once(socket, "drain").then(() => true), sleep(500).then(() => false)]);

test("who does not read holds up who sends, both ways", async () => {
  const { near, far } = await pair();
  for (const sender of [near, far]) expect(await fill(sender)).toBeLessThan(100 * MiB);
});

describe("nobody behind it", () => {
  test("connections are reset before it leads anywhere, and when nothing listens there", async () => {
    const front = await open();
    expect(await endOf(dial(front))).toBe("ECONNRESET");
    const { server, port } = await behind();
    server.close();
    await once(server, "close");
    front.leadTo(port);
    expect(await endOf(dial(front))).toBe("ECONNRESET");

    // And when something listens there again, all is well.
    const again = await behind(port);
    const accepted = again.next();
    const near = await client(front);
    (await accepted).end("here");
    expect((await buffer(near)).toString()).toBe("here");
  });
});

test("a port that is taken", async () => {
  const { port } = await behind();
  expect(await openFront(port)).toEqual({ ok: false, error: "EADDRINUSE" });
});

test("when it closes, idle and busy connections end on both sides, and the port is free", async () => {
  const { front, near, far } = await pair();
  const idle = await client(front);
  near.write("x");
  await once(far, "data");
  const ends = Promise.all([near, idle, far].map(endOf));
  await front.close();
  expect(await ends).toEqual(["end", "end", "ECONNRESET"]);
  await front.close();
  expect((await open(front.port)).port).toBe(front.port);
});

test("1,000 clients at once; those that break off take nobody along", async () => {
  const { server, port } = await behind();
  server.on("connection", (socket: Socket) => socket.pipe(socket));
  const front = await open();
  front.leadTo(port);
  const clients = await Promise.all(Array.from({ length: 1000 }, () => client(front)));
  const [lost, kept] = [clients.filter((_, i) => i % 4 === 0), clients.filter((_, i) => i % 4 !== 0)];
  for (const socket of clients) socket.write("hello");
  for (const socket of lost) socket.resetAndDestroy();
  const echoes = await Promise.all(kept.map(async (socket) => String((await once(socket, "data"))[0])));
  expect(new Set(echoes)).toEqual(new Set(["hello"]));
});
