/** What the system says about a process. Only Linux says it. */

import { existsSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { setTimeout } from "node:timers/promises";

/** One unit of the times in /proc/PID/stat, which are in hundredths of a second whatever the kernel counts in. */
const TICK_MS = 10;

const POLL_MS = 100;

/** A server that was idle for so long is at rest: what a call leaves behind, its outcome and the drain of a journal, begins within a second. */
export const REST_MS = 1_300;

/** Longer than the afterwork of any phase. A server that never rests cannot be compared. */
const MAX_WAIT_MS = 120_000;

/** Where nobody says how busy a process is. */
const FIXED_PAUSE_MS = 5_000;

const HAS_PROC = existsSync("/proc/self/stat");

/** @returns milliseconds of CPU that all threads of a process have had, to the nearest ten; null where that is not known */
export async function cpuOf(pid: number): Promise<number | null> {
  if (!HAS_PROC) return null;
  const stat = await readFile(`/proc/${pid}/stat`, "utf8");
  // The name of the program, in brackets, may contain anything. Behind it, utime and stime are the 12th and 13th.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
}

/** Milliseconds. */
interface Scheduled {
  readonly ran: number;
  /** Ready to go on while others had the CPU. */
  readonly waited: number;
}

/** The sum over the threads that a process has: those that have ended are not in it. Null where that is not known. */
export async function scheduledOf(pid: number): Promise<Scheduled | null> {
  if (!existsSync(`/proc/${pid}/schedstat`)) return null;
  const sum = { ran: 0, waited: 0 };
  for (const thread of await readdir(`/proc/${pid}/task`)) {
    // A thread may end at any time.
    const text = await readFile(`/proc/${pid}/task/${thread}/schedstat`, "utf8").catch(() => "0 0 0");
    const [ran = 0, waited = 0] = text.split(" ").map((nanoseconds) => Number(nanoseconds) / 1e6);
    sum.ran += ran;
    sum.waited += waited;
  }
  return sum;
}

/** Waits until a process has had nothing to do for so long: its afterwork is not to fall into another's turn. */
export async function untilIdle(pid: number, restMs: number, signal: AbortSignal): Promise<void> {
  if (!HAS_PROC) return setTimeout(FIXED_PAUSE_MS, undefined, { signal });
  const start = performance.now();
  let [known, since] = [await cpuOf(pid), start];
  for (let now = start; now - since < restMs; now = performance.now()) {
    if (now - start > MAX_WAIT_MS) throw new Error(`process ${pid} does not come to rest`);
    await setTimeout(POLL_MS, undefined, { signal });
    const cpu = await cpuOf(pid);
    if (cpu !== known) [known, since] = [cpu, performance.now()];
  }
}
