import { seconds } from "../clock.ts";
import { withDeadline } from "../deadline.ts";
import type { Directory } from "../directory/directory.ts";
import { randomId } from "../encoding.ts";
import { CLOCK_SKEW, LEDGER_DEADLINE_MS } from "../limits.ts";
import { Meta } from "./meta.ts";
import { readLedgerName } from "./names.ts";
import { Revocations } from "./revocations.ts";
import type { Enrolled, KnownNotices } from "./revoked.ts";

/**
 * Begins a ledger. Before the first record the directory must know of its chain, or losing it whole would go unseen; and before the
 * first admission the ledger must know what was revoked. The incarnation is kept first, so that an enrolment that failed is repeated
 * under the same one.
 *
 * The directory notes the ledger and reads the revocations in one go. So one that is written before is in the answer, and of one that
 * comes later the ledger is told: in its turn, and so behind this.
 *
 * @param name of the ledger; see `ledgerName`
 */
export async function begin(name: string | undefined, sql: SqlStorage, env: Env): Promise<void> {
  const meta = new Meta(sql);
  const incarnation = meta.text("incarnation") ?? randomId();
  meta.set("incarnation", incarnation);
  const askedAt = Date.now();
  const { wasLost, bulletin } = await enrol(name, incarnation, env, null);
  const revocations = new Revocations(sql);
  revocations.take(bulletin, true);
  revocations.askedAt = askedAt;
  // A lost ledger may have taken anything that was issued until now, by a clock that is ahead, too; and `judge` leaves room for one
  // that is behind.
  const since = seconds() + (wasLost ? 2 * CLOCK_SKEW : 0);
  // Nor does anybody know what it had counted.
  if (wasLost) meta.set("countsSince", since);
  meta.set("enrolled", since);
}

/**
 * Tells the directory which chain a ledger has, which it may have heard before, and asks what was revoked.
 *
 * @param known what the ledger knows of that; null for one that begins
 */
export const enrol = (
  name: string | undefined,
  chain: string,
  env: Env,
  known: KnownNotices | null,
): Promise<Enrolled> =>
  withDeadline(directoryOf(name, env).enrol(name ?? "", chain, known), LEDGER_DEADLINE_MS);

export function directoryOf(name: string | undefined, env: Env): DurableObjectStub<Directory> {
  if (name === undefined) throw new Error("a ledger is always addressed by name");
  const { tenant } = readLedgerName(name);
  return env.DIRECTORY.getByName(tenant);
}
