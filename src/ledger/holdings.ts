import { Claims } from "./claims.ts";
import type { Journal } from "./journal.ts";
import type { Judgement } from "./judge.ts";
import type { Attempt } from "./protocol.ts";
import { Runs } from "./runs.ts";
import { Uses } from "./uses.ts";

/** What a ledger remembers beside its journal: each part has its tables, and forgets what can no longer matter. */
export interface Holdings {
  readonly claims: Claims;
  readonly runs: Runs;
  readonly uses: Uses;
}

export const openHoldings = (sql: SqlStorage, journal: Journal): Holdings => ({
  claims: new Claims(sql),
  runs: new Runs(sql, journal),
  uses: new Uses(sql),
});

/** Writes what the judgement uses up. A denied call keeps its nonces, uses and record; only its step is spent. */
export function spend(
  { claims, runs, uses }: Holdings,
  { step, mandate, record, decision, ...attempt }: Attempt,
  { ruling, run }: Judgement,
): void {
  if (run && mandate) {
    runs.open(run, mandate);
    if (step) runs.write(run, step, decision, ruling.reason);
  }
  if (ruling.verdict !== "admitted") return;
  for (const claim of attempt.claims) claims.write(claim, decision);
  if (mandate) for (const use of attempt.uses) uses.write(use, mandate.iss);
  if (record) runs.writeRecord(record);
}

/** Drops what has expired. `now` in seconds. */
export function purge({ claims, runs, uses }: Holdings, now: number): void {
  claims.purge(now);
  runs.purge(now);
  uses.purge(now);
}

/** Whether anything is left that could expire. */
export const hasExpiring = ({ claims, runs, uses }: Holdings): boolean =>
  !claims.isEmpty || !runs.isEmpty || !uses.isEmpty;
