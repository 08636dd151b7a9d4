/**
 * How D1 forgets what is too old. The chains begin later then: from which record on they are kept is said by a signed checkpoint
 * first, and only when D1 has that one are the rows before it deleted. So what is gone is never what nobody has said would go, and
 * what is left can be followed from the hash that the checkpoint names.
 *
 * What is too old is what a checkpoint covers that is: rows say their times themselves, and whoever can write to D1 could have us sign
 * away a whole chain by making one row look old.
 */

import { withDeadline } from "../deadline.ts";
import { D1_DEADLINE_MS, RETENTION_DELETE_ROWS } from "../limits.ts";
import type { Head } from "./checkpoint.ts";
import { rowsOf } from "./query.ts";
import { linkHash } from "./record.ts";
import { latestBefore, type Made, type Store } from "./stored-checkpoint.ts";

/** From which record on a chain is kept. */
export type Start = Pick<Head, "chain" | "start" | "start_prev">;

export interface Plan {
  /** Of the chains that begin later than before. */
  readonly starts: readonly Start[];
  /** The lowest number of a checkpoint whose heads are kept. */
  readonly retained: number;
}

/**
 * Finds what is older than `before`. The last record of a chain is kept however old it is.
 *
 * @param last the last checkpoint; D1 has it
 * @param before milliseconds
 * @returns null where that is nothing
 */
export async function planRetention(store: Store, last: Made, before: number): Promise<Plan | null> {
  const { retained } = last.claims;
  const old = await latestBefore(store, retained, before);
  if (old === null) return null;
  const heads = new Map(last.heads.map((head) => [head.chain, head]));
  const starts: Start[] = [];
  const still: Head[] = [];
  for (const { chain, seq, hash } of old.heads) {
    const head = heads.get(chain);
    if (head === undefined || seq < head.start) continue;
    if (seq < head.seq) starts.push({ chain, start: seq + 1, start_prev: hash });
    else if (head.start < head.seq) still.push(head);
  }
  return {
    starts: [...starts, ...(await lastOf(store, still))],
    // Those of the last one are always kept.
    retained: Math.min(old.number + 1, last.number),
  };
}

const PREVIOUS = `SELECT r.chain, r.digest, r.prev_hash FROM json_each(?1) AS head CROSS JOIN audit_records AS r
    ON r.chain = head.value ->> 0 AND r.seq = head.value ->> 1
  UNION ALL SELECT s.chain, s.record ->> '$.digest', s.record ->> '$.prev_hash' FROM json_each(?1) AS head
    CROSS JOIN audit_set_aside AS s ON s.tenant = ?2 AND s.chain = head.value ->> 0 AND s.seq = head.value ->> 1`;

/** Where nothing but the last record is kept, as far as D1 has it: the hash of the head fixes what is before it. */
async function lastOf({ db, tenant }: Store, heads: readonly Head[]): Promise<Start[]> {
  if (heads.length === 0) return [];
  const places = JSON.stringify(heads.map(({ chain, seq }) => [chain, seq]));
  type Row = { readonly chain: string; readonly digest: string; readonly prev_hash: string };
  const rows = await rowsOf<Row>(db, PREVIOUS, places, tenant);
  const byChain = new Map(heads.map((head) => [head.chain, head]));
  const starts = await Promise.all(
    rows.map(async ({ chain, digest, prev_hash }) => {
      const head = byChain.get(chain);
      const isIt = head !== undefined && (await linkHash(prev_hash, digest)) === head.hash;
      return isIt ? [{ chain, start: head.seq, start_prev: prev_hash }] : [];
    }),
  );
  return starts.flat();
}

const DELETE_RECORDS = `DELETE FROM audit_records WHERE id IN
  (SELECT r.id FROM json_each(?) AS kept CROSS JOIN audit_records AS r
    ON r.chain = kept.value ->> 0 AND r.seq < kept.value ->> 1 AND r.tenant = ? LIMIT ?)`;

const DELETE_SET_ASIDE = `DELETE FROM audit_set_aside WHERE hash IN
  (SELECT s.hash FROM json_each(?) AS kept CROSS JOIN audit_set_aside AS s
    ON s.chain = kept.value ->> 0 AND s.seq < kept.value ->> 1 AND s.tenant = ? LIMIT ?)`;

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
  { db, tenant }: Pick<Store, "db" | "tenant">,
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
