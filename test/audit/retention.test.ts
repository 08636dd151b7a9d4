import { env } from "cloudflare:workers";
import { beforeAll, expect, test } from "vitest";
import { CHECKPOINT_TYPE, type CheckpointClaims, type Head, rootOf } from "../../src/audit/checkpoint.ts";
import { insertRecords } from "../../src/audit/d1.ts";
import { linkHash } from "../../src/audit/record.ts";
import { deleteExpired, planRetention } from "../../src/audit/retention.ts";
import { readSigningKeys, type SigningKeys, signStatement } from "../../src/audit/signing-keys.ts";
import type { Made, Store } from "../../src/audit/stored-checkpoint.ts";
import { toBase64url, utf8 } from "../../src/encoding.ts";
import { RETENTION_DELETE_ROWS } from "../../src/limits.ts";
import { facts, unique } from "../ledger/helpers.ts";

let keys: SigningKeys;
beforeAll(async () => {
  const read = await readSigningKeys(env.SIGNING_KEYS);
  if (read === null) throw new Error("no keys");
  keys = read;
});

const storeOf = (tenant: string): Store => ({ db: env.AUDIT, tenant, keys: keys.verifying });

/** 32 bytes that are different for each text. */
const hashOf = (text: string) => toBase64url(utf8(text.padEnd(32, ".").slice(-32)));

/** Rows of a chain from 1 to `count`; those that are named were set aside. */
async function fill(
  tenant: string,
  count: number,
  aside: readonly number[] = [],
): Promise<(seq: number) => { chain: string; seq: number; hash: string }> {
  const chain = unique("chain");
  const hashes = [hashOf("")];
  const records: string[] = [];
  for (let seq = 1; seq <= count; seq += 1) {
    const digest = hashOf(`${chain} ${seq}`);
    const prev_hash = hashes[seq - 1] ?? "";
    const hash = await linkHash(prev_hash, digest);
    hashes.push(hash);
    const record = {
      ...facts({ tenant }),
      ...{ v: 2, id: `${chain}.${seq}`, decision: chain, kind: "decision", chain, seq, time: seq },
      ...{ verdict: "admitted", digest, prev_hash, hash },
    };
    if (!aside.includes(seq)) records.push(JSON.stringify(record));
    else
      await env.AUDIT.prepare("INSERT INTO audit_set_aside VALUES (?, ?, ?, ?, ?, 'refused')")
        .bind(hash, tenant, chain, seq, JSON.stringify(record))
        .run();
  }
  expect(await insertRecords(env.AUDIT, records)).toEqual([]);
  return (seq) => ({ chain, seq, hash: hashes[seq] ?? "" });
}

const from = (start: number, head: { chain: string; seq: number; hash: string }): Head => ({
  ...head,
  start,
  start_prev: hashOf(`before ${start}`),
});
const whole = (head: { chain: string; seq: number; hash: string }) => from(1, head);

/** A checkpoint, with what differs from what it should be, in D1. */
async function store(
  tenant: string,
  { number, time, heads, retained = 1 }: { number: number; time: number; heads: Head[]; retained?: number },
  changes: { claims?: Partial<CheckpointClaims>; row?: { time?: number; heads?: string | null } } = {},
): Promise<Made> {
  const claims: CheckpointClaims = {
    ...{
      iss: "https://gateway.example",
      tenant,
      number,
      time,
      root: await rootOf(heads),
      faults: [],
      retained,
    },
    ...{ size: heads.length, prev: number === 1 ? null : hashOf("prev") },
    ...changes.claims,
  };
  const jws = await signStatement(keys.signing, CHECKPOINT_TYPE, claims);
  const row = { time, heads: JSON.stringify(heads), ...changes.row };
  await env.AUDIT.prepare("INSERT INTO checkpoints VALUES (?, ?, ?, ?, ?)")
    .bind(tenant, number, row.time, jws, row.heads)
    .run();
  return { number, jws, heads, claims };
}

