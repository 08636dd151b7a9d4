/** A process that sends a load over raw sockets, and notes what each call took. */

import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { setTimeout } from "node:timers/promises";
import { HOST } from "../../../src/cli/local/port.ts";
import { ORIGIN_SAYS } from "../origin.ts";
import { serve } from "./child.ts";
import { type Load, readLoad } from "./load.ts";

export interface DriveOrder {
  readonly port: number;
  readonly file: string;
  /** Of each connection: which of its calls, from and up to. */
  readonly from: number;
  readonly to: number;
  /** How many of them, of each connection, are sent first and not measured: none unless given. */
  readonly warmUp?: number;
  /** Calls per second, whoever waits; null: each connection sends its next call when it has its answer. */
  readonly rate: number | null;
}

export interface Driven {
  /** Without those of the warm-up, as all below but the failures. */
  readonly calls: number;
  readonly seconds: number;
  /** Milliseconds, one for each call. */
  readonly latencies: Float64Array;
  /** Answers that were not the origin's. */
  readonly failures: number;
  /** What the first of them said. */
  readonly failure: string | null;
}

/** Timers are late by a millisecond or two; a driver that is later than this was kept from running. */
const MAX_LATE_MS = 5;

async function drive({ port, file, from, to, warmUp = 0, rate }: DriveOrder): Promise<Driven> {
  const load = await readLoad(file);
  const calls = (first: number, end: number) => load.map((requests) => requests.slice(first, end));
  const lines = await Promise.all(load.map(() => Line.open(port)));
  const warming = await send(lines, calls(from, from + warmUp), null);
  const measured = await send(lines, calls(from + warmUp, to), rate);
  for (const line of lines) line.close();
  return {
    ...measured,
    failures: warming.failures + measured.failures,
    failure: warming.failure ?? measured.failure,
  };
}

async function send(lines: readonly Line[], load: Load, rate: number | null): Promise<Driven> {
  const tally = new Tally(load.reduce((sum, { length }) => sum + length, 0));
  const start = performance.now();
  if (rate === null) await Promise.all(lines.map((line, i) => sendAll(line, load[i] ?? [], tally)));
  else await sendAtRate(lines, load, rate, tally);
  return { seconds: (performance.now() - start) / 1000, ...tally.sum() };
}

async function sendAll(line: Line, requests: readonly Buffer[], tally: Tally): Promise<void> {
  for (const request of requests) {
    const sent = performance.now();
    tally.add(sent, await line.exchange(request));
  }
}

/**
 * A call that is due while no connection is free waits, and its waiting counts. A driver that could not run when calls were due does not
 * make up for it: the burst would be its own doing, and would count against the server.
 */
async function sendAtRate(lines: readonly Line[], load: Load, rate: number, tally: Tally): Promise<void> {
  const free = lines.map((line, i) => ({ line, requests: (load[i] ?? []).values() }));
  const due: number[] = [];
  const running = new Set<Promise<void>>();
  const sendDue = () => {
    while (due.length > 0) {
      const next = free.shift();
      if (next === undefined) return;
      const { done, value } = next.requests.next();
      // This connection has sent all of its calls.
      if (done) continue;
      const since = due.shift() ?? 0;
      const exchanged = next.line.exchange(value).then((answer) => {
        tally.add(since, answer);
        free.push(next);
        running.delete(exchanged);
        sendDue();
      });
      running.add(exchanged);
    }
  };
  let at = performance.now();
  for (let calls = load.reduce((sum, { length }) => sum + length, 0); calls > 0; calls--) {
    let now = performance.now();
    for (; now < at; now = performance.now()) await setTimeout(at - now);
    due.push(now);
    sendDue();
    at = (now - at > MAX_LATE_MS ? now : at) + 1000 / rate;
  }
  while (running.size > 0) await Promise.all(running);
}

/** What became of the calls. */
class Tally {
  readonly #latencies: Float64Array;
  #calls = 0;
  #failures = 0;
  #failure: string | null = null;

  constructor(calls: number) {
    this.#latencies = new Float64Array(calls);
  }

  add(since: number, answer: string): void {
    this.#latencies[this.#calls++] = performance.now() - since;
    if (answer.startsWith("HTTP/1.1 200") && answer.includes(ORIGIN_SAYS)) return;
    this.#failures++;
    this.#failure ??= answer;
  }

  sum(): Omit<Driven, "seconds"> {
    return {
      calls: this.#calls,
      latencies: this.#latencies,
      failures: this.#failures,
      failure: this.#failure,
    };
  }
}

/** A connection that is kept. It reads as little as it can: it shares the machine with what is measured. */
class Line {
  readonly #socket: Socket;
  #answer = "";
  #settle: { resolve: (answer: string) => void; reject: (error: Error) => void } | null = null;

  static async open(port: number): Promise<Line> {
    const socket = connect({ port, host: HOST, noDelay: true });
    await once(socket, "connect");
    return new Line(socket);
  }

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.setEncoding("latin1");
    socket.on("data", (text: string) => {
      this.#answer += text;
      if (!isWhole(this.#answer)) return;
      const answer = this.#answer;
      this.#answer = "";
      this.#settle?.resolve(answer);
    });
    socket.on("error", (error) => this.#settle?.reject(error));
    socket.on("close", () => this.#settle?.reject(new Error("the connection was closed")));
  }

  exchange(request: Buffer): Promise<string> {
    this.#socket.write(request);
    return new Promise((resolve, reject) => {
      this.#settle = { resolve, reject };
    });
  }

  close(): void {
    this.#socket.destroy();
  }
}

/** Whether an HTTP/1.1 response is complete. */
function isWhole(text: string): boolean {
  const end = text.indexOf("\r\n\r\n");
  if (end < 0) return false;
  const length = /\r\ncontent-length: (\d+)/i.exec(text.slice(0, end + 2))?.[1];
  return length === undefined ? text.endsWith("\r\n0\r\n\r\n") : text.length >= end + 4 + Number(length);
}

serve(drive);
