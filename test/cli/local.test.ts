/** `startLocal` in process, with a Worker that shows what it has got. */

import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { type LocalOptions, type LocalRuntime, startLocal } from "../../src/cli/local/runtime.ts";
import { type StoredTenant, storedTenant } from "../../src/cli/local/tenants.ts";

const WORKER = `
import { DurableObject } from "cloudflare:workers";
export class Ledger extends DurableObject {}
export class Directory extends DurableObject {}
export default {
  async fetch(request, env) {
    const { keys } = await env.TENANTS.list();
    const tenants = await Promise.all(keys.map(async ({ name }) => [name, await env.TENANTS.get(name)]));
    return Response.json({ gateway: env.GATEWAY_URL, headers: [...request.headers], tenants });
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
    headers: [string, string][];
    tenants: [string, string][];
  };

test("the Worker knows its URL and the tenants, and gets the headers as they were sent", async () => {
  const { url } = await started([plain, hosted]);
  const { gateway, headers, tenants } = await shown(url);
  expect(gateway).toBe(url);
  expect(tenants).toEqual([
    ["host:localhost:9", "hosted"],
    ["tenant:hosted", hosted.text],
    ["tenant:plain", plain.text],
  ]);
  expect(headers.map(([name]) => name)).not.toContain("cf-connecting-ip");
  expect(Object.fromEntries(headers)).toMatchObject({ host: new URL(url).host });
});

test("kept state: tenants of an earlier run are gone, migrations are not applied again", async () => {
  const stateDir = join(directory, "state");
  const applied = async ({ d1 }: LocalRuntime) =>
    (await (await d1()).prepare("SELECT id, name, applied_at FROM d1_migrations").all()).results;
  const first = await started([plain, hosted], { stateDir });
  const before = await applied(first);
  await first.dispose();
  const second = await started([plain], { stateDir });
  expect((await shown(second.url)).tenants).toEqual([["tenant:plain", plain.text]]);
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
  expect((await shown(a.url)).tenants).toHaveLength(1);
  expect((await shown(b.url)).tenants).toHaveLength(2);
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

  test("port in use", async () => {
    const { url } = await started([]);
    const port = Number(new URL(url).port);
    const result = await startLocal({ tenants: [], bundle: join(directory, "worker.js"), port });
    expect(result.ok ? "started" : result.error.problem).toContain(`Port ${port} of 127.0.0.1 is in use`);
  });
});
