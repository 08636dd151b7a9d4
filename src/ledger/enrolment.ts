import { seconds } from "../clock.ts";
import { withDeadline } from "../deadline.ts";
import { randomId } from "../encoding.ts";
import { CLOCK_SKEW, LEDGER_DEADLINE_MS } from "../limits.ts";
import type { Meta } from "./meta.ts";

/**
 * Begins a ledger. Before the first record the directory must know of its chain, or losing it whole would go unseen. The
 * incarnation is kept first, so that an enrolment that failed is repeated under the same one.
 *
 * @param name of the ledger; see `ledgerName`
 */
export async function begin(name: string | undefined, meta: Meta, env: Env): Promise<void> {
  const incarnation = meta.text("incarnation") ?? randomId();
  meta.set("incarnation", incarnation);
  const wasLost = await enrol(name, incarnation, env);
  // A lost ledger may have taken anything that was issued until now, by a clock that is ahead, too; and `judge` leaves room for one
  // that is behind.
  meta.set("enrolled", seconds() + (wasLost ? 2 * CLOCK_SKEW : 0));
}

/**
 * Tells the directory which chain a ledger has. It may have heard that before.
 *
 * @returns whether there was another ledger of this name
 */
export function enrol(name: string | undefined, chain: string, env: Env): Promise<boolean> {
  if (name === undefined) throw new Error("a ledger is always addressed by name");
  const [, tenant] = JSON.parse(name) as [string, string];
  return withDeadline(env.DIRECTORY.getByName(tenant).enrol(name, chain), LEDGER_DEADLINE_MS);
}
