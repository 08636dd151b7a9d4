import { env } from "cloudflare:workers";
import { afterEach, expect, test, vi } from "vitest";
import { verifyProof } from "../../src/audit/proof.ts";
import { digestsBehind, findCover } from "../../src/audit/prove.ts";
import type { AuditRecord } from "../../src/audit/record.ts";
import { MAX_PROOF_DIGESTS } from "../../src/limits.ts";
import { unwrap } from "../support/acme.ts";
import { checkpointOf, ours, there, verifying } from "./receipts/helpers.ts";
import { place, setAside, store, storeCheckpoint } from "./receipts/stored.ts";

const keys = await verifying(ours);

afterEach(() => void vi.restoreAllMocks());

/** So many records, whatever they say. */
const many = (count: number) => Array.from({ length: count }, () => ({}));

/** Number of the checkpoint that the proof of a record is under, once it has been verified; null where there is none. */
async function proven(record: AuditRecord | undefined, page = 2): Promise<number | string | null> {
  const cover = unwrap(await findCover(env.AUDIT, there(record)));
  if (cover === "not_yet") return null;
  if (cover === "too_far") return cover;
  const digests: string[] = [];
  for await (const some of digestsBehind(env.AUDIT, there(record), cover.head.seq, page))
    digests.push(...some);
  const verified = await verifyProof(there(record), { ...cover, digests: digests.join(" ") }, keys);
  return verified.ok ? verified.value.number : verified.error;
}

test("the first checkpoint that covers a record, whatever their number", async () => {
  const { records, checkpoint } = await place(many(8));
  await store(records);
  expect(await proven(records[0])).toBeNull();
  // Two records for each, and one that covers no more than the one before.
  const seqs = [0, 2, 4, 4, 6, 7];
  for (const [i, seq] of seqs.entries()) {
    if (seq > 0) await checkpoint(i, seq);
    for (const record of records) {
      const first = seqs.findIndex((covered) => covered >= record.seq);
      expect(await proven(record)).toBe(first >= 1 && first <= i ? first : null);
    }
  }
});

test("digests come in pages of any size", async () => {
  const { records, checkpoint } = await place(many(7));
  await store(records);
  await checkpoint(1, 7);
  for (const page of [1, 3, 6, 7]) expect(await proven(records[0], page)).toBe(1);
  for (const record of records) expect(await proven(record, 3)).toBe(1);
});

test("where the heads of a checkpoint were dropped, the next one that has them", async () => {
  const { records, checkpoint } = await place(many(4));
  await store(records);
  await checkpoint(1, 2, { kept: false });
  await checkpoint(2, 3, { kept: false });
  await checkpoint(3, 3, { retained: 3 });
  await checkpoint(4, 4, { retained: 3 });
  expect(await Promise.all(records.map((record) => proven(record)))).toEqual([3, 3, 3, 4]);
});

test("records that were set aside are links of the chain, and can be proven", async () => {
  const { records, checkpoint } = await place(many(5));
  await store(records.filter(({ seq }) => seq !== 2 && seq !== 5));
  await setAside(there(records[1]));
  await setAside(there(records[4]));
  await checkpoint(1, 5);
  for (const record of records) expect(await proven(record)).toBe(1);
});

test("what is set aside beside another record of its place does not get between", async () => {
  const { records, checkpoint } = await place(many(3));
  await store(records);
  await setAside({ ...there(records[1]), hash: "another", digest: "another" });
  await checkpoint(1, 3);
  for (const record of records) expect(await proven(record)).toBe(1);
});

test("no proof is made before D1 has all that the checkpoint covers", async () => {
  const { records, checkpoint } = await place(many(4));
  await store(records.slice(0, 3));
  await checkpoint(1, 4);
  expect(await proven(records[0])).toBeNull();
  await store(records.slice(3));
  expect(await proven(records[0])).toBe(1);
});

test("a record that is gone shows in the proof of those before it", async () => {
  const { tenant, records, checkpoint } = await place(many(4));
  await store(records);
  await checkpoint(1, 4);
  await env.AUDIT.prepare("DELETE FROM audit_records WHERE tenant = ? AND seq = 3").bind(tenant).run();
  expect(await Promise.all(records.map((record) => proven(record)))).toEqual(["length", "length", 1, 1]);
});

test("another tenant's checkpoints and records are not looked at", async () => {
  const { records, checkpoint } = await place(many(2));
  await store(records);
  await checkpoint(1, 2);
  const stolen = { ...there(records[0]), tenant: (await place(many(1))).tenant };
  expect(unwrap(await findCover(env.AUDIT, stolen))).toBe("not_yet");
});

test("no proof is made of more digests than are followed", async () => {
  const { tenant, records, other, chain } = await place(many(2));
  await store(records);
  for (const [i, more] of [0, 1].entries()) {
    const head = { ...there(other), chain, seq: 1 + MAX_PROOF_DIGESTS + more };
    await storeCheckpoint(tenant, 1, await checkpointOf([head], { tenant }), [head]);
    expect(await proven(records[0])).toBe(i === 0 ? null : "too_far");
  }
});

test("D1 does not answer", async () => {
  vi.spyOn(console, "error").mockReturnValue();
  const down = { prepare: () => ({ bind: () => ({ all: () => Promise.reject(new Error("down")) }) }) };
  const { records } = await place(many(1));
  const asked = await findCover(down as unknown as D1Database, there(records[0]));
  expect(asked).toEqual({ ok: false, error: "endpoint.log_unavailable" });
});

test("D1 stops answering in the middle of a proof: it breaks off, and never looks whole", async () => {
  const { records } = await place(many(5));
  await store(records);
  vi.spyOn(console, "error").mockReturnValue();
  let asked = 0;
  const fails = {
    prepare: (query: string) => {
      asked += 1;
      return env.AUDIT.prepare(asked > 1 ? "SELECT nothing" : query);
    },
  };
  const pages: (readonly string[])[] = [];
  const read = async () => {
    for await (const page of digestsBehind(fails as unknown as D1Database, there(records[0]), 5, 2))
      pages.push(page);
  };
  await expect(read()).rejects.toThrow("stopped answering");
  expect(pages).toHaveLength(1);
});
