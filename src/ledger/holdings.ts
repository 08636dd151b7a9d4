import { isForwarded } from "../audit/record.ts";
import { Approvals } from "./approvals.ts";
import { Claims, isLate } from "./claims.ts";
import type { Journal } from "./journal.ts";
import type { Judgement } from "./judgement.ts";
import { Limits } from "./limits.ts";
import { Mandates } from "./mandates.ts";
import type { Attempt, Claim } from "./protocol.ts";
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

/** @param countsSince seconds: what was counted before was lost; 0 where nothing was */
export function openHoldings(sql: SqlStorage, journal: Journal, countsSince = 0): Holdings {
  const mandates = new Mandates(sql);
  return {
    claims: new Claims(sql, countsSince > 0),
    mandates,
    runs: new Runs(sql, journal, mandates),
    uses: new Uses(sql),
    revocations: new Revocations(sql),
    limits: new Limits(sql, countsSince),
    approvals: new Approvals(sql),
  };
}

/**
 * Writes what the judgement uses up. A denied call keeps its nonces, uses and record; only its step is spent, and of one that waits for an
 * approval what was made for that request alone: else whoever has captured it could send it once it is approved. One that is only
 * observed keeps uses and record.
 *
 * @param now seconds
 */
export function spend(
  { claims, mandates, runs, uses, limits, approvals }: Holdings,
  attempt: Attempt,
  { ruling, run, joins, admits, approval }: Judgement,
  now: number,
): void {
  const { step, mandate, record, decision } = attempt;
  if (run && mandate) {
    runs.open(run, mandate);
    // What was observed did happen: those that follow it have no denied parent.
    if (step)
      runs.write(joins ? run : null, step, decision, isForwarded(ruling.verdict) ? null : ruling.reason);
  }
  if (approval && attempt.approval) approvals.write(attempt.approval, approval, now);
  const isFree = (claim: Claim) => claims.holder(claim) === null && !isLate(claim, now);
  if (!isForwarded(ruling.verdict)) {
    // Not under the decision's own name: by that a later try would take it for admitted.
    if (ruling.reason === "approval.required")
      for (const claim of attempt.claims)
        if (isOfRequest(claim) && isFree(claim)) claims.write(claim, `${decision} waits`);
    return;
  }
  limits.write(attempt.limits, now);
  // What goes on although something in it was used before uses up the rest, or that could be sent again.
  for (const claim of attempt.claims) if (admits || isFree(claim)) claims.write(claim, decision);
  if (!admits) return;
  if (mandate) for (const use of attempt.uses) uses.write(use, mandate.iss);
  if (record) mandates.writeRecord(record);
}

/** An attestation is about a call, which may be made again. */
const isOfRequest = ({ kind }: Claim): boolean => kind === "nonce" || kind === "dpop";

/** Drops what has expired. `now` in seconds. */
export function purge(
  { claims, mandates, runs, uses, revocations, limits, approvals }: Holdings,
  now: number,
): void {
  claims.purge(now);
  mandates.purge(now);
  runs.purge(now);
  uses.purge(now);
  revocations.purge(now);
  limits.purge(now);
  approvals.purge(now);
}

/** Whether anything is left that could expire. */
export const hasExpiring = ({ claims, runs, uses, limits, approvals }: Holdings): boolean =>
  ![claims, runs, uses, limits, approvals].every(({ isEmpty }) => isEmpty);