const seqs = async ({ chain }: { chain: string }, table = "audit_records") =>
  (
    await env.AUDIT.prepare(`SELECT seq FROM ${table} WHERE chain = ? ORDER BY seq`)
      .bind(chain)
      .all<{ seq: number }>()
  ).results.map(({ seq }) => seq);

test("a chain is kept behind what the latest checkpoint covers that is old enough", async () => {
  const tenant = unique("tenant");
  const [busy, fresh] = [await fill(tenant, 9), await fill(tenant, 2)];
  const at = (...heads: Head[]) => heads.sort((a, b) => (a.chain < b.chain ? -1 : 1));
  await store(tenant, { number: 1, time: 10, heads: at(whole(busy(2))) });
  await store(tenant, { number: 2, time: 20, heads: at(whole(busy(5))) });
  await store(tenant, { number: 3, time: 30, heads: at(whole(busy(7)), whole(fresh(1))) });
  const last = await store(tenant, { number: 4, time: 40, heads: at(whole(busy(9)), whole(fresh(2))) });
  const plan = (before: number) => planRetention(storeOf(tenant), last, before);
  const { chain } = busy(0);
  expect(await plan(10)).toBeNull();
  expect(await plan(11)).toEqual({ starts: [{ chain, start: 3, start_prev: busy(2).hash }], retained: 2 });
  expect(await plan(30)).toEqual({ starts: [{ chain, start: 6, start_prev: busy(5).hash }], retained: 3 });
  expect((await plan(31))?.starts).toEqual([
    { chain, start: 8, start_prev: busy(7).hash },
    { chain: fresh(0).chain, start: 2, start_prev: fresh(1).hash },
  ]);
});

test.each([
  ["in the log", []],
  ["set aside", [4]],
])("the last record of a chain is kept however old it is: %s", async (_, aside) => {
  const tenant = unique("tenant");
  const chain = await fill(tenant, 4, aside);
  await store(tenant, { number: 1, time: 10, heads: [whole(chain(4))] });
  const last = await store(tenant, { number: 2, time: 20, heads: [whole(chain(4))] });
  expect(await planRetention(storeOf(tenant), last, 99)).toEqual({
    starts: [{ chain: chain(4).chain, start: 4, start_prev: chain(3).hash }],
    // The heads of the last checkpoint are always there.
    retained: 2,
  });
});

test("where D1 does not have the last record, or another in its place, nothing of the chain goes", async () => {
  const tenant = unique("tenant");
  const [gone, changed] = [await fill(tenant, 3), await fill(tenant, 3)];
  const heads = [whole(gone(3)), whole(changed(3))].sort((a, b) => (a.chain < b.chain ? -1 : 1));
  const last = await store(tenant, { number: 1, time: 10, heads });
  await env.AUDIT.prepare("DELETE FROM audit_records WHERE chain = ? AND seq = 3").bind(gone(3).chain).run();
  await env.AUDIT.prepare("UPDATE audit_records SET prev_hash = digest WHERE chain = ? AND seq = 3")
    .bind(changed(3).chain)
    .run();
  expect((await planRetention(storeOf(tenant), last, 99))?.starts).toEqual([]);
});

test("a start never goes back, and what is announced is not announced again", async () => {
  const tenant = unique("tenant");
  const chain = await fill(tenant, 9);
  await store(tenant, { number: 1, time: 10, heads: [whole(chain(4))] });
  const plan = (start: number) =>
    planRetention(
      storeOf(tenant),
      { number: 2, jws: "", heads: [from(start, chain(9))], claims: { retained: 1 } as CheckpointClaims },
      99,
    );
  expect((await plan(4))?.starts).toMatchObject([{ start: 5 }]);
  for (const start of [5, 6, 9]) expect((await plan(start))?.starts).toEqual([]);
});

test("what rows say of their time moves nothing", async () => {
  const tenant = unique("tenant");
  const chain = await fill(tenant, 9);
  await store(tenant, { number: 1, time: 10, heads: [whole(chain(4))] });
  const last = await store(tenant, { number: 2, time: 50, heads: [whole(chain(9))] });
  await env.AUDIT.prepare("UPDATE audit_records SET time = 0 WHERE chain = ?").bind(chain(0).chain).run();
  expect(await planRetention(storeOf(tenant), last, 5)).toBeNull();
  expect((await planRetention(storeOf(tenant), last, 20))?.starts).toMatchObject([{ start: 5 }]);
});

