import { env } from "cloudflare:workers";
import { afterEach, expect, test, vi } from "vitest";
import { recordFault } from "../../src/audit/chain.ts";
import { insertRecords, setAside } from "../../src/audit/d1.ts";
import { type AuditRecord, digestRecord, GENESIS, linkHash } from "../../src/audit/record.ts";
import { type Row, recordOf } from "../../src/audit/rows.ts";
import { D1_DEADLINE_MS } from "../../src/limits.ts";
import { facts, unique } from "../ledger/helpers.ts";

const make = async (changes: Partial<AuditRecord> = {}): Promise<AuditRecord> => {
  const decision = unique("decision");
  const record = {
    ...facts(),
    v: 3,
    id: decision,
    kind: "decision",
    decision,
    chain: unique("chain"),
    seq: 1,
    time: 2_000_000_000_000,
    verdict: "denied",
    reason: "policy.agent_suspended",
    status: 403,
    run: "run",
    output_hash: "output",
    delivered_hash: null,
    latency_ms: 0,
    count: null,
    evidence: null,
    execution: null,
    prev_hash: GENESIS,
    ...changes,
  } as const;
  const digest = await digestRecord(record);
  return { ...record, digest, hash: await linkHash(record.prev_hash, digest) };
};

const insert = (...records: AuditRecord[]) =>
  insertRecords(
    env.AUDIT,
    records.map((record) => JSON.stringify(record)),
  );

const rows = async (chain: string): Promise<Row[]> =>
  (await env.AUDIT.prepare("SELECT * FROM audit_records WHERE chain = ? ORDER BY seq").bind(chain).all<Row>())
    .results;

afterEach(() => env.AUDIT.exec("DROP TRIGGER IF EXISTS fault"));

test.each<[string, Partial<AuditRecord>]>([
  ["as it is", {}],
  [
    "of an outcome",
    { kind: "outcome", verdict: null, reason: "origin.timeout", status: 504, latency_ms: 60_000 },
  ],
  ["of a summary", { kind: "summary", count: 7, checks: [], method: null, tool: null, action: null }],
  ["with quotes and backslashes", { method: `it's "a" \\ \\u0041 $.id`, checks: [`"`, `\\`, `'`, "[1]"] }],
  ["with control characters", { method: "a\u0000b\n\t\u0001\u007f" }],
  ["beyond ASCII", { method: "é 😀 \u2028 \ufffd \ufeff", checks: ["ü"] }],
  [
    "with texts that look like JSON",
    { method: "null", tool: "[1,2]", action: '{"a":1}', run: "12", mandate: "true" },
  ],
  ["with empty texts", { method: "", tool: "", checks: [""] }],
  ["with large numbers", { time: Number.MAX_SAFE_INTEGER, latency_ms: 2 ** 40 }],
])("a row holds the record whole, %s", async (_, changes) => {
  const record = await make(changes);
  expect(await insert(record)).toEqual([]);
  const [row] = await rows(record.chain);
  expect(row && recordOf(row)).toEqual(record);
  if (row === undefined) return;
  expect(await recordFault(recordOf(row), GENESIS)).toBe(null);
});

test("the same records again change nothing", async () => {
  const chain = unique("chain");
  const records = [await make({ chain }), await make({ chain, seq: 2 }), await make({ chain, seq: 3 })];
  expect(await insert(...records.slice(0, 2))).toEqual([]);
  expect(await insert(...records)).toEqual([]);
  expect(await insert(...records)).toEqual([]);
  expect((await rows(chain)).map(recordOf)).toEqual(records);
});

test.each([
  ["the same place, another id", {}],
  ["the same id, another place", { seq: 2 }],
  ["the same id and place, another content", {}],
] as const)("a conflict is refused, never skipped: %s", async (name, changes) => {
  const chain = unique("chain");
  const first = await make({ chain });
  const id = name.includes("same id") ? first.id : "another";
  const second = await make({ chain, tool: "other", ...changes, id });
  expect(await insert(first)).toEqual([]);
  const refused = await insert(second);
  expect(refused.map(({ record }) => JSON.parse(record))).toEqual([second]);
  expect((await rows(chain)).map(recordOf)).toEqual([first]);
});

