/** Makes inclusion proofs from what D1 has; `proof.ts` verifies them. */

import { toBase64url } from "../encoding.ts";
import { MAX_PROOF_DIGESTS, PROOF_PAGE } from "../limits.ts";
import type { Reason } from "../reasons.ts";
import { ok, type Result } from "../result.ts";
import { type Head, leafOf, readCheckpoint } from "./checkpoint.ts";
import { merklePath } from "./merkle.ts";
import type { Cover } from "./proof.ts";
import { queryLog } from "./query.ts";
import type { AuditRecord } from "./record.ts";

type Place = Pick<AuditRecord, "tenant" | "chain" | "seq">;

/**
 * Why there is no cover. `not_yet`: no checkpoint covers the record, or D1 does not have all records that it covers. `too_far`: the
 * chain has grown too much since the record when the first checkpoint was made.
 */
export type Uncovered = "not_yet" | "too_far";

/**
 * Finds the first checkpoint that covers a record, among those whose heads are kept. It is what D1 says: `verifyCover` tells whether
 * it is right.
 */
export async function findCover(
  db: D1Database,
  { tenant, chain, seq }: Place,
): Promise<Result<Cover | Uncovered, Reason>> {
  const latest = await queryLog<{ number: number; jws: string }>(db, LATEST, tenant);
  if (!latest.ok) return latest;
  const [last] = latest.value;
  const claims = last && readCheckpoint(last.jws);
  if (last === undefined || !claims?.ok) return ok("not_yet");
  const { retained } = claims.value;
  const found = await queryLog<{ jws: string; heads: string }>(
    db,
    FIRST_COVERING,
    retained - 1,
    firstStep(last.number - retained + 1),
    last.number,
    tenant,
    chain,
    seq,
  );
  if (!found.ok) return found;
  const [row] = found.value;
  const heads: readonly Head[] = JSON.parse(row?.heads ?? "[]");
  const index = heads.findIndex((head) => head.chain === chain);
  const head = heads[index];
  if (row === undefined || head === undefined || head.seq < seq) return ok("not_yet");
  if (head.seq - seq > MAX_PROOF_DIGESTS) return ok("too_far");
  const there = await queryLog(db, IS_THERE, tenant, chain, head.seq);
  if (!there.ok) return there;
  if (there.value.length === 0) return ok("not_yet");
  const path = (await merklePath(heads.map(leafOf), index)).map(toBase64url);
  return ok({ head, index, size: heads.length, path, checkpoint: row.jws });
}

const LATEST = "SELECT number, jws FROM checkpoints WHERE tenant = ? ORDER BY number DESC LIMIT 1";

/**
 * Goes on from the last checkpoint that is known not to cover the record, in steps that are halved each time: the number of a
 * head never falls from one checkpoint to the next. D1 binds numbers as REAL, and half a step is none.
 */
const FIRST_COVERING = `WITH RECURSIVE search (at, step) AS (
    SELECT CAST(?1 AS INTEGER), CAST(?2 AS INTEGER)
    UNION ALL
    SELECT at + iif(at + step > ?3 OR EXISTS (
      SELECT 1 FROM checkpoints AS c, json_each(c.heads) AS head
      WHERE c.tenant = ?4 AND c.number = at + step
        AND head.value ->> '$.chain' = ?5 AND head.value ->> '$.seq' >= ?6), 0, step), step / 2
    FROM search WHERE step > 0)
  SELECT jws, heads FROM checkpoints
  WHERE tenant = ?4 AND number = (SELECT at + 1 FROM search WHERE step = 0) AND heads IS NOT NULL`;

/** The greatest power of two that is not above a number. */
const firstStep = (range: number): number => 2 ** Math.floor(Math.log2(range));

const IS_THERE = `SELECT 1 FROM audit_records WHERE tenant = ?1 AND chain = ?2 AND seq = ?3
  UNION ALL SELECT 1 FROM audit_set_aside WHERE tenant = ?1 AND chain = ?2 AND seq = ?3`;

/** What is set aside counts where nothing else has its place. */
const DIGESTS = `SELECT seq, digest FROM audit_records
    WHERE tenant = ?1 AND chain = ?2 AND seq > ?3 AND seq <= ?4
  UNION ALL SELECT seq, record ->> '$.digest' FROM audit_set_aside AS aside
    WHERE tenant = ?1 AND chain = ?2 AND seq > ?3 AND seq <= ?4
      AND NOT EXISTS (SELECT 1 FROM audit_records AS r WHERE r.chain = aside.chain AND r.seq = aside.seq)
  ORDER BY seq`;

/**
 * The digests behind a record up to number `end` of its chain, page by page. Whether they are what they should be is to be verified.
 *
 * @throws where D1 stops answering: what has been sent by then cannot be taken back
 */
export async function* digestsBehind(
  db: D1Database,
  { tenant, chain, seq }: Place,
  end: number,
  page = PROOF_PAGE,
): AsyncGenerator<readonly string[]> {
  for (let from = seq; from < end; from += page) {
    const to = Math.min(from + page, end);
    const rows = await queryLog<{ digest: string }>(db, DIGESTS, tenant, chain, from, to);
    if (!rows.ok) throw new Error("the audit log stopped answering");
    yield rows.value.map(({ digest }) => digest);
  }
}
