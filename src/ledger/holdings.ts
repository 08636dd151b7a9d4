import { isForwarded } from "../audit/record.ts";
import { Approvals } from "./approvals.ts";
import { Claims } from "./claims.ts";
import type { Journal } from "./journal.ts";
import type { Judgement } from "./judge.ts";
import { Limits } from "./limits.ts";
import { Mandates } from "./mandates.ts";
import type { Attempt } from "./protocol.ts";
import { Revocations } from "./revocations.ts";
import { Runs } from "./runs.ts";
import { Uses } from "./uses.ts";

/** What a ledger remembers beside its journal: each part has its tables, and forgets what can no longer matter. */
export interface Holdings {
  readonly claims: Claims;
  readonly mandates: Mandates;
  readonly runs: Runs;
  readonly uses: Uses;
  readonly revocations: Revocations;
  readonly limits: Limits;
  readonly approvals: Approvals;
}

export function openHoldings(sql: SqlStorage, journal: Journal): Holdings {
  const mandates = new Mandates(sql);
  return {
    claims: new Claims(sql),
    mandates,
    runs: new Runs(sql, journal, mandates),
    uses: new Uses(sql),
    revocations: new Revocations(),
    limits: new Limits(),
    approvals: new Approvals(),
  };
}

/**
 * Writes what the judgement uses up. A denied call keeps its nonces, uses and record; only its step is spent.
 *
 * @param now seconds
 */
export function spend(
  { claims, mandates, runs, uses, limits, approvals }: Holdings,
  { step, mandate, record, decision, ...attempt }: Attempt,
  { ruling, run, joins, admits, approval }: Judgement,
  now: number,
): void {
  if (run && mandate) {
    runs.open(run, mandate);
    if (step) runs.write(joins ? run : null, step, decision, ruling.reason);
  }
  if (approval && attempt.approval) approvals.write(attempt.approval, approval, now);
  if (isForwarded(ruling.verdict)) limits.write(attempt.limits, now);
  if (!admits) return;
  for (const claim of attempt.claims) claims.write(claim, decision);
  if (mandate) for (const use of attempt.uses) uses.write(use, mandate.iss);
  if (record) mandates.writeRecord(record);
}

/** Drops what has expired. `now` in seconds. */
export function purge({ claims, mandates, runs, uses, limits, approvals }: Holdings, now: number): void {
  claims.purge(now);
  mandates.purge(now);
  runs.purge(now);
  uses.purge(now);
  limits.purge(now);
  approvals.purge(now);
}

/** Whether anything is left that could expire. */
export const hasExpiring = ({ claims, runs, uses, limits, approvals }: Holdings): boolean =>
  ![claims, runs, uses, limits, approvals].every(({ isEmpty }) => isEmpty);
