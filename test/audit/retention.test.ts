import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
import type { Head } from "../../src/audit/checkpoint.ts";
import { insertRecords } from "../../src/audit/d1.ts";
import { deleteExpired, planRetention } from "../../src/audit/retention.ts";
import { RETENTION_DELETE_ROWS } from "../../src/limits.ts";
import { facts, unique } from "../ledger/helpers.ts";

/** Rows of a chain from 1 on with these times; null where the record was set aside. */
async function fill(tenant: string, times: readonly (number | null)[]): Promise<string> {
  const chain = unique("chain");
  const records = times.flatMap((time, i) => {
    const seq = i + 1;
    const record = {
      ...facts({ tenant }),
      ...{ v: 2, id: `${chain}.${seq}`, decision: chain, kind: "decision", chain, seq, time },
      ...{ verdict: "admitted", prev_hash: hashOf(chain, seq - 1), hash: hashOf(chain, seq) },
    };
    return time === null ? [] : [JSON.stringify(record)];
  });
  expect(await insertRecords(env.AUDIT, records)).toEqual([]);
  for (const [i, time] of times.entries())
    if (time === null)
      await env.AUDIT.prepare("INSERT INTO audit_set_aside VALUES (?, ?, ?, ?, '{}', 'refused')")
        .bind(hashOf(chain, i + 1), tenant, chain, i + 1)
        .run();
  return chain;
}

const hashOf = (chain: string, seq: number) => `hash of ${chain} ${seq}`;

const head = (chain: string, seq: number, start = 1): Head => ({
  chain,
  seq,
  hash: hashOf(chain, seq),
  start,
  start_prev: hashOf(chain, start - 1),
});

/** A checkpoint with these heads, of which D1 has no other. */
const covered = (...heads: Head[]) => ({ number: 1, heads, retained: 1 });

const starts = async (tenant: string, before: number, heads: readonly Head[], limit?: number) => {
  const plan = await planRetention(env.AUDIT, tenant, covered(...heads), before, limit);
  for (const { chain, start, start_prev } of plan.starts) expect(start_prev).toBe(hashOf(chain, start - 1));
  return Object.fromEntries(plan.starts.map(({ chain, start }) => [chain, start]));
};

const seqs = async (chain: string, table = "audit_records") =>
  (
    await env.AUDIT.prepare(`SELECT seq FROM ${table} WHERE chain = ? ORDER BY seq`)
      .bind(chain)
      .all<{ seq: number }>()
  ).results.map(({ seq }) => seq);

test.each<[string, (number | null)[], number, number | null]>([
  ["with the first record that is young enough", [10, 20, 30, 40], 4, 3],
  ["at its beginning where nothing is too old", [30, 40], 2, null],
  ["with its head where all is too old", [10, 11, 12], 3, 3],
  ["not behind what the checkpoint covers", [10, 11, 12, 13, 40], 3, 3],
  ["at its beginning where nothing is covered", [10, 11], 0, null],
  ["with the last record of before, where the first one was set aside", [10, 20, null, 40], 4, 2],
  ["after records that were set aside", [10, null, 20, 30], 4, 4],
  ["at a record of the same time as the one before, both too old", [29, 29, 30, 30], 4, 3],
])("a chain is kept from %s", async (_, times, seq, start) => {
  const tenant = unique("tenant");
  const chain = await fill(tenant, times);
  expect(await starts(tenant, 30, [head(chain, seq)])).toEqual(start === null ? {} : { [chain]: start });
});

test("a head that D1 does not have yet is not where a chain begins", async () => {
  const tenant = unique("tenant");
  const chain = await fill(tenant, [10, 11, 12]);
  expect(await starts(tenant, 30, [head(chain, 9)])).toEqual({ [chain]: 3 });
});

test("a start never goes back, and what is announced is not announced again", async () => {
  const tenant = unique("tenant");
  const chain = await fill(tenant, [10, 20, 30, 40]);
  expect(await starts(tenant, 15, [head(chain, 4, 3)])).toEqual({});
  expect(await starts(tenant, 30, [head(chain, 4, 3)])).toEqual({});
});

