/** Exports from D1 as it is: pages, time ranges, records that were set aside, records that nobody wrote. */

import { env } from "cloudflare:workers";
import { beforeEach, expect, test } from "vitest";
import { insertRecords } from "../../../src/audit/d1.ts";
import { d1Source } from "../../../src/audit/export/d1-source.ts";
import { writeLine } from "../../../src/audit/export/format.ts";
import { planExport, storedCheckpoint, tailsOf } from "../../../src/audit/export/plan.ts";
import type { Report } from "../../../src/audit/export/report.ts";
import { exportLines } from "../../../src/audit/export/write.ts";
import type { AuditRecord } from "../../../src/audit/record.ts";
import { EXPORT_PAGE_ROWS, MAX_EXPORT_QUERIES } from "../../../src/limits.ts";
import { chained, checkpoint, ISSUER, type Log, makeLog, START, STEP, TENANT, verify } from "./log.ts";

const DB = env.AUDIT;

beforeEach(async () => {
  for (const table of ["audit_records", "audit_set_aside", "checkpoints"])
    await DB.prepare(`DELETE FROM ${table}`).run();
});

async function store(log: Log, records = [...log.chains.values()].flat()): Promise<void> {
  for (let i = 0; i < records.length; i += 400) {
    const batch = records.slice(i, i + 400).map((record) => JSON.stringify(record));
    expect(await insertRecords(DB, batch)).toEqual([]);
  }
  for (const { number, jws, heads, claims } of log.checkpoints)
    await DB.prepare("INSERT INTO checkpoints (tenant, number, time, jws, heads) VALUES (?, ?, ?, ?, ?)")
      .bind(TENANT, number, claims.time, jws, number < claims.retained ? null : JSON.stringify(heads))
      .run();
}

const setAside = (record: AuditRecord) =>
  DB.prepare(
    "INSERT INTO audit_set_aside (hash, tenant, chain, seq, record, error) VALUES (?, ?, ?, ?, ?, ?)",
  )
    .bind(record.hash, TENANT, record.chain, record.seq, JSON.stringify(record), "refused")
    .run();

/** The lines of an export, and what each query asked. */
async function exported(log: Log, range: { from?: number; to?: number } = {}, db = DB) {
  const place = { db, tenant: TENANT };
  const tails = await tailsOf(place);
  const latest = await storedCheckpoint(place, log.checkpoints.length);
  if (latest === null) throw new Error("no checkpoint");
  const { from = null, to = null } = range;
  const plan = await planExport(place, { from, to, issuer: ISSUER, time: START, latest, tails });
  const lines: string[] = [];
  for await (const line of exportLines(plan, d1Source(db, TENANT, latest.heads.length), log.keys, null))
    lines.push(writeLine(line).slice(0, -1));
  return { lines, plan };
}

async function judge(log: Log, range: { from?: number; to?: number } = {}): Promise<Report | string> {
  const { lines } = await exported(log, range);
  const verified = await verify(lines, log.means);
  return verified.ok ? verified.value : verified.error.problem;
}

/** D1 that counts what it is asked, and fails from a query on. */
function counting(failAt = Number.POSITIVE_INFINITY) {
  const asked: string[] = [];
  const db = new Proxy(DB, {
    get: (target, name) =>
      name === "prepare"
        ? (query: string) => {
            asked.push(query);
            if (asked.length >= failAt) throw new Error("D1 is down");
            return target.prepare(query);
          }
        : Reflect.get(target, name),
  });
  return { db, asked };
}

test("some pages: all records in order, with few queries", async () => {
  const log = await makeLog({ records: 3 * EXPORT_PAGE_ROWS + 7, chains: 9, every: 100 });
  await store(log);
  const { db, asked } = counting();
  const { lines } = await exported(log, {}, db);
  expect(await verify(lines, log.means)).toMatchObject({
    ok: true,
    value: { counts: { records: 1507, chains: 9 } },
  });
  expect(
    asked.filter((query) => query.includes("audit_records AS r") && !query.includes("RECURSIVE")),
  ).toHaveLength(4);
  expect(asked.length).toBeLessThan(10);
  // Where D1 fails, whatever has come by then is no export.
  for (const failAt of [5, 6, asked.length])
    await expect(exported(log, {}, counting(failAt).db)).rejects.toThrow("D1 is down");
});

async function drained(items: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of items);
}

test("a request makes no more queries than it may", async () => {
  const log = await makeLog({ records: 1, chains: 1, every: 1 });
  await store(log);
  const [chain = ""] = log.chains.keys();
  const { db, asked } = counting();
  const all = d1Source(db, TENANT, 1).records([
    { chain, from: 1, to: 2 * MAX_EXPORT_QUERIES * EXPORT_PAGE_ROWS },
  ]);
  await expect(drained(all)).rejects.toThrow("as many queries");
  expect(asked).toHaveLength(MAX_EXPORT_QUERIES);
});

