/**
 * The watchdog: a small process beside the one that serves. It outlives a `kill -9` of that one, which would
 * otherwise leave workerd running with the port and the state.
 *
 * Arguments: state directory, process id of the owner, "keep" or "remove" (what becomes of the directory).
 * It locks the directory and prints `ready`, or `held <pid>`. On its input it learns which processes to watch,
 * `+<pid>` and `-<pid>`, a line each. When the input closes, the owner is gone or done: what is still watched
 * is killed, temporary files are removed, and only then is the lock let go, so that no two runtimes ever write
 * to one directory.
 */

import { rmSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { lockDirectory } from "./lock.ts";

/** A killed process is gone within milliseconds; one that nobody reaps would look alive for ever. */
const MAX_WAIT_MS = 1_000;

const signal = (pid: number, name: "SIGKILL" | 0): boolean => {
  try {
    return process.kill(pid, name);
  } catch {
    return false;
  }
};

async function kill(pid: number): Promise<void> {
  signal(pid, "SIGKILL");
  for (let waited = 0; signal(pid, 0) && waited < MAX_WAIT_MS; waited += 10) await sleep(10);
}

async function watch(): Promise<void> {
  const watched = new Set<number>();
  for await (const line of createInterface({ input: process.stdin })) {
    const pid = Number(line.slice(1));
    if (line.startsWith("+")) watched.add(pid);
    else watched.delete(pid);
  }
  await Promise.all([...watched].map(kill));
}

const [directory = "", owner = "0", afterwards = "keep"] = process.argv.slice(2);
const lock = lockDirectory(directory, Number(owner));
if (lock.ok) {
  process.stdout.write("ready\n");
  await watch();
  rmSync(afterwards === "remove" ? directory : join(directory, "tmp"), { recursive: true, force: true });
  lock.value.close();
} else {
  process.stdout.write(`held ${lock.error.owner}\n`);
}
