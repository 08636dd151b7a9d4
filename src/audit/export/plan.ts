/** Which checkpoints an export of a time range is between. */

import { EXPORT_CLOCK_SLACK_MS, EXPORT_PAGE_ROWS, MAX_JTI_LENGTH, MAX_UNKNOWN_NAMED } from "../../limits.ts";
import { type Checkpoint, type Head, linkTo, readCheckpoint } from "../checkpoint.ts";
import { isExpired, keptNow, type Log } from "./d1-source.ts";
import type { ExportQuery } from "./query.ts";
import { headsByChain, type Place, type Span, spansBehind, spansOf } from "./spans.ts";
import type { After, Plan, SetAside } from "./write.ts";

const BASE =
  "SELECT number FROM checkpoints WHERE tenant = ? AND number BETWEEN ? AND ? AND time <= ? ORDER BY number DESC LIMIT 1";

const LAST =
  "SELECT number, jws FROM checkpoints WHERE tenant = ? AND number BETWEEN ? AND ? AND time >= ? ORDER BY number LIMIT ?";

const ONE =
  "SELECT number, jws, heads FROM checkpoints WHERE tenant = ? AND number = ? AND heads IS NOT NULL";

const SET_ASIDE = "SELECT chain, seq, hash FROM audit_set_aside WHERE tenant = ? ORDER BY chain, seq, hash";

/** The last record of every chain. The chains are found one after the other in the index, so that no row in between is read. */
const TAILS = `WITH RECURSIVE chains (chain) AS (
    SELECT MIN(chain) FROM audit_records
    UNION ALL SELECT (SELECT MIN(chain) FROM audit_records AS r WHERE r.chain > chains.chain) FROM chains
      WHERE chains.chain IS NOT NULL
  )
  SELECT r.chain, r.seq FROM chains CROSS JOIN audit_records AS r
    ON r.chain = chains.chain AND r.seq = (SELECT MAX(seq) FROM audit_records AS t WHERE t.chain = chains.chain)
  WHERE r.tenant = ?`;

interface Stored {
  readonly number: number;
  readonly jws: string;
  readonly heads: string;
}

/** The last record of every chain that D1 has. */
export const tailsOf = ({ ask, tenant }: Log): Promise<Place[]> => ask<Place>(TAILS, tenant);

/** Null where there is no such checkpoint, or its heads are not kept any more. */
export async function storedCheckpoint({ ask, tenant }: Log, number: number): Promise<Checkpoint | null> {
  const [row] = await ask<Stored>(ONE, tenant, number);
  return row === undefined ? null : checkpointOf(row);
}

/** What an export is asked for. */
export interface Request extends Pick<ExportQuery, "from" | "to"> {
  /** The tenant's public URL. */
  readonly issuer: string;
  /** Milliseconds. */
  readonly time: number;
  /** The latest checkpoint; D1 has it. */
  readonly latest: Checkpoint;
  /** As they were before that one was made: what it does not cover then, no ledger has. */
  readonly tails: readonly Place[];
}

/** Null where the heads of a checkpoint that it begins or ends with are not kept any more. */
export async function planExport(
  log: Log,
  { from, to, issuer, time, latest, tails }: Request,
): Promise<Plan | null> {
  const read = readCheckpoint(latest.jws);
  if (!read.ok) throw new Error("a checkpoint of our own cannot be read");
  const { retained, faults } = read.value;
  const first = from === null ? null : await baseBefore(log, from, retained, latest.number);
  const end = to === null ? null : await lastBehind(log, to, first ?? retained, latest.number);
  const base = first === null ? null : await storedCheckpoint(log, first);
  const last = end === null ? latest : await storedCheckpoint(log, end);
  if (last === null || (base === null) !== (first === null)) return null;
  const heads = {
    base: base && headsByChain(base.heads),
    last: headsByChain(last.heads),
    latest: headsByChain(latest.heads),
  };
  const setAside = await setAsideIn(log, spansOf(heads));
  // A ledger that did not answer may well have more than its head that was last known; one that is lost has nothing.
  const silent = new Set(faults.flatMap(({ chain, fault }) => (fault === "unreachable" ? [chain] : [])));
  const unknown = tails.filter(
    ({ chain, seq }) => !silent.has(chain) && seq > (heads.latest.get(chain)?.seq ?? 0),
  );
  return {
    ...heads,
    setAside,
    claims: {
      v: 1,
      iss: issuer,
      tenant: log.tenant,
      time,
      from,
      to,
      base: first,
      last: { number: last.number, digest: await linkTo(last.jws) },
      latest: { number: latest.number, digest: await linkTo(latest.jws) },
      retained,
      set_aside: setAside.length,
      unknown: unknown.slice(0, MAX_UNKNOWN_NAMED).map(named),
    },
  };
}

/** Whether an export can be gone on with: it has such a line, and nothing behind that has been deleted since. */
export async function canGoOn(log: Log, plan: Plan, after: After): Promise<boolean> {
  const { base, last, latest, retained } = plan.claims;
  const spans = spansOf(plan);
  const kept = await keptNow(log);
  if (typeof after !== "number") {
    const isThere = spans.some(
      ({ chain, from, to }) => chain === after.chain && from <= after.seq && after.seq <= to,
    );
    return isThere && !isExpired(startsOf(spansBehind(spans, after)))(kept);
  }
  const isThere = (after >= (base ?? 1) && after <= last.number) || after === latest.number;
  const isForgotten = after < latest.number && Math.max(after + 1, retained) < kept.retained;
  return isThere && !isForgotten && !isExpired(startsOf(spans))(kept);
}

const startsOf = (spans: readonly Span[]): Place[] => spans.map(({ chain, from }) => ({ chain, seq: from }));

/** Who wrote such a row is not known, nor what: a place that can be read all the same. */
const named = ({ chain, seq }: Place): Place => ({
  chain: chain.replace(/[^\w-]/g, "?").slice(0, MAX_JTI_LENGTH),
  seq: Math.min(seq, Number.MAX_SAFE_INTEGER),
});

/** Number of the last checkpoint that is surely before a time; null where there is none. */
async function baseBefore(
  { ask, tenant }: Log,
  time: number,
  from: number,
  to: number,
): Promise<number | null> {
  const before = time - EXPORT_CLOCK_SLACK_MS;
  const [row] = await ask<{ number: number }>(BASE, tenant, from, to, before);
  return row?.number ?? null;
}

/** Number of the first checkpoint that is surely behind a time and for which every ledger answered; null where there is none. */
async function lastBehind(
  { ask, tenant }: Log,
  time: number,
  from: number,
  to: number,
): Promise<number | null> {
  const after = time + EXPORT_CLOCK_SLACK_MS;
  type Row = Pick<Stored, "number" | "jws">;
  const rows = await ask<Row>(LAST, tenant, from, to, after, EXPORT_PAGE_ROWS);
  const whole = rows.find(({ jws }) => {
    const read = readCheckpoint(jws);
    return read.ok && !read.value.faults.some(({ fault }) => fault === "unreachable");
  });
  return whole?.number ?? null;
}

async function setAsideIn({ ask, tenant }: Log, spans: readonly Span[]): Promise<SetAside[]> {
  const byChain = new Map(spans.map((span) => [span.chain, span]));
  const all = await ask<SetAside>(SET_ASIDE, tenant);
  return all.filter(({ chain, seq }) => {
    const span = byChain.get(chain);
    return span !== undefined && seq >= span.from && seq <= span.to;
  });
}

const checkpointOf = ({ number, jws, heads }: Stored): Checkpoint => ({
  number,
  jws,
  heads: JSON.parse(heads) as Head[],
});
