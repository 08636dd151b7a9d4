/** `serve` as a process, with the production bundle: what it prints, and what is left when it or workerd ends. */

import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";

const SERVE = join(import.meta.dirname, "../../src/cli/serve.ts");
const READY = /^(\S+) ready at (http:\/\/127\.0\.0\.1:\d+)(\S*)$/m;

interface Serve {
  readonly process: ChildProcess;
  readonly output: () => string;
  readonly ended: Promise<{ code: number | null; signal: string | null }>;
}

const running: Serve[] = [];
let directory: string;

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "serve-test-"));
});
afterEach(async () => {
  for (const serve of running.splice(0)) {
    serve.process.kill("SIGTERM");
    await serve.ended;
  }
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

function start(...args: string[]): Serve {
  const child = spawn(process.execPath, [SERVE, ...args], { stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (output += chunk));
  const ended = once(child, "close").then(([code, signal]) => ({ code, signal }));
  const serve = { process: child, output: () => output, ended };
  running.push(serve);
  return serve;
}

/** Runs it to its end. */
async function run(...args: string[]): Promise<{ code: number | null; output: string }> {
  const serve = start(...args);
  const { code } = await serve.ended;
  return { code, output: serve.output() };
}

/** Starts it on a free port and waits until it says that it is ready. */
async function serving(...args: string[]): Promise<Serve & { url: string; node: number; workerd: number }> {
  const serve = start("--tenant", tenantFile("one"), "--port", "0", ...args);
  const match = await until(() => READY.exec(serve.output()) ?? ended(serve));
  const node = serve.process.pid ?? 0;
  return { ...serve, url: match[2] ?? "", node, workerd: await until(() => workerdOf(node)) };
}

function ended(serve: Serve): undefined {
  if (serve.process.exitCode !== null) throw new Error(`serve ended: ${serve.output()}`);
  return undefined;
}

async function until<T>(probe: () => T | undefined | null | Promise<T | undefined | null>): Promise<T> {
  for (const deadline = Date.now() + 45_000; Date.now() < deadline; await sleep(20)) {
    const value = await probe();
    if (value !== undefined && value !== null) return value;
  }
  throw new Error("waited in vain");
}

/** The status of any answer. */
const answer = async (url: string): Promise<number | null> => {
  try {
    return (await fetch(url, { headers: { connection: "close" } })).status;
  } catch {
    return null;
  }
};

const processes = (): { pid: number; parent: number; state: string; name: string }[] =>
  execFileSync("ps", ["-A", "-o", "pid=,ppid=,stat=,comm="], { encoding: "utf8" })
    .trim()
    .split("\n")
    .map((line) => line.trim().split(/\s+/))
    .map(([pid, parent, state = "", name = ""]) => ({
      pid: Number(pid),
      parent: Number(parent),
      state,
      name,
    }));

const workerdOf = (node: number): number | undefined =>
  processes().find(
    ({ parent, name, state }) => parent === node && name.includes("workerd") && !state.startsWith("Z"),
  )?.pid;

/** True once there is none of these processes; a zombie that waits for its parent is gone, too. */
const gone = (...pids: number[]): true | undefined =>
  processes().some(({ pid, state }) => pids.includes(pid) && !state.startsWith("Z")) ? undefined : true;

function tenantFile(id: string, changes: object = {}): string {
  const file = join(directory, `${id}.json`);
  const document = { id, origin: { url: "http://127.0.0.1:9/mcp" }, issuers: [], agents: [], ...changes };
  writeFileSync(file, JSON.stringify(document));
  return file;
}

const stateDir = (): string => mkdtempSync(join(directory, "state-"));

describe("wrong use ends with 2 and says how it is used", () => {
  test.each<[string, string[], string]>([
    ["no tenant", [], "Name at least one tenant document"],
    ["unknown option", ["--tenants", "x"], "--tenants"],
    ["argument without option", ["x.json"], "x.json"],
    ["port that is no number", ["--tenant", "x", "--port", "http"], "--port http is not a port"],
    ["port out of range", ["--tenant", "x", "--port", "65536"], "--port 65536 is not a port"],
    ["option without value", ["--tenant"], "--tenant"],
    ["empty state directory", ["--tenant", "x", "--state", ""], "--state needs"],
  ])("%s", async (_, args, problem) => {
    const { code, output } = await run(...args);
    expect(code).toBe(2);
    expect(output).toContain(problem);
    expect(output).toContain("Usage:");
  });
});

describe("nothing starts, with 1, when", () => {
  test("documents have faults: all of them are named, with their files", async () => {
    const bad = tenantFile("bad", { surprise: 1, origin: { url: "http://origin.example/mcp" } });
    const { code, output } = await run(
      "--tenant",
      bad,
      "--tenant",
      join(directory, "none.json"),
      "--port",
      "0",
    );
    expect(code).toBe(1);
    expect(output).toMatch(new RegExp(`^${bad}: surprise: `, "m"));
    expect(output).toMatch(new RegExp(`^${bad}: origin\\.url: `, "m"));
    expect(output).toContain("none.json: cannot be read");
  });

  test("two documents are in conflict: the later one is named", async () => {
    const same = { audiences: ["https://shared.example"] };
    const [a, b] = [tenantFile("a", same), tenantFile("b", same)];
    const { code, output } = await run("--tenant", a, "--tenant", b, "--port", "0");
    expect(code).toBe(1);
    expect(output).toContain(`${b}: b.audiences: `);
  });

  test("the port is taken", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    const port = typeof address === "object" ? (address?.port ?? 0) : 0;
    const { code, output } = await run("--tenant", tenantFile("one"), "--port", String(port));
    server.close();
    expect(code).toBe(1);
    expect(output).toContain(`Port ${port} of 127.0.0.1 is in use`);
  });
});

test("one line per tenant when it is ready, requests are answered, and SIGTERM ends it with 0 and leaves nothing", async () => {
  const serve = start("--tenant", tenantFile("one"), "--tenant", tenantFile("two"), "--port", "0");
  const [, , url] = await until(() => READY.exec(serve.output()) ?? ended(serve));
  const lines = `one ready at ${url}/one/mcp\ntwo ready at ${url}/two/mcp\n`;
  await until(() => serve.output().length >= lines.length || undefined);
  expect(serve.output()).toBe(lines);
  expect(await answer(`${url}/one/mcp`)).toEqual(expect.any(Number));
  const node = serve.process.pid ?? 0;
  const workerd = await until(() => workerdOf(node));
  serve.process.kill("SIGTERM");
  expect(await serve.ended).toEqual({ code: 0, signal: null });
  await until(() => gone(node, workerd));
});

describe("the end", () => {
  test.each(["SIGINT", "SIGHUP"] as const)("%s: ends with 0 and leaves nothing", async (signal) => {
    const { process: child, ended: end, node, workerd } = await serving();
    child.kill(signal);
    expect(await end).toEqual({ code: 0, signal: null });
    await until(() => gone(node, workerd));
  });

  test("kill -9 of serve: workerd goes, too, and the state, which was its own till then, can be used again", async () => {
    const state = stateDir();
    const { process: child, ended: end, node, workerd, url } = await serving("--state", state);
    const { code, output } = await run("--tenant", tenantFile("one"), "--port", "0", "--state", state);
    expect(code).toBe(1);
    expect(output).toContain(`The state directory ${state} is in use by process ${node}.`);
    expect(await answer(url)).toEqual(expect.any(Number));
    child.kill("SIGKILL");
    await end;
    const again = await serving("--state", state);
    expect(gone(node, workerd)).toBe(true);
    expect(existsSync(join(state, "d1"))).toBe(true);
    expect(await answer(again.url)).toEqual(expect.any(Number));
  });

  test("kill -9 of workerd: serves again at the same URL, and the new one goes with serve", async () => {
    const { process: child, ended: end, node, workerd, url } = await serving();
    process.kill(workerd, "SIGKILL");
    const next = await until(() => {
      const pid = workerdOf(node);
      return pid === workerd ? undefined : pid;
    });
    expect(await until(() => answer(url))).toEqual(expect.any(Number));
    child.kill("SIGKILL");
    await end;
    await until(() => gone(next));
  });
});
