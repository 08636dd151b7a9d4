/** What it takes to start: workerd with the Worker's bundle and nothing else, beside workerd with less than that. */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import { unstable_readConfig } from "wrangler";
import { type Module, readModules } from "../../src/cli/local/modules.ts";
import { findPort, HOST } from "../../src/cli/local/port.ts";
import { scheduledOf } from "../harness/process.ts";

/** One start, in milliseconds. */
export interface Start {
  /** From when the process runs until the first answer. */
  readonly answered: number;
  /** CPU of all its threads until then; NaN where nobody says. */
  readonly cpu: number;
}

/**
 * `worker`: the bundle. `unused`: a Worker that is empty, beside which the bundle's modules lie: workerd compiles them, and evaluates
 * none. `empty`: that Worker alone.
 */
export const STARTED = ["worker", "unused", "empty"] as const;

export interface Starts {
  readonly starts: Readonly<Record<(typeof STARTED)[number], readonly Start[]>>;
  /** Of each module: bytes, gzipped as Cloudflare counts them. */
  readonly gzipped: ReadonlyMap<string, number>;
}

const WRANGLER = join(import.meta.dirname, "../../wrangler.toml");

/** Miniflare's, which the Worker runs in here; its package exports the path. */
const WORKERD: string = createRequire(import.meta.resolve("miniflare"))("workerd").default;

const EMPTY: Module = {
  type: "ESModule",
  path: "index.js",
  contents: `export default { fetch: () => new Response("nothing here", { status: 404 }) };`,
};

/** @param rounds of which each has them all, in the opposite order in every other one */
export async function measureStarts(rounds: number): Promise<Starts> {
  const modules = await readModules();
  if (modules === null) throw new Error("The Worker is not built: run npm run build:worker first.");
  const moved = modules.map((module) =>
    module.path === EMPTY.path ? { ...module, path: "worker.js" } : module,
  );
  const contents = { worker: modules, unused: [EMPTY, ...moved], empty: [EMPTY] };
  const starts: Record<(typeof STARTED)[number], Start[]> = { worker: [], unused: [], empty: [] };
  // The first one finds nothing in the system's caches.
  await startOnce(modules);
  for (let round = 0; round < rounds; round++)
    for (const name of round % 2 === 0 ? STARTED : STARTED.toReversed())
      starts[name].push(await startOnce(contents[name]));
  const size = ({ path, contents }: Module) => [path, gzipSync(contents, { level: 9 }).length] as const;
  return { starts, gzipped: new Map(modules.map(size)) };
}

async function startOnce(modules: readonly Module[]): Promise<Start> {
  const directory = await mkdtemp(join(tmpdir(), "countersign-start-"));
  const port = await findPort(0);
  if (!port.ok) throw new Error(port.error);
  const address = `${HOST}:${port.value}`;
  for (const { path, contents } of modules) await writeFile(join(directory, path), contents);
  await writeFile(join(directory, "config.capnp"), configOf(modules, address));
  const workerd = spawn(WORKERD, ["serve", join(directory, "config.capnp")], { stdio: "inherit" });
  try {
    await once(workerd, "spawn");
    const start = performance.now();
    const status = await firstAnswer(`http://${address}/`);
    const answered = performance.now() - start;
    // Of the Worker: that there is no tenant here, which it can tell by itself.
    if (status !== 404) throw new Error(`the Worker answered ${status}`);
    // In nanoseconds, where `cpuOf` knows hundredths of a second.
    return { answered, cpu: (await scheduledOf(workerd.pid ?? 0))?.ran ?? Number.NaN };
  } finally {
    workerd.kill("SIGKILL");
    await rm(directory, { recursive: true, force: true });
  }
}

/** With no binding but the one that it needs to tell that there is no tenant: what is behind the others is no part of a start. */
function configOf(modules: readonly Module[], address: string): string {
  const { compatibility_date, compatibility_flags } = unstable_readConfig({ config: WRANGLER });
  const embedded = modules.map(({ path }) => `(name = "${path}", esModule = embed "${path}")`);
  return `using Workerd = import "/workerd/workerd.capnp";
    const config :Workerd.Config = (
      services = [(name = "main", worker = (
        modules = [${embedded.join(", ")}],
        compatibilityDate = "${compatibility_date}",
        compatibilityFlags = ${JSON.stringify(compatibility_flags)},
        bindings = [(name = "GATEWAY_URL", text = "http://${address}")]
      ))],
      sockets = [(name = "http", address = "${address}", http = (), service = "main")]
    );`;
}

async function firstAnswer(url: string): Promise<number> {
  for (;;) {
    try {
      const answer = await fetch(url);
      await answer.text();
      return answer.status;
    } catch {
      // It does not listen yet.
      await setTimeout(1);
    }
  }
}
