/**
 * How D1 forgets what is too old. The chains begin later then: from which record on they are kept is said by a signed checkpoint
 * first, and only when D1 has that one are the rows before it deleted. So what is gone is never what nobody has said would go, and
 * what is left can be followed from the hash that the checkpoint names.
 */

import { withDeadline } from "../deadline.ts";
import { D1_DEADLINE_MS, RETENTION_DELETE_ROWS, RETENTION_ROWS } from "../limits.ts";
import type { Head } from "./checkpoint.ts";

/** From which record on a chain is kept. */
export type Start = Pick<Head, "chain" | "start" | "start_prev">;

export interface Plan {
  /** Of the chains that begin later than before. */
  readonly starts: readonly Start[];
  /** The lowest number of a checkpoint whose heads are kept. */
  readonly retained: number;
  /** Whether there may be more that is too old. */
  readonly isPartial: boolean;
}

/** Times never fall within a chain, so the oldest rows are its first ones; rows of one time are all older or none is. */
const OLD = `SELECT chain, MAX(seq) AS seq, COUNT(*) AS n FROM
  (SELECT chain, seq FROM audit_records WHERE tenant = ? AND time < ? ORDER BY time LIMIT ?) GROUP BY chain`;

/** The record at a place, or where that was set aside, the one before it. */
const FIRST_KEPT = `SELECT r.chain, r.seq AS start, r.prev_hash AS start_prev, MAX(r.seq) FROM json_each(?) AS target
  CROSS JOIN audit_records AS r ON r.chain = target.value ->> 0 AND r.seq BETWEEN (target.value ->> 1) - 1 AND target.value ->> 1
  GROUP BY r.chain`;

const OLD_CHECKPOINTS = `SELECT MAX(number) AS number, COUNT(*) AS n FROM
  (SELECT number FROM checkpoints WHERE tenant = ? AND number BETWEEN ? AND ? AND time < ? ORDER BY number LIMIT ?)`;

/**
 * Finds what is older than `before`.
 *
 * @param last a checkpoint that D1 has: what its heads do not cover is kept, and each head itself
 * @param before milliseconds
 * @param limit rows to be looked at
 */
export async function planRetention(
  db: D1Database,
  tenant: string,
  last: { readonly number: number; readonly heads: readonly Head[]; readonly retained: number },
  before: number,
  limit = RETENTION_ROWS,
): Promise<Plan> {
  const ask = <T>(query: string, ...values: (string | number)[]) => rowsOf<T>(db, query, values);
  const old = await ask<{ chain: string; seq: number; n: number }>(OLD, tenant, before, limit);
  const heads = new Map(last.heads.map((head) => [head.chain, head]));
  const targets = old.flatMap(({ chain, seq }) => {
    const head = heads.get(chain);
    if (head === undefined) return [];
    const target = Math.min(seq + 1, head.seq);
    return target > head.start ? [[chain, target]] : [];
  });
  const found = await ask<Start>(FIRST_KEPT, JSON.stringify(targets));
  const [checkpoints] = await ask<{ number: number | null; n: number }>(
    OLD_CHECKPOINTS,
    tenant,
    last.retained,
    last.number - 1,
    before,
    limit,
  );
  return {
    starts: found
      .filter(({ chain, start }) => start > (heads.get(chain)?.start ?? start))
      .map(({ chain, start, start_prev }) => ({ chain, start, start_prev })),
    retained: Math.max(last.retained, (checkpoints?.number ?? 0) + 1),
    isPartial: old.reduce((sum, { n }) => sum + n, 0) >= limit || (checkpoints?.n ?? 0) >= limit,
  };
}

const DELETE_RECORDS = `DELETE FROM audit_records WHERE id IN
  (SELECT r.id FROM json_each(?) AS kept CROSS JOIN audit_records AS r
    ON r.chain = kept.value ->> 0 AND r.seq < kept.value ->> 1 AND r.tenant = ? LIMIT ?)`;

const DELETE_SET_ASIDE = `DELETE FROM audit_set_aside WHERE hash IN
  (SELECT s.hash FROM audit_set_aside AS s JOIN json_each(?) AS kept
    ON s.chain = kept.value ->> 0 AND s.seq < kept.value ->> 1 WHERE s.tenant = ? LIMIT ?)`;

const FORGET_HEADS = `UPDATE checkpoints SET heads = NULL WHERE tenant = ?2 AND number IN
  (SELECT number FROM checkpoints WHERE tenant = ?2 AND number < ?1 AND heads IS NOT NULL LIMIT ?3)`;

/**
 * Deletes what a checkpoint says is not kept. Safe to repeat.
 *
 * @param announced a checkpoint that D1 has
 * @param statements how many to spend on it
 * @returns whether all of it is gone
 */
export async function deleteExpired(
  db: D1Database,
  tenant: string,
  announced: { readonly heads: readonly Head[]; readonly retained: number },
  statements: number,
): Promise<boolean> {
  const kept = JSON.stringify(announced.heads.map(({ chain, start }) => [chain, start]));
  const tasks = [
    { statement: DELETE_RECORDS, what: kept },
    { statement: DELETE_SET_ASIDE, what: kept },
    { statement: FORGET_HEADS, what: announced.retained },
  ];
  let left = statements;
  for (const { statement, what } of tasks) {
    for (let changes = RETENTION_DELETE_ROWS; changes >= RETENTION_DELETE_ROWS; left -= 1) {
      if (left === 0) return false;
      const run = db.prepare(statement).bind(what, tenant, RETENTION_DELETE_ROWS).run();
      changes = (await withDeadline(run, D1_DEADLINE_MS)).meta.changes;
    }
  }
  return true;
}

async function rowsOf<T>(db: D1Database, query: string, values: readonly (string | number)[]): Promise<T[]> {
  const { results } = await withDeadline(
    db
      .prepare(query)
      .bind(...values)
      .all<T>(),
    D1_DEADLINE_MS,
  );
  return results;
}