test("rows of no known chain, and of other tenants, are left alone", async () => {
  const [tenant, other] = [unique("tenant"), unique("tenant")];
  const [unknown, theirs] = [await fill(tenant, [10, 40]), await fill(other, [10, 40])];
  expect(await starts(tenant, 30, [head(theirs, 2)])).toEqual({});
  await deleteExpired(env.AUDIT, tenant, { heads: [head(theirs, 2, 2)], retained: 1 }, 9);
  expect([await seqs(unknown), await seqs(theirs)]).toEqual([
    [1, 2],
    [1, 2],
  ]);
});

test("what is looked at in one go is bounded, also among rows of one time, and it goes on", async () => {
  const tenant = unique("tenant");
  const [a, b] = [await fill(tenant, [5, 5, 5, 5, 40]), await fill(tenant, [6, 6, 6, 40])];
  const heads = new Map([
    [a, head(a, 5)],
    [b, head(b, 4)],
  ]);
  for (let round = 0; ; round += 1) {
    const plan = await planRetention(env.AUDIT, tenant, covered(...heads.values()), 30, 3);
    for (const { chain, start } of plan.starts)
      heads.set(chain, head(chain, heads.get(chain)?.seq ?? 0, start));
    await deleteExpired(env.AUDIT, tenant, { heads: [...heads.values()], retained: 1 }, 9);
    if (!plan.isPartial) break;
    expect(round).toBeLessThan(5);
  }
  expect([await seqs(a), await seqs(b)]).toEqual([[5], [4]]);
});

test("all before the start is deleted, set aside or not, and nothing else, in bounded steps", async () => {
  const tenant = unique("tenant");
  const long = await fill(
    tenant,
    Array.from({ length: 2 * RETENTION_DELETE_ROWS + 10 }, () => 10),
  );
  const short = await fill(tenant, [10, null, 20, null, 40]);
  const announced = {
    heads: [head(long, 2 * RETENTION_DELETE_ROWS + 10, 2 * RETENTION_DELETE_ROWS + 5), head(short, 5, 3)],
    retained: 1,
  };
  expect(await deleteExpired(env.AUDIT, tenant, announced, 2)).toBe(false);
  expect((await seqs(long)).slice(-6)).toEqual(
    Array.from({ length: 6 }, (_, i) => 2 * RETENTION_DELETE_ROWS + 5 + i),
  );
  expect(await deleteExpired(env.AUDIT, tenant, announced, 9)).toBe(true);
  expect(await seqs(long)).toHaveLength(6);
  expect([await seqs(short), await seqs(short, "audit_set_aside")]).toEqual([[3, 5], [4]]);
  expect(await deleteExpired(env.AUDIT, tenant, announced, 9)).toBe(true);
  expect(await seqs(short)).toEqual([3, 5]);
});

test("heads of checkpoints that are too old are forgotten, the checkpoints are not", async () => {
  const tenant = unique("tenant");
  for (const number of [1, 2, 3, 4])
    await env.AUDIT.prepare("INSERT INTO checkpoints VALUES (?, ?, ?, 'jws', '[]')")
      .bind(tenant, number, number * 10)
      .run();
  const last = { number: 4, heads: [], retained: 1 };
  const plan = (before: number, limit?: number) => planRetention(env.AUDIT, tenant, last, before, limit);
  expect(await plan(5)).toEqual({ starts: [], retained: 1, isPartial: false });
  expect(await plan(25)).toEqual({ starts: [], retained: 3, isPartial: false });
  expect(await plan(25, 1)).toEqual({ starts: [], retained: 2, isPartial: true });
  // The heads of the last one are always there.
  expect((await plan(100)).retained).toBe(4);
  await deleteExpired(env.AUDIT, tenant, { heads: [], retained: 3 }, 9);
  const rows = env.AUDIT.prepare("SELECT jws, heads FROM checkpoints WHERE tenant = ? ORDER BY number").bind(
    tenant,
  );
  expect((await rows.all<{ jws: string; heads: string | null }>()).results).toEqual([
    { jws: "jws", heads: null },
    { jws: "jws", heads: null },
    { jws: "jws", heads: "[]" },
    { jws: "jws", heads: "[]" },
  ]);
});
