/** Names are checked in documents, but a public name can have a private address: what the local runtime makes of those. */

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type LocalRuntime, startLocal } from "../../src/cli/local/runtime.ts";
import { type Listening, listen } from "../support/web-server.ts";

/** Fetches what it is told to, by the way that keys are fetched or by that of origins. */
const WORKER = `
import { DurableObject } from "cloudflare:workers";
export class Ledger extends DurableObject {}
export class Directory extends DurableObject {}
export default {
  async fetch(request, env) {
    const { searchParams } = new URL(request.url);
    const from = searchParams.get("way") === "keys" ? env.PUBLIC_INTERNET : globalThis;
    try {
      return new Response(await (await from.fetch(searchParams.get("url"))).text());
    } catch (error) {
      return new Response("refused: " + error.message);
    }
  },
};`;

let directory: string;
let server: Listening;
let runtime: LocalRuntime;
let arrivals = 0;
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "public-internet-"));
  writeFileSync(join(directory, "worker.js"), WORKER);
  server = await listen(
    createServer((_request, response) => {
      arrivals += 1;
      response.end("reached");
    }),
  );
  const started = await startLocal({ tenants: [], bundle: join(directory, "worker.js") });
  if (!started.ok) throw new Error(started.error.problem);
  runtime = started.value;
});
afterAll(async () => {
  await runtime.dispose();
  await server.close();
  rmSync(directory, { recursive: true, force: true });
});

const fetched = async (way: string, host: string): Promise<string> => {
  const url = `http://${host}:${new URL(server.origin).port}/`;
  return (await fetch(`${runtime.url}/?${new URLSearchParams({ way, url })}`)).text();
};

test("an origin on this machine is reached", async () => {
  expect(await fetched("origin", "127.0.0.1")).toBe("reached");
  expect(await fetched("origin", "localhost")).toBe("reached");
});

test("keys are fetched from no private address, whatever its name", async () => {
  arrivals = 0;
  // This machine's own name has a private or loopback address wherever it has one.
  for (const host of ["127.0.0.1", "localhost", hostname()]) {
    expect(await fetched("keys", host)).toMatch(/^refused/);
  }
  expect(arrivals).toBe(0);
});
