/** Exports from D1 as it is: pages, time ranges, records that were set aside, records that nobody wrote. */

import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, test } from "vitest";
import { insertRecords } from "../../../src/audit/d1.ts";
import { d1Source, logOf } from "../../../src/audit/export/d1-source.ts";
import { writeLine } from "../../../src/audit/export/format.ts";
import { canGoOn as goesOn, planExport, storedCheckpoint, tailsOf } from "../../../src/audit/export/plan.ts";
import type { Report } from "../../../src/audit/export/report.ts";
import { spansOf } from "../../../src/audit/export/spans.ts";
import { type After, exportLines } from "../../../src/audit/export/write.ts";
import type { AuditRecord } from "../../../src/audit/record.ts";
import { EXPORT_PAGE_ROWS, MAX_EXPORT_QUERIES } from "../../../src/limits.ts";
import {
  chained,
  checkpoint,
  ISSUER,
  type Log,
  makeLog,
  planOf,
  START,
  STEP,
  TENANT,
  verify,
} from "./log.ts";
import { counting, emptyLog, setAside, store } from "./stored.ts";

const DB = env.AUDIT;

beforeEach(emptyLog);

/** The lines of an export, and what each query asked. */
async function exported(log: Log, range: { from?: number; to?: number } = {}, db = DB) {
  const stored = logOf(db, TENANT);
  const tails = await tailsOf(stored);
  const latest = await storedCheckpoint(stored, log.checkpoints.length);
  if (latest === null) throw new Error("no checkpoint");
  const { from = null, to = null } = range;
  const plan = await planExport(stored, { from, to, issuer: ISSUER, time: START, latest, tails });
  const lines: string[] = [];
  if (plan === null) throw new Error("no plan");
  for await (const line of exportLines(plan, d1Source(stored, plan), log.keys, null))
    lines.push(writeLine(line).slice(0, -1));
  return { lines, plan };
}

