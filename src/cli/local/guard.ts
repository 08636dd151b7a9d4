import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fail, ok, type Result } from "../../result.ts";

const WATCHDOG = join(import.meta.dirname, "watchdog.ts");

/** This side of the watchdog. */
export interface Guard {
  /** Has the process killed if this one dies before it. */
  watch(child: ChildProcess): void;
  /** Settles when the watchdog has ended without being asked: nothing is locked or watched any more. */
  readonly lost: Promise<void>;
  /** Lets go of the directory; settles when it is free. */
  end(): Promise<void>;
}

/**
 * Starts the watchdog, which locks the directory.
 *
 * @param afterwards whether the directory is kept or removed in the end
 * @returns the guard, or the process that holds the directory already (0 if unknown)
 */
export async function startGuard(
  directory: string,
  afterwards: "keep" | "remove",
): Promise<Result<Guard, { owner: number }>> {
  const watchdog = spawn(process.execPath, [WATCHDOG, directory, String(process.pid), afterwards], {
    stdio: ["pipe", "pipe", "ignore"],
    detached: true, // a Ctrl-C in the terminal is for us, not for it
  });
  const exited = once(watchdog, "exit");
  watchdog.stdin.on("error", () => {}); // it has gone; `lost` says so
  const answer = await Promise.race([
    once(createInterface({ input: watchdog.stdout }), "line").then(([line]) => String(line)),
    exited.then(([code]) => `ended with ${code}`),
  ]);
  if (answer.startsWith("held ")) {
    await exited;
    return fail({ owner: Number(answer.slice("held ".length)) });
  }
  if (answer !== "ready") throw new Error(`The watchdog did not start for ${directory}: it ${answer}`);
  watchdog.stdout.destroy();

  let ending = false;
  return ok({
    watch(child) {
      child.once("spawn", () => watchdog.stdin.write(`+${child.pid}\n`));
      child.once("exit", () => ending || watchdog.stdin.write(`-${child.pid}\n`));
    },
    lost: exited.then(() => (ending ? new Promise<void>(() => {}) : undefined)),
    async end() {
      ending = true;
      watchdog.stdin.end();
      await exited;
    },
  });
}
