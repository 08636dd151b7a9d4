/** How often ledgers that share a limit ask their directory, as in `src/ledger/limits.ts` and `src/directory/leases.ts`. No time passes. */

import { LEASE_SHARE } from "../../src/limits.ts";
import { number, table } from "../report/table.ts";

/** Ledgers that use a budget up, one call of each after the other, and so soon that each lease is twice the one before. */
export function questionsFor(budget: number, ledgers: number): number {
  let [left, questions] = [budget, 0];
  const leases = Array.from({ length: ledgers }, () => ({ held: 0, last: 0 }));
  const asking = new Set<object>();
  while (left > 0)
    for (const lease of leases) {
      if (lease.held === 0 && left > 0) {
        questions += 1;
        asking.add(lease);
        const share = Math.floor((left * LEASE_SHARE) / asking.size);
        lease.last = Math.max(1, Math.min(2 * lease.last, share));
        lease.held = lease.last;
        left -= lease.last;
      }
      if (lease.held > 0) lease.held -= 1;
    }
  return questions;
}

export function leasesTable(): string {
  const rows = [
    [1_000, 10],
    [100_000, 10],
    [100_000, 100],
    [1_000_000, 100],
  ].map(([budget = 0, ledgers = 0]) => {
    const questions = questionsFor(budget, ledgers);
    return [number(budget), number(ledgers), number(questions), number((1000 * questions) / budget, 1)];
  });
  return table(["calls of a window", "ledgers", "questions", "of 1,000 calls"], rows);
}
