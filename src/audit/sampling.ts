import { MAX_UNVERIFIED_PER_WINDOW, UNVERIFIED_WINDOW_MS } from "../limits.ts";

/** Per tenant, in this isolate: start of the window and denials seen in it. */
const windows = new Map<string, { start: number; seen: number }>();

/**
 * Whether a denial of an unverified caller is written in full. Anybody can cause these, so their number in the
 * log is bounded; the requests themselves are refused all the same.
 *
 * @param now milliseconds
 */
export function admitsUnverified(tenant: string, now: number): boolean {
  const window = windows.get(tenant);
  if (window === undefined || now - window.start >= UNVERIFIED_WINDOW_MS) {
    windows.set(tenant, { start: now, seen: 1 });
    return true;
  }
  window.seen += 1;
  return window.seen <= MAX_UNVERIFIED_PER_WINDOW;
}
