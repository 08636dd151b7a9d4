/** Builds the Worker that counts what it asks of the platform (`counting.js`), and asks it what it has counted. */

import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { json } from "node:stream/consumers";
import { build } from "esbuild";

/** One thing that was done. */
export interface Counted {
  /** Who did it. What ledgers and directories do, they do for many calls, or now and then; the platform calls alarms. */
  readonly by: "worker" | "ledger" | "directory" | "platform";
  /**
   * `ledger.METHOD` or `directory.METHOD`: a request to a Durable Object; `ledger.alarm` too. `origin`: a fetch. `kv.get`, `d1.run`.
   * `INSERT TABLE` and the like: a statement that wrote rows. `setAlarm`.
   */
  readonly what: string;
  /** Written, as SQLite and D1 count them. */
  readonly rows: number;
}

export interface Bundle {
  /** The Worker's main module. */
  readonly file: string;
  remove(): Promise<void>;
}

/** The production bundle has to be built before. */
export async function buildCounting(): Promise<Bundle> {
  const directory = await mkdtemp(join(tmpdir(), "countersign-counting-"));
  const file = join(directory, "index.js");
  await build({
    entryPoints: [join(import.meta.dirname, "counting.js")],
    outfile: file,
    bundle: true,
    format: "esm",
    target: "es2024",
    external: ["cloudflare:*", "./x509.mjs", "./policy.mjs"],
    alias: { "countersign-worker": join(import.meta.dirname, "../../dist/worker/index.js") },
    logLevel: "warning",
  });
  return { file, remove: () => rm(directory, { recursive: true, force: true }) };
}

/**
 * @param url of the running Worker
 * @returns what was counted since it was asked before, in the order in which it was begun
 */
export async function takeCounted(url: string): Promise<readonly Counted[]> {
  const asked = request(url, { headers: { host: "counts.test" } }).end();
  const [answer] = await once(asked, "response");
  return (await json(answer)) as readonly Counted[];
}

/** How many of these there are, and how many rows they wrote, by what they are. */
export function sumUp(
  counted: readonly Counted[],
  by: Counted["by"],
): ReadonlyMap<string, { readonly times: number; readonly rows: number }> {
  const sums = new Map<string, { times: number; rows: number }>();
  for (const { what, rows } of counted.filter((one) => one.by === by)) {
    const sum = sums.get(what) ?? { times: 0, rows: 0 };
    sums.set(what, { times: sum.times + 1, rows: sum.rows + rows });
  }
  return sums;
}
