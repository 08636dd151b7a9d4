import { MAX_UNVERIFIED_PER_WINDOW, UNVERIFIED_WINDOW_MS } from "../limits.ts";
import { DenialMeter } from "./denial-meter.ts";

/** Per tenant, in this isolate. */
const meters = new Map<string, DenialMeter>();

/**
 * Writes a denial, and with it the number of others that it stands for; null for none.
 *
 * @returns false where it could not
 */
export type WriteDenial = (count: number | null) => Promise<boolean>;

/**
 * Writes a denial of an unverified caller, or leaves it out and counts it. Anybody can cause these, so their number in the log is
 * bounded; the requests themselves are refused all the same. The first that is left out in a window is written when that is
 * over, with the count of the others: nobody else may come who could take it along.
 *
 * @returns settles when nothing is left to do for this one: within a window and the time that writing takes
 */
export async function sampleUnverified(tenant: string, write: WriteDenial): Promise<void> {
  const meter = meters.get(tenant) ?? new DenialMeter(MAX_UNVERIFIED_PER_WINDOW, UNVERIFIED_WINDOW_MS);
  meters.set(tenant, meter);
  const now = Date.now();
  if (meter.admits(now)) return writeFor(1 + meter.takeDue(now), meter, write);
  const { leftOut, end } = meter.window;
  if (leftOut > 1) return;
  await new Promise((resolve) => setTimeout(resolve, end - now));
  const due = meter.takeDue(Math.max(Date.now(), end));
  if (due > 0) await writeFor(due, meter, write);
}

/** What could not be written is owed again. */
async function writeFor(standsFor: number, meter: DenialMeter, write: WriteDenial): Promise<void> {
  if (!(await write(standsFor > 1 ? standsFor - 1 : null))) meter.giveBack(standsFor);
}
