/** What the commands have in common: their options, their end, and the machine that they run on. */

import { availableParallelism, cpus } from "node:os";

/** Works until the process is told to end. Then `signal` is aborted, and the process fails, as after any other error. */
export async function runCommand(work: (signal: AbortSignal) => Promise<void>): Promise<never> {
  const interruption = new AbortController();
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.once(name, () => interruption.abort(new Error(`ended by ${name}`)));
  }
  try {
    await work(interruption.signal);
  } catch (error) {
    console.error(interruption.signal.aborted ? String(interruption.signal.reason) : error);
    process.exitCode = 1;
  }
  // What a server that did not start has left open keeps nothing waiting.
  return process.exit();
}

/** @throws for what is no whole number from 1 */
export function countOf(option: string, text: string): number {
  const count = Number(text);
  if (!Number.isInteger(count) || count < 1) throw new Error(`--${option} takes a whole number from 1`);
  return count;
}

/**
 * @returns those of `known` that a list has, in their order
 * @throws for any other
 */
export function namesOf<Name extends string>(option: string, list: string, known: readonly Name[]): Name[] {
  const wanted = list.split(",");
  const unknown = wanted.filter((name) => !(known as readonly string[]).includes(name));
  if (unknown.length > 0)
    throw new Error(`--${option}: there is no ${unknown.join(", ")}: ${known.join(", ")}`);
  return known.filter((name) => wanted.includes(name));
}

/** For the figures that are written down. */
export const machine = () => ({
  cpu: cpus()[0]?.model ?? "",
  cpus: availableParallelism(),
  node: process.versions.node,
});
