import { MAX_UNVERIFIED_PER_WINDOW, UNVERIFIED_WINDOW_MS } from "../limits.ts";

/** Per tenant, in this isolate: start of the window, denials written in it, and denials left out since the last one written. */
const windows = new Map<string, { start: number; written: number; leftOut: number }>();

/**
 * Whether a denial of an unverified caller is written. Anybody can cause these, so their number in the log is
 * bounded; the requests themselves are refused all the same.
 *
 * @param now milliseconds
 * @returns null where it is not written; else how many were left out before it, null for none
 */
export function sampleUnverified(tenant: string, now: number): { count: number | null } | null {
  const window = windows.get(tenant) ?? { start: now, written: 0, leftOut: 0 };
  windows.set(tenant, window);
  if (now - window.start >= UNVERIFIED_WINDOW_MS) {
    window.start = now;
    window.written = 0;
  }
  if (window.written >= MAX_UNVERIFIED_PER_WINDOW) {
    window.leftOut += 1;
    return null;
  }
  window.written += 1;
  const { leftOut } = window;
  window.leftOut = 0;
  return { count: leftOut > 0 ? leftOut : null };
}
