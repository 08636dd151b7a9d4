/** Builds the Worker that counts what it asks of the platform (`counting.js`), and asks it what it has counted. */

import { once } from "node:events";
import { request } from "node:http";
import { join } from "node:path";
import { json } from "node:stream/consumers";
import { type Bundle, buildAround } from "../../test/support/around-worker/build.ts";

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

/** The production bundle has to be built before. */
export const buildCounting = (): Promise<Bundle> => buildAround(join(import.meta.dirname, "counting.js"));

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