async function judge(log: Log, range: { from?: number; to?: number } = {}): Promise<Report | string> {
  const { lines } = await exported(log, range);
  const verified = await verify(lines, log.means);
  return verified.ok ? verified.value : verified.error.problem;
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
  for (let failAt = 1; failAt <= asked.length; failAt++)
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
  const all = d1Source(logOf(db, TENANT), await planOf(log)).records([
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
  await DB.prepare("UPDATE audit_set_aside SET record = '{}' WHERE hash = ?").bind(refused[0]?.hash).run();
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
  // Names and numbers that could spoil the first line, which names them.
  await put({ id: "d", chain: `"\u001b\u20ac${"x".repeat(100_000)}` });
  await DB.prepare(
    "INSERT INTO audit_records SELECT * FROM audit_records WHERE 0 UNION ALL SELECT 'e', kind, decision, tenant, revision, 'huge', 9223372036854775807, time, verdict, reason, principal, mandate, run, method, tool, action, input_hash, output_hash, delivered_hash, status, latency_ms, count, checks, kept, evidence, execution, digest, prev_hash, hash, v FROM audit_records WHERE id = 'c'",
  ).run();
  expect(await judge(log)).toMatchObject({
    findings: expect.arrayContaining([
      { kind: "unknown", chain: "forged", seq: 7 },
      { kind: "unknown", chain, seq: last.seq + 1 },
      { kind: "unknown", chain: expect.stringMatching(/^\?\?\?+x+$/), seq: last.seq },
      { kind: "unknown", chain: "huge", seq: Number.MAX_SAFE_INTEGER },
    ]),
  });
});

test("of a ledger that is lost, the records behind its head are named; of one that did not answer they are not", async () => {
  for (const [fault, findings] of [
    ["lost", [{ kind: "unknown" }, { kind: "lost" }]],
    ["unreachable", [{ kind: "unreachable" }]],
  ] as const) {
    await emptyLog();
    const log = await makeLog({ records: 60, chains: 3, every: 30 });
    await store(log);
    const [chain, records] = [...log.chains][1] ?? ["", []];
    const last = records.at(-1) as AuditRecord;
    const more = await chained({ ...last, id: "more", seq: last.seq + 1 }, last.hash);
    await insertRecords(DB, [JSON.stringify(more)]);
    await checkpoint(log, START + 300 * STEP, { faults: [{ chain, fault }] });
    const newest = log.checkpoints.at(-1);
    await DB.prepare("INSERT INTO checkpoints (tenant, number, time, jws, heads) VALUES (?, ?, 1, ?, ?)")
      .bind(TENANT, log.checkpoints.length, newest?.jws ?? "", JSON.stringify(newest?.heads))
      .run();
    expect(await judge(log)).toMatchObject({ counts: { records: 60 }, findings });
  }
});

describe("retention while an export is on its way", () => {
  /** A log of which an export has begun when records and heads are deleted, as a later checkpoint says. */
  async function overtaken() {
    const log = await makeLog({ records: 60, chains: 3, every: 20 });
    const all = [...log.chains.values()].flat();
    const [first = "", , last = ""] = [...log.chains.keys()].sort();
    const aside = log.chains.get(first)?.[1] as AuditRecord;
    await store(
      log,
      all.filter((record) => record !== aside),
    );
    await setAside(aside);
    const stored = logOf(DB, TENANT);
    const plan = (await exported(log)).plan;
    await checkpoint(log, START + 300 * STEP, { starts: new Map([[first, 5]]), retained: 3 });
    const newest = log.checkpoints.at(-1);
    await DB.prepare("INSERT INTO checkpoints (tenant, number, time, jws, heads) VALUES (?, 5, 1, ?, ?)")
      .bind(TENANT, newest?.jws ?? "", JSON.stringify(newest?.heads))
      .run();
    const lines = () => drained(exportLines(plan, d1Source(stored, plan), log.keys, null));
    const canGoOn = (after: After) => goesOn(stored, plan, after);
    return { log, plan, lines, canGoOn, first, last };
  }
  const run = (statement: string, ...values: string[]) =>
    DB.prepare(statement)
      .bind(...values)
      .run();

  test("is not taken for somebody's deed: the answer breaks off, wherever it is", async () => {
    const { log, lines, first } = await overtaken();
    await lines();
    for (const [statement, ...values] of [
      ["DELETE FROM audit_set_aside WHERE seq < 5"],
      ["DELETE FROM audit_records WHERE chain = ? AND seq < 5", first],
      ["UPDATE checkpoints SET heads = NULL WHERE number < 3"],
    ] as [string, ...string[]][]) {
      await run(statement, ...values);
      await expect(lines()).rejects.toThrow("retention has deleted");
    }
    expect(await judge({ ...log, checkpoints: log.checkpoints.slice(0, 5) })).toMatchObject({
      counts: { expired: 4 },
    });
  });

  test("nor is somebody's deed taken for it", async () => {
    const { log, lines, last } = await overtaken();
    await run("DELETE FROM audit_records WHERE chain = ? AND seq = 2", last);
    await lines();
    await run("UPDATE checkpoints SET heads = NULL WHERE number = 4");
    await lines();
    expect(await judge({ ...log, checkpoints: log.checkpoints.slice(0, 5) })).toContain("lacks its heads");
  });

  test("what is left can be gone on with, where nothing of it is gone", async () => {
    const { canGoOn, first, last } = await overtaken();
    const said = async (...places: After[]) => Promise.all(places.map(canGoOn));
    expect(await said({ chain: first, seq: 3 }, { chain: first, seq: 4 }, { chain: last, seq: 1 })).toEqual([
      false,
      true,
      true,
    ]);
    expect(await said(1, 2, 3, 4)).toEqual([false, false, false, false]);
  });
});

test("an export is gone on with behind its own lines alone", async () => {
  const log = await makeLog({ records: 900, chains: 3, every: 90 });
  await store(log);
  const [from, to] = [START + 400 * STEP, START + 500 * STEP];
  const { plan } = await exported(log, { from, to });
  const [span] = spansOf(plan);
  if (span === undefined) throw new Error("no span");
  const { chain } = span;
  const stored = logOf(DB, TENANT);
  for (const after of [3, 7, 11, { chain, seq: span.from }, { chain, seq: span.to }])
    expect([after, await goesOn(stored, plan, after)]).toEqual([after, true]);
  for (const after of [0, 1, 2, 8, 10, 12, { chain, seq: span.from - 1 }, { chain, seq: span.to + 1 }])
    expect([after, await goesOn(stored, plan, after)]).toEqual([after, false]);
  expect(await goesOn(stored, plan, { chain: "other", seq: span.from })).toBe(false);
  // Where it began is forgotten: nobody can say any more what is in it.
  await DB.prepare("UPDATE checkpoints SET heads = NULL WHERE number <= 3").run();
  await expect(exported(log, { from, to })).rejects.toThrow("no plan");
});
