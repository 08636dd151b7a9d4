import type { VerifiedRecord } from "../evidence/act/record.ts";
import { CLOCK_SKEW } from "../limits.ts";
import type { Reason } from "../reasons.ts";
import { fail, ok, type Result } from "../result.ts";
import type { Holdings } from "./holdings.ts";
import type { KnownMandate } from "./mandates.ts";
import type { MandateFacts } from "./protocol.ts";
import { type Run, rootParent } from "./runs.ts";

/** Whether the record is of the mandate that the request itself presents. */
export const isRecordOf = (record: VerifiedRecord, mandate: MandateFacts | null): boolean =>
  mandate !== null && record.iss === mandate.iss && record.jti === mandate.jti;

/**
 * Whether the record of a mandate can be taken: the mandate was used here or comes with the request, its claims are
 * those, it has no record, and all that the record names are steps of its run (ACT, DAG rules; Countersign profile).
 *
 * @param run that of the presented mandate, where this attempt writes it
 * @param now seconds
 */
export function checkRecord(
  record: VerifiedRecord,
  presented: MandateFacts | null,
  run: Run | null,
  { mandates, runs }: Pick<Holdings, "mandates" | "runs">,
  now: number,
): Result<void, Reason> {
  const known = mandates.find(record.iss, record.jti) ?? unwritten(record, presented, run);
  if (known === null || now > known.expires + CLOCK_SKEW) return fail("record.mandate_unknown");
  if (known.digest !== record.mandateDigest) return fail("record.mandate_differs");
  if (known.record !== null) return fail("record.repeated");
  for (const jti of record.pred) {
    const parent = jti === record.jti ? rootParent(known) : runs.parent(jti, known.run, record.iss);
    if (parent === null) return fail("record.pred_unknown");
    if (record.execTs < parent.earliestChild) return fail("record.too_early");
  }
  return ok(undefined);
}

function unwritten(
  record: VerifiedRecord,
  presented: MandateFacts | null,
  run: Run | null,
): KnownMandate | null {
  if (presented === null || run === null || !isRecordOf(record, presented)) return null;
  const { digest, iat, exp } = presented;
  return { run: run.id, digest, iat, expires: exp, record: null };
}
