/** Which checkpoints an export of a time range is between. */

import { EXPORT_CLOCK_SLACK_MS, EXPORT_PAGE_ROWS, MAX_UNKNOWN_NAMED } from "../../limits.ts";
import { type Checkpoint, type Head, linkTo, readCheckpoint } from "../checkpoint.ts";
import { rowsOf } from "./d1-source.ts";
import type { ExportQuery } from "./query.ts";
import { headsByChain, type Span, spansOf } from "./spans.ts";
import type { Place, Plan, SetAside } from "./write.ts";

const BASE = `SELECT number, jws, heads FROM checkpoints
  WHERE tenant = ?1 AND number BETWEEN ?2 AND ?3 AND time <= ?4 AND heads IS NOT NULL ORDER BY number DESC LIMIT 1`;

const LAST = `SELECT number, jws FROM checkpoints
  WHERE tenant = ?1 AND number BETWEEN ?2 AND ?3 AND time >= ?4 AND heads IS NOT NULL ORDER BY number LIMIT ?5`;

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

/** The log of one tenant in D1. All that reads it throws where it does not answer. */
export interface Log {
  readonly db: D1Database;
  readonly tenant: string;
}

/** The last record of every chain that D1 has. */
export const tailsOf = ({ db, tenant }: Log): Promise<Place[]> => rowsOf<Place>(db, TAILS, tenant);

/** Null where there is no such checkpoint, or its heads are not kept any more. */
export async function storedCheckpoint({ db, tenant }: Log, number: number): Promise<Checkpoint | null> {
  const [row] = await rowsOf<Stored>(db, ONE, tenant, number);
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

export async function planExport(
  log: Log,
  { from, to, issuer, time, latest, tails }: Request,
): Promise<Plan> {
  const read = readCheckpoint(latest.jws);
  if (!read.ok) throw new Error("a checkpoint of our own cannot be read");
  const { retained, faults } = read.value;
  const base = from === null ? null : await baseOf(log, from, retained, latest.number);
  const last =
    (to === null ? null : await lastOf(log, to, base?.number ?? retained, latest.number)) ?? latest;
  const heads = {
    base: base && headsByChain(base.heads),
    last: headsByChain(last.heads),
    latest: headsByChain(latest.heads),
  };
  const setAside = await setAsideIn(log, spansOf(heads.base, heads.last, heads.latest));
  const faulty = new Set(faults.map(({ chain }) => chain));
  const unknown = tails.filter(
    ({ chain, seq }) => !faulty.has(chain) && seq > (heads.latest.get(chain)?.seq ?? 0),
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
      base: base?.number ?? null,
      last: { number: last.number, digest: await linkTo(last.jws) },
      latest: { number: latest.number, digest: await linkTo(latest.jws) },
      retained,
      set_aside: setAside.length,
      unknown: unknown.slice(0, MAX_UNKNOWN_NAMED),
    },
  };
}

/** The last checkpoint that is surely before a time. */
async function baseOf(
  { db, tenant }: Log,
  time: number,
  from: number,
  to: number,
): Promise<Checkpoint | null> {
  const [row] = await rowsOf<Stored>(db, BASE, tenant, from, to, time - EXPORT_CLOCK_SLACK_MS);
  return row === undefined ? null : checkpointOf(row);
}

/** The first checkpoint that is surely behind a time and for which every ledger answered. */
async function lastOf(log: Log, time: number, from: number, to: number): Promise<Checkpoint | null> {
  const after = time + EXPORT_CLOCK_SLACK_MS;
  const rows = await rowsOf<Omit<Stored, "heads">>(
    log.db,
    LAST,
    log.tenant,
    from,
    to,
    after,
    EXPORT_PAGE_ROWS,
  );
  const whole = rows.find(({ jws }) => {
    const read = readCheckpoint(jws);
    return read.ok && !read.value.faults.some(({ fault }) => fault === "unreachable");
  });
  return whole === undefined ? null : storedCheckpoint(log, whole.number);
}

async function setAsideIn({ db, tenant }: Log, spans: readonly Span[]): Promise<SetAside[]> {
  const byChain = new Map(spans.map((span) => [span.chain, span]));
  const all = await rowsOf<SetAside>(db, SET_ASIDE, tenant);
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
