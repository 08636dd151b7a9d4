/** Runs the official conformance suite as a child process and reads what it wrote down. */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";

const CLI = join(import.meta.dirname, "../../node_modules/@modelcontextprotocol/conformance/dist/index.js");

/** One line of a `checks.json`, as far as it is compared. The same id can occur several times. */
export interface Check {
  readonly id: string;
  readonly status: "SUCCESS" | "FAILURE" | "WARNING" | "SKIPPED" | "INFO";
  readonly errorMessage?: string;
}

/** The checks of each scenario, in the order in which they were made; null for one that left no result. */
export type Results = ReadonlyMap<string, readonly Check[] | null>;

/**
 * Runs every server scenario of a revision's frozen requirements, also those that are reported without being scored.
 *
 * @param url of the server
 * @throws Error where no scenario ran; how the scenarios ended is in the results
 */
export async function runSuite(url: string, revision: string): Promise<Results> {
  const directory = await mkdtemp(join(tmpdir(), "conformance-"));
  try {
    const child = spawn(
      process.execPath,
      [CLI, "server", "--url", url, "--requirements", revision, "--output-dir", directory],
      { stdio: ["ignore", "pipe", "pipe"] },
    );
    const closed = once(child, "close");
    const [output, errors] = await Promise.all([text(child.stdout), text(child.stderr)]);
    await closed;
    const scenarios = [...output.matchAll(/^=== Running scenario: (.+) ===$/gm)].map(([, name = ""]) => name);
    if (scenarios.length === 0) throw new Error(`The suite ran nothing for ${revision}: ${errors || output}`);
    const directories = await readdir(directory);
    const entries = scenarios.map(
      async (name) => [name, await readChecks(directory, directories, name)] as const,
    );
    return new Map(await Promise.all(entries));
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** The suite writes into `server-<scenario>-<ISO time>`. */
async function readChecks(
  directory: string,
  names: readonly string[],
  scenario: string,
): Promise<readonly Check[] | null> {
  const prefix = `server-${scenario}-`;
  const found = names.find((name) => name.startsWith(prefix) && /^\d{4}-/.test(name.slice(prefix.length)));
  if (found === undefined) return null;
  try {
    return JSON.parse(await readFile(join(directory, found, "checks.json"), "utf8"));
  } catch {
    return null;
  }
}