test.each<[string, Parameters<typeof store>[2]]>([
  ["is made to look older", { row: { time: 0 } }],
  ["has other heads", { row: { heads: JSON.stringify([whole({ chain: "x", seq: 9, hash: hashOf("x") })]) } }],
  ["has lost its heads", { row: { heads: null } }],
  ["has heads that are none", { row: { heads: '[{"chain":1}]' } }],
  ["is another tenant's", { claims: { tenant: "another" } }],
  ["has another number", { claims: { number: 7 } }],
])("a checkpoint in D1 that %s is not gone by", async (_, changes) => {
  const tenant = unique("tenant");
  const chain = await fill(tenant, 9);
  await store(tenant, { number: 2, time: 50, heads: [whole(chain(4))] }, changes);
  const last = { number: 3, jws: "", heads: [whole(chain(9))], claims: { retained: 1 } as CheckpointClaims };
  const before = changes?.row?.time === 0 ? 40 : 99;
  await expect(planRetention(storeOf(tenant), last, before)).rejects.toThrow("checkpoint 2 in D1");
});

test("one that another key has signed is not gone by, either", async () => {
  const tenant = unique("tenant");
  const chain = await fill(tenant, 9);
  const last = await store(tenant, { number: 1, time: 50, heads: [whole(chain(4))] });
  const foreign = { ...storeOf(tenant), keys: new Map() };
  await expect(planRetention(foreign, last, 99)).rejects.toThrow("checkpoint 1 in D1");
});

test("rows of no known chain, and of other tenants, are left alone", async () => {
  const [tenant, other] = [unique("tenant"), unique("tenant")];
  const [unknown, theirs] = [await fill(tenant, 2), await fill(other, 2)];
  const announced = { heads: [from(2, theirs(2))], retained: 1 };
  await deleteExpired(storeOf(tenant), announced, 9);
  expect([await seqs(unknown(0)), await seqs(theirs(0))]).toEqual([
    [1, 2],
    [1, 2],
  ]);
});

test("all before the start is deleted, set aside or not, and nothing else, in bounded steps", async () => {
  const tenant = unique("tenant");
  const count = 2 * RETENTION_DELETE_ROWS + 10;
  const [long, short] = [await fill(tenant, count), await fill(tenant, 5, [2, 4])];
  const announced = { heads: [from(count - 5, long(count)), from(3, short(5))], retained: 1 };
  const step = (statements: number) => deleteExpired(storeOf(tenant), announced, statements);
  expect(await step(2)).toBe(false);
  expect((await seqs(long(0))).slice(-6)).toEqual(Array.from({ length: 6 }, (_, i) => count - 5 + i));
  expect(await step(9)).toBe(true);
  expect(await seqs(long(0))).toHaveLength(6);
  expect([await seqs(short(0)), await seqs(short(0), "audit_set_aside")]).toEqual([[3, 5], [4]]);
  expect(await step(9)).toBe(true);
  expect(await seqs(short(0))).toEqual([3, 5]);
});

test("heads of checkpoints that are too old are forgotten, the checkpoints are not", async () => {
  const tenant = unique("tenant");
  for (const number of [1, 2, 3, 4]) await store(tenant, { number, time: number * 10, heads: [] });
  await deleteExpired(storeOf(tenant), { heads: [], retained: 3 }, 9);
  const rows = env.AUDIT.prepare("SELECT number, heads FROM checkpoints WHERE tenant = ? ORDER BY number");
  expect((await rows.bind(tenant).all<{ number: number; heads: string | null }>()).results).toEqual([
    { number: 1, heads: null },
    { number: 2, heads: null },
    { number: 3, heads: "[]" },
    { number: 4, heads: "[]" },
  ]);
});
