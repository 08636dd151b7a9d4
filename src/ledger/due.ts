import {
  CLAIM_WINDOW,
  DENIAL_WINDOW_MS,
  DRAIN_DELAY_MS,
  DRAIN_SPREAD,
  PURGE_INTERVAL_MS,
} from "../limits.ts";
import { hasExpiring } from "./holdings.ts";
import type { State } from "./state.ts";
import type { Waiting } from "./waiting.ts";

const NEVER = Number.POSITIVE_INFINITY;

/**
 * When a ledger has something to do although nobody calls, milliseconds; Infinity where it never has.
 *
 * @param pause until it can write and drain again
 */
export function nextDue(state: State, { hasOutcomes, denials }: Waiting, now: number, pause: number): number {
  const { journal, open, shelf, holdings } = state;
  const { nextExpiry } = holdings.approvals;
  const drained = journal.backlog > 0 || hasOutcomes ? now : shelf.dueAt(now);
  return Math.min(
    // What is overdue by now could not be written.
    Math.max(Math.min(drained, open.next), now + pause),
    denials.isOwing ? now + DENIAL_WINDOW_MS : NEVER,
    hasExpiring(holdings) ? now + CLAIM_WINDOW * 1000 : NEVER,
    // What people were shown is kept no longer than they have to decide.
    nextExpiry === null ? NEVER : Math.max(nextExpiry * 1000, now + PURGE_INTERVAL_MS),
  );
}

/** How long a ledger waits before it drains what is written, milliseconds: each time another while. */
export const drainDelay = (): number => DRAIN_DELAY_MS * (1 + DRAIN_SPREAD * (2 * Math.random() - 1));