test.each<[string, object]>([
  ["an unknown kind", { kind: "rumour" }],
  ["an unknown verdict", { verdict: "perhaps" }],
  ["a number that is a text", { seq: "one" }],
  ["a number with a fraction", { latency_ms: 0.5 }],
  ["no chain", { chain: null }],
  ["no checks", { checks: undefined }],
])("a record with %s is refused alone", async (_, fault) => {
  const chain = unique("chain");
  const good = [await make({ chain }), await make({ chain, seq: 3 }), await make({ chain, seq: 4 })];
  const bad = JSON.stringify({ ...(await make({ chain, seq: 2 })), ...fault });
  const texts = good.map((record) => JSON.stringify(record));
  const refused = await insertRecords(env.AUDIT, [texts[0] ?? "", bad, ...texts.slice(1)]);
  expect(refused.map(({ record }) => record)).toEqual([bad]);
  expect((await rows(chain)).map(recordOf)).toEqual(good);
});

test("every record may be refused", async () => {
  const chain = unique("chain");
  await env.AUDIT.exec(
    "CREATE TRIGGER fault BEFORE INSERT ON audit_records BEGIN SELECT RAISE(ABORT, 'no more'); END",
  );
  const records = await Promise.all([1, 2, 3, 4, 5].map((seq) => make({ chain, seq })));
  expect((await insert(...records)).map(({ record }) => JSON.parse(record).seq)).toEqual([1, 2, 3, 4, 5]);
});

test.each([
  ["has no table", "D1_ERROR: no such table: audit_records: SQLITE_ERROR"],
  ["lost the connection", "D1_ERROR: Network connection lost."],
  ["is overloaded", "D1_ERROR: D1 DB is overloaded. Requests queued for too long."],
  ["was reset", "D1_ERROR: D1 DB reset because its code was updated."],
  ["is full", "D1_ERROR: Exceeded maximum DB size"],
  ["is busy", "D1_ERROR: database is locked: SQLITE_BUSY"],
])("a database that %s is not one that refuses a record", async (_, message) => {
  let runs = 0;
  const run = () => {
    runs += 1;
    return Promise.reject(new Error(message));
  };
  const db = { prepare: () => ({ bind: () => ({ run }) }) } as unknown as D1Database;
  await expect(insertRecords(db, ["{}", "{}"])).rejects.toThrow(message);
  expect(runs).toBe(1);
});

test("a database that does not answer is one that cannot be reached", async () => {
  vi.useFakeTimers();
  const db = { prepare: () => ({ bind: () => ({ run: () => new Promise(() => {}) }) }) };
  const inserted = expect(insertRecords(db as unknown as D1Database, ["{}"])).rejects.toThrow("deadline");
  await vi.advanceTimersByTimeAsync(D1_DEADLINE_MS);
  vi.useRealTimers();
  await inserted;
});

test("what is set aside is there once, as it was, whatever it is", async () => {
  const chain = unique("chain");
  const record = await make({ chain, method: `it's "a" \\ \u0000`, tool: "é 😀" });
  const refused = [{ record: JSON.stringify(record), error: 'Error: "no"' }];
  for (let i = 0; i < 2; i += 1) expect(await setAside(env.AUDIT, refused)).toEqual([]);
  const query = env.AUDIT.prepare("SELECT * FROM audit_set_aside WHERE chain = ?").bind(chain);
  expect((await query.all()).results).toEqual([
    { hash: record.hash, tenant: record.tenant, chain, seq: 1, ...refused[0] },
  ]);
});

test("two records at one place are both set aside, and one that is none alone is refused", async () => {
  const chain = unique("chain");
  const records = [await make({ chain }), await make({ chain, tool: "other" })];
  const texts = [...records.map((record) => JSON.stringify(record)), JSON.stringify({ chain })];
  const refused = texts.map((record) => ({ record, error: "no" }));
  expect(await setAside(env.AUDIT, refused)).toEqual(refused.slice(2));
  const query = env.AUDIT.prepare("SELECT hash FROM audit_set_aside WHERE chain = ?").bind(chain);
  const hashes = (await query.all<{ hash: string }>()).results.map(({ hash }) => hash);
  expect(hashes.sort()).toEqual(records.map(({ hash }) => hash).sort());
});

test("a batch too large for one statement is halved until it fits", async () => {
  const batches: number[] = [];
  const bind = (texts: string) => ({
    run: async () => {
      const count = (JSON.parse(texts) as unknown[]).length;
      if (count > 3) throw new Error("D1_ERROR: string or blob too big: SQLITE_TOOBIG");
      batches.push(count);
    },
  });
  const db = { prepare: () => ({ bind }) } as unknown as D1Database;
  expect(await insertRecords(db, Array(10).fill("{}"))).toEqual([]);
  expect(batches.reduce((sum, count) => sum + count, 0)).toBe(10);
});
