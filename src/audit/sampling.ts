import { MAX_UNVERIFIED_PER_WINDOW, UNVERIFIED_WINDOW_MS } from "../limits.ts";
import { DenialMeter } from "./denial-meter.ts";

/** Per tenant, in this isolate. */
const meters = new Map<string, DenialMeter>();

/**
 * Whether a denial of an unverified caller is written. Anybody can cause these, so their number in the log is
 * bounded; the requests themselves are refused all the same.
 *
 * @param now milliseconds
 * @returns null where it is not written; else how many were left out before it, null for none
 */
export function sampleUnverified(tenant: string, now: number): { count: number | null } | null {
  const meter = meters.get(tenant) ?? new DenialMeter(MAX_UNVERIFIED_PER_WINDOW, UNVERIFIED_WINDOW_MS);
  meters.set(tenant, meter);
  if (!meter.admits(now)) return null;
  const leftOut = meter.takeDue(now);
  return { count: leftOut > 0 ? leftOut : null };
}