test("a time range is widened to the checkpoints around it", async () => {
  const log = await makeLog({ records: 900, chains: 3, every: 90 });
  await store(log);
  const [from, to] = [START + 400 * STEP, START + 500 * STEP];
  const { lines, plan } = await exported(log, { from, to });
  // Checkpoints come every 90 seconds, and the clocks of ledgers differ by up to 60.
  expect(plan.claims).toMatchObject({ base: 3, last: { number: 7 }, latest: { number: 11 } });
  const verified = await verify(lines, log.means);
  expect(verified).toMatchObject({ ok: true, value: { counts: { records: 360, checkpoints: 6 } } });
  expect((await exported(log, { from })).plan.claims).toMatchObject({ base: 3, last: { number: 11 } });
  expect((await exported(log, { to })).plan.claims).toMatchObject({ base: null, last: { number: 7 } });
  expect(await judge(log, { from, to: START + 5000 * STEP })).toMatchObject({ findings: [] });
  expect(await judge(log, { from: 0, to: 1 })).toMatchObject({ findings: [] });
});

test("a checkpoint for which a ledger did not answer is not where a range ends", async () => {
  const log = await makeLog({ records: 90, chains: 3, every: 90 });
  const faults = [{ chain: [...log.chains.keys()][0] ?? "", fault: "unreachable" }] as const;
  await checkpoint(log, START + 300 * STEP, { faults });
  await checkpoint(log, START + 400 * STEP);
  await checkpoint(log, START + 500 * STEP);
  await store(log);
  const to = START + 200 * STEP;
  expect((await exported(log, { to })).plan.claims).toMatchObject({
    last: { number: 4 },
    latest: { number: 5 },
  });
});

test("heads and records that retention has deleted", async () => {
  const log = await makeLog({ records: 90, chains: 3, every: 30 });
  const starts = new Map([...log.chains].map(([chain, records]) => [chain, records.length - 1]));
  await checkpoint(log, START + 300 * STEP, { starts, retained: 4 });
  await store(log);
  for (const [chain, start] of starts)
    await DB.prepare("DELETE FROM audit_records WHERE chain = ? AND seq < ?").bind(chain, start).run();
  expect(await judge(log)).toMatchObject({ counts: { records: 6 } });
  // Heads that are still there are not shown once they are said to be gone.
  await DB.prepare("UPDATE checkpoints SET heads = '[]' WHERE number = 1").run();
  expect(await judge(log)).toMatchObject({ counts: { records: 6 } });
});

test("records that were set aside stand in their place, and a rival makes a fork", async () => {
  const log = await makeLog({ records: 60, chains: 3, every: 30 });
  const all = [...log.chains.values()].flat();
  const refused = [all[3], all[7], all.at(-1)] as AuditRecord[];
  await store(
    log,
    all.filter((record) => !refused.includes(record)),
  );
  for (const record of refused) await setAside(record);
  expect(await judge(log)).toMatchObject({ counts: { records: 60, setAside: 3 } });
  // One that was tampered with there shows like any other.
  await DB.prepare("UPDATE audit_set_aside SET record = '{' WHERE hash = ?").bind(refused[0]?.hash).run();
  expect(await judge(log)).toContain("member record is missing, malformed");
  await DB.prepare("UPDATE audit_set_aside SET record = ? WHERE hash = ?")
    .bind(JSON.stringify(refused[0]), refused[0]?.hash)
    .run();
  const rival = await chained({ ...(all[4] as AuditRecord), tool: "other" }, all[3]?.hash ?? "");
  await setAside(rival);
  expect(await judge(log)).toContain("the chain forks");
});

test("chains and ends of chains that no ledger has are named; other tenants' are not", async () => {
  const log = await makeLog({ records: 60, chains: 3, every: 30 });
  await store(log);
  const [chain, records] = [...log.chains][1] ?? ["", []];
  const last = records.at(-1) as AuditRecord;
  const put = async (changes: Partial<AuditRecord>) =>
    insertRecords(DB, [JSON.stringify(await chained({ ...last, ...changes }, last.hash))]);
  await put({ tenant: "other", chain: "other", id: "a", seq: 5 });
  expect(await judge(log)).toMatchObject({ findings: [] });
  await put({ chain: "forged", id: "b", seq: 7 });
  await put({ id: "c", seq: last.seq + 1 });
  expect(await judge(log)).toMatchObject({
    findings: expect.arrayContaining([
      { kind: "unknown", chain: "forged", seq: 7 },
      { kind: "unknown", chain, seq: last.seq + 1 },
    ]),
  });
});
