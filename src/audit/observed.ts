/** Counts what was only observed, from D1: which calls would have been refused, and for what. */

import { MAX_OBSERVED_COUNTS, MAX_OBSERVED_ROWS } from "../limits.ts";
import { OBSERVED_PREFIX } from "../observe.ts";
import { OWN_PREFIX } from "../policy/actions.ts";
import type { Gate } from "../policy/gate-names.ts";
import type { Reason } from "../reasons.ts";
import { ok, type Result } from "../result.ts";
import { queryLog } from "./query.ts";

/** Times are milliseconds; `to` is exclusive, and null for no such bound. */
export interface ObservedPeriod {
  readonly tenant: string;
  readonly from: number;
  readonly to: number | null;
}

export interface ObservedReport {
  /** From when on is counted: later than was asked for where the log has more records of the period than are counted. */
  readonly counted_from: number;
  readonly complete: boolean;
  /** Calls that were decided, by verdict; of strangers that were refused the log has a sample alone. */
  readonly calls: { readonly admitted: number; readonly observed: number; readonly denied: number };
  /** Those with most calls first. */
  readonly observed: readonly ObservedCount[];
  /** Whether there are more of them than are shown. */
  readonly more: boolean;
}

/** Calls that a gate would have refused; one that several would have refused is counted with each. */
export interface ObservedCount {
  readonly gate: Gate;
  readonly reason: Reason;
  readonly principal: string;
  /** Null for what is no call of a tool, and for a stranger's call of a tool that the policy does not list. */
  readonly tool: string | null;
  readonly calls: number;
  readonly first: number;
  readonly last: number;
}

const IN_PERIOD = "FROM audit_records WHERE tenant = ? AND time >= ? AND time < ?";

/** The last record that is not counted any more. */
const BEFORE = `SELECT time ${IN_PERIOD} ORDER BY time DESC LIMIT 1 OFFSET ${MAX_OBSERVED_ROWS}`;

const CALLS = `SELECT verdict, COUNT(*) AS calls ${IN_PERIOD} AND kind = 'decision'
    AND COALESCE(action, '') NOT GLOB '${OWN_PREFIX}*' GROUP BY verdict`;

const OBSERVED = `SELECT
    substr(found.value, ${OBSERVED_PREFIX.length + 1}, instr(found.value, ':') - ${OBSERVED_PREFIX.length + 1}) AS gate,
    substr(found.value, instr(found.value, ':') + 1) AS reason,
    principal, tool, COUNT(*) AS calls, MIN(time) AS first, MAX(time) AS last
  FROM (SELECT principal, tool, time, checks ${IN_PERIOD} AND verdict = 'observed') AS r, json_each(r.checks) AS found
  WHERE found.value GLOB '${OBSERVED_PREFIX}*:*'
  GROUP BY 1, 2, 3, 4 ORDER BY calls DESC, 1, 2, 3, 4 LIMIT ${MAX_OBSERVED_COUNTS + 1}`;

export async function countObserved(
  db: D1Database,
  { tenant, from, to }: ObservedPeriod,
): Promise<Result<ObservedReport, Reason>> {
  const end = to ?? Number.MAX_SAFE_INTEGER;
  const before = await queryLog<{ time: number }>(db, BEFORE, tenant, from, end);
  if (!before.ok) return before;
  const last = before.value[0]?.time;
  const start = last === undefined ? from : last + 1;
  const counted = await queryLog<{ verdict: string; calls: number }>(db, CALLS, tenant, start, end);
  if (!counted.ok) return counted;
  const observed = await queryLog<ObservedCount>(db, OBSERVED, tenant, start, end);
  if (!observed.ok) return observed;
  const callsOf = (verdict: string) => counted.value.find((row) => row.verdict === verdict)?.calls ?? 0;
  return ok({
    counted_from: start,
    complete: last === undefined,
    calls: { admitted: callsOf("admitted"), observed: callsOf("observed"), denied: callsOf("denied") },
    observed: observed.value.slice(0, MAX_OBSERVED_COUNTS),
    more: observed.value.length > MAX_OBSERVED_COUNTS,
  });
}
