/** `startLocal` in process, with a Worker that shows what it has got. */

import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { type LocalOptions, type LocalRuntime, startLocal } from "../../src/cli/local/runtime.ts";
import { SESSION_KEYS as KEPT_SESSION_KEYS } from "../../src/cli/local/secrets.ts";
import { type StoredTenant, storedTenant } from "../../src/cli/local/tenants.ts";

const WORKER = `
import { DurableObject } from "cloudflare:workers";
export class Ledger extends DurableObject {}
export class Directory extends DurableObject {}
export default {
  async fetch(request, env) {
    const { keys } = await env.TENANTS.list();
    const tenants = await Promise.all(keys.map(async ({ name }) => [name, await env.TENANTS.get(name)]));
    const { GATEWAY_URL: gateway, SESSION_KEYS: sessionKeys } = env;
    return Response.json({ gateway, sessionKeys, headers: [...request.headers], tenants });
  },
};`;

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"];

let directory: string;
const running: LocalRuntime[] = [];
const plain = storedTenant('{"id":"plain"}');
const hosted = storedTenant('{"id":"hosted","publicUrl":"http://localhost:9/mcp"}');

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "local-test-"));
  writeFileSync(join(directory, "worker.js"), WORKER);
});
afterEach(async () => {
  vi.unstubAllEnvs();
  for (const runtime of running.splice(0)) await runtime.dispose();
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

async function started(tenants: readonly StoredTenant[], options: Partial<LocalOptions> = {}) {
  const result = await startLocal({ tenants, bundle: join(directory, "worker.js"), ...options });
  if (!result.ok) throw new Error(result.error.problem);
  running.push(result.value);
  return result.value;
}

const shown = async (url: string) =>
  (await (await fetch(url)).json()) as {
    gateway: string;
    sessionKeys: string;
    headers: [string, string][];
    tenants: [string, string][];
  };

test("the Worker knows its URL, tenants and session keys, and gets the headers as they were sent", async () => {
  const stateDir = join(directory, "given");
  const { url, directUrl } = await started([plain, hosted], { sessionKeys: "a:b", stateDir });
  const { gateway, headers, tenants, sessionKeys } = await shown(url);
  expect(gateway).toBe(url);
  expect(sessionKeys).toBe("a:b");
  expect(existsSync(join(stateDir, KEPT_SESSION_KEYS.file))).toBe(false);
  expect(tenants).toEqual([
    ["host:localhost:9", "hosted"],
    ["tenant:hosted", hosted.text],
    ["tenant:plain", plain.text],
  ]);
  expect(headers.map(([name]) => name)).not.toContain("cf-connecting-ip");
  expect(Object.fromEntries(headers)).toMatchObject({ host: new URL(url).host });
  // Past the front it is the same Worker.
  expect(directUrl).not.toBe(url);
  expect((await shown(directUrl)).gateway).toBe(url);
});

test("workerd crashes: connections end, and it is there again behind the same URL", async () => {
  const { url, workerdPid } = await started([plain]);
  const { hostname, port } = new URL(url);
  const waiting = connect(Number(port), hostname).on("error", () => {});
  // It is through to workerd once that has answered.
  waiting.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  await once(waiting, "data");
  const closed = once(waiting, "close");
  process.kill(workerdPid ?? 0, "SIGKILL");
  await closed;
  const answer = () => shown(url).catch(() => null);
  const { gateway } = await vi.waitUntil(answer, { timeout: 20_000, interval: 20 });
  expect(gateway).toBe(url);
});

test("kept state: the same session keys, tenants of an earlier run are gone, migrations are not applied again", async () => {
  const stateDir = join(directory, "state");
  const applied = async ({ d1 }: LocalRuntime) =>
    (await (await d1()).prepare("SELECT id, name, applied_at FROM d1_migrations").all()).results;
  const first = await started([plain, hosted], { stateDir });
  const before = await applied(first);
  const { sessionKeys } = await shown(first.url);
  await first.dispose();
  const second = await started([plain], { stateDir });
  expect(await shown(second.url)).toMatchObject({ sessionKeys, tenants: [["tenant:plain", plain.text]] });
  expect(before.length).toBeGreaterThan(0);
  expect(await applied(second)).toEqual(before);
});

test("two at once, apart from each other, and nothing is left of them in this process", async () => {
  const listeners = () => SIGNALS.map((signal) => process.listenerCount(signal));
  const before = listeners();
  const temporary = process.env.TMPDIR;
  const [a, b] = await Promise.all([started([plain]), started([hosted])]);
  expect(a.url).not.toBe(b.url);
  expect(a.workerdPid).not.toBe(b.workerdPid);
  const [one, other] = [await shown(a.url), await shown(b.url)];
  expect([one.tenants.length, other.tenants.length]).toEqual([1, 2]);
  expect(one.sessionKeys).toMatch(/^[\w-]{1,16}:[\w-]{43}$/);
  expect(one.sessionKeys).not.toBe(other.sessionKeys);
  await Promise.all([a.dispose(), b.dispose()]);
  expect([a.workerdPid, b.workerdPid]).toEqual([undefined, undefined]);
  expect(listeners()).toEqual(before);
  expect(process.env.TMPDIR).toBe(temporary);
});

test("temporary state is removed", async () => {
  // A place of its own: other tests make temporary state at the same time.
  const place = join(directory, "tmp");
  mkdirSync(place);
  vi.stubEnv("TMPDIR", place);
  const runtime = await started([plain]);
  expect(readdirSync(place).filter((name) => existsSync(join(place, name, "kv")))).toHaveLength(1);
  await runtime.dispose();
  expect(readdirSync(place)).toEqual([]);
});

describe("faults are values", () => {
  test.each<[string, () => Partial<LocalOptions>, RegExp]>([
    ["no bundle", () => ({ bundle: join(directory, "none.js") }), /npm run build:worker/],
    ["state directory is a file", () => ({ stateDir: join(directory, "worker.js") }), /cannot be made/],
  ])("%s", async (_, options, problem) => {
    const result = await startLocal({ tenants: [], bundle: join(directory, "worker.js"), ...options() });
    expect(result.ok ? "started" : result.error.problem).toMatch(problem);
  });

  test("broken session keys: the file is named, and the state directory can be used again", async () => {
    const stateDir = join(directory, "broken");
    const file = join(stateDir, KEPT_SESSION_KEYS.file);
    mkdirSync(stateDir);
    writeFileSync(file, "local:short");
    const result = await startLocal({ tenants: [], bundle: join(directory, "worker.js"), stateDir });
    expect(result.ok ? "started" : result.error.problem).toContain(
      `The file ${file} does not hold session keys`,
    );
    rmSync(file);
    await started([], { stateDir });
  });

  test("port in use", async () => {
    const { url } = await started([]);
    const port = Number(new URL(url).port);
    const result = await startLocal({ tenants: [], bundle: join(directory, "worker.js"), port });
    expect(result.ok ? "started" : result.error.problem).toContain(`Port ${port} of 127.0.0.1 is in use`);
  });
});
