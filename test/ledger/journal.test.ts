import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { expect, test, vi } from "vitest";
import { GENESIS } from "../../src/audit/record.ts";
import { Journal } from "../../src/ledger/journal.ts";
import { Meta } from "../../src/ledger/meta.ts";
import { ledgerName } from "../../src/ledger/names.ts";
import {
  JOURNAL_WINDOW,
  LEDGER_DEADLINE_MS,
  MAX_TOOL_NAME_LENGTH,
  REVOCATIONS_RETRY_MS,
} from "../../src/limits.ts";
import {
  attempt,
  chainFault,
  claim,
  facts,
  type Home,
  mandate,
  many,
  newLedger,
  outcomeOf,
  setClock,
  T,
  useClock,
  walk,
} from "./helpers.ts";

useClock();

// -- the chain ------------------------------------------------------------------------------------------

test("decisions and outcomes are one chain without gaps, across evictions and drains", async () => {
  const ledger = newLedger();
  const root = mandate();
  for (let round = 0; round < 2; round += 1) {
    const calls = [walk(root), walk(root, { pred: ["unknown"] }), attempt({ denial: "capability.missing" })];
    await ledger.reasons(...calls);
    for (const call of calls.slice(0, 1)) await ledger.stub.outcome(outcomeOf(call));
    if (round % 2 === 0) await ledger.alarm();
    else await ledger.decide(walk(root));
    await evictDurableObject(ledger.stub);
  }
  const records = await ledger.journal();
  expect(records[0]).toMatchObject({ seq: 1, prev_hash: GENESIS, kind: "decision" });
  expect(records.map(({ kind }) => kind).sort()).toEqual([
    ...Array(7).fill("decision"),
    ...Array(2).fill("outcome"),
  ]);
  expect(await chainFault(records)).toBeNull();
  await ledger.alarm();
  expect((await ledger.logged()).map(({ hash }) => hash)).toEqual(records.map(({ hash }) => hash));
});

test("the chain goes on over many tables, with calls that come at once", async () => {
  const ledger = newLedger();
  await many(ledger, JOURNAL_WINDOW - 3);
  await many(ledger, 7);
  await evictDurableObject(ledger.stub);
  await many(ledger, 5);
  const records = await ledger.journal();
  expect(records).toHaveLength(JOURNAL_WINDOW + 9);
  expect(await chainFault(records)).toBeNull();
});

test("a full table that is drained still carries the head", async () => {
  const ledger = newLedger();
  await many(ledger, JOURNAL_WINDOW);
  await ledger.alarm();
  await evictDurableObject(ledger.stub);
  await many(ledger, 1);
  await ledger.alarm();
  expect(await ledger.rows()).toMatchObject({ journal_0: JOURNAL_WINDOW, journal_1: 1 });
  const rows = await ledger.logged();
  expect(rows.at(-1)?.seq).toBe(JOURNAL_WINDOW + 1);
  expect(rows.at(-1)?.prev_hash).toBe(rows.at(-2)?.hash);
});

test("a table is dropped with its last record, not before, and what is drained stays drained", async () => {
  const ledger = newLedger();
  await many(ledger, 2 * JOURNAL_WINDOW + 2);
  await runInDurableObject(ledger.stub, (_, { storage: { sql } }) => {
    const journal = new Journal(sql, new Meta(sql), "chain");
    const first = () =>
      sql.exec("SELECT 1 FROM sqlite_master WHERE name = 'journal_0'").toArray().length === 1;
    const dropped: number[] = [];
    const drained = (seq: number) => journal.drained(seq, (upTo) => void dropped.push(upTo));
    drained(JOURNAL_WINDOW - 1);
    expect([first(), journal.next(journal.seq).map(({ seq }) => seq)]).toEqual([true, [JOURNAL_WINDOW]]);
    drained(JOURNAL_WINDOW);
    expect([first(), journal.backlog]).toEqual([false, JOURNAL_WINDOW + 2]);
    // A second drain that was slower must not lead back to a table that is gone.
    drained(JOURNAL_WINDOW - 1);
    expect([journal.backlog, journal.next(JOURNAL_WINDOW + 9).length]).toEqual([JOURNAL_WINDOW + 2, 9]);
    // The newest table and the one before it stay.
    drained(2 * JOURNAL_WINDOW + 2);
    expect([journal.backlog, dropped]).toEqual([0, [JOURNAL_WINDOW]]);
  });
});

test("an outcome follows its decision and names it", async () => {
  const ledger = newLedger();
  const asked = walk();
  await ledger.decide(asked);
  await ledger.stub.outcome(outcomeOf(asked));
  await ledger.alarm();
  const [decision, outcome] = await ledger.journal();
  expect(decision).toMatchObject({ id: asked.decision, kind: "decision", verdict: "admitted", count: null });
  expect(outcome).toMatchObject({
    id: `${asked.decision}.outcome`,
    kind: "outcome",
    decision: asked.decision,
    verdict: null,
    run: decision?.run,
    status: 200,
    output_hash: "output",
    latency_ms: 12,
  });
});

test("an outcome is written within a second although nothing else comes", async () => {
  const ledger = newLedger();
  const asked = walk();
  await ledger.decide(asked);
  await ledger.stub.outcome(outcomeOf(asked));
  await expect.poll(() => ledger.journal(), { timeout: 3_000 }).toHaveLength(2);
});

test.each([
  ["an admission", walk()],
  ["a denial by the gate", walk(mandate(), {}, { denial: "capability.missing" })],
  ["a denial by the ledger", walk(mandate(), { pred: ["unknown"] })],
])("a ruling says where it stands in the journal: %s", async (_, asked) => {
  const ledger = newLedger();
  await many(ledger, 2);
  const { place } = await ledger.rule(asked);
  const record = (await ledger.journal()).at(-1);
  expect(record?.decision).toBe(asked.decision);
  const { chain, seq, time, hash } = record ?? {};
  expect(place).toEqual({ chain, seq, time, hash });
});

// -- a commit that fails --------------------------------------------------------------------------------

/** Makes the journal refuse records while `work` runs. */
async function withBrokenJournal(ledger: Home, work: () => Promise<void>): Promise<void> {
  await ledger.sql(
    "CREATE TRIGGER broken BEFORE INSERT ON journal_0 BEGIN SELECT RAISE(ABORT, 'broken'); END",
  );
  await work();
  await ledger.sql("DROP TRIGGER broken");
}

test("a commit that fails leaves nothing behind, in storage or in memory", async () => {
  const ledger = newLedger();
  const [known, fresh] = [mandate(), mandate()];
  await ledger.decide(walk(known));
  const rows = await ledger.rows();
  const failing = [
    walk(known, { jti: "lost" }),
    walk(fresh, { jti: "lost too" }),
    // The first of their windows: the tables are made and rolled back.
    walk(known, { jti: "lost earlier", iat: T - 20_000, pred: [], lastAcceptable: T + 60 }),
    attempt({ claims: [claim({ key: "lost", issuedAt: T - 700, lastAcceptable: T + 60 })] }),
  ];
  await withBrokenJournal(ledger, async () => {
    for (const call of failing) await expect(ledger.decide(call)).rejects.toThrow("broken");
    expect(await ledger.rows()).toEqual(rows);
  });
  // The same calls again: none of them is taken for a replay, no run or table is thought to be there.
  expect(await ledger.reasons(...failing)).toEqual([null, null, null, null]);
  expect(await ledger.reasons(walk(fresh, { pred: ["lost too"] }))).toEqual([null]);
  expect(await chainFault(await ledger.journal())).toBeNull();
  expect(await ledger.sql("SELECT COUNT(DISTINCT id) AS ids, COUNT(*) AS runs FROM runs")).toEqual([
    { ids: 2, runs: 2 },
  ]);
});

test("outcomes wait for a commit that succeeds, and are not lost with one that fails", async () => {
  const ledger = newLedger();
  const asked = walk();
  await ledger.decide(asked);
  await withBrokenJournal(ledger, async () => {
    await ledger.stub.outcome(outcomeOf(asked));
    await expect(ledger.decide(walk())).rejects.toThrow("broken");
    await ledger.alarm();
  });
  await ledger.alarm();
  expect((await ledger.journal()).map(({ kind }) => kind)).toEqual(["decision", "outcome"]);
});

test("an attempt that cannot be hashed harms no other", async () => {
  const ledger = newLedger();
  const bad = attempt({ facts: facts({ tool: "lone \ud800" }) });
  const [before, failed, after] = await Promise.allSettled([
    ledger.decide(walk()),
    ledger.decide(bad),
    ledger.decide(walk()),
  ]);
  expect([before.status, failed.status, after.status]).toEqual(["fulfilled", "rejected", "fulfilled"]);
  expect(await chainFault(await ledger.journal())).toBeNull();
});

test("an outcome that waits is not lost with an attempt that cannot be hashed", async () => {
  const ledger = newLedger();
  const asked = walk();
  await ledger.decide(asked);
  await ledger.stub.outcome(outcomeOf(asked));
  await expect(ledger.decide(attempt({ facts: facts({ tool: "lone \ud800" }) }))).rejects.toThrow(
    "surrogate",
  );
  await ledger.alarm();
  expect((await ledger.journal()).map(({ kind }) => kind)).toEqual(["decision", "outcome"]);
});

test("an outcome that cannot be hashed is refused, and harms no other", async () => {
  const ledger = newLedger();
  const [asked, other] = [walk(), walk()];
  await ledger.reasons(asked, other);
  const bad = { ...outcomeOf(asked), facts: facts({ tool: "lone \ud800" }) };
  const report = async () => await ledger.stub.outcome(bad);
  await expect(report()).rejects.toThrow("surrogate");
  await ledger.stub.outcome(outcomeOf(other));
  expect(await ledger.reasons(walk())).toEqual([null]);
  expect((await ledger.journal()).map(({ kind, decision }) => [kind, decision === other.decision])).toEqual([
    ["decision", false],
    ["decision", true],
    ["outcome", true],
    ["decision", false],
  ]);
});

test("the method, which a stranger chooses, is bounded", async () => {
  const ledger = newLedger();
  const long = facts({ method: `${"a".repeat(MAX_TOOL_NAME_LENGTH - 1)}😀${"b".repeat(1_000_000)}` });
  await ledger.reasons(attempt({ facts: long, denial: "bearer.missing" }));
  const [record] = await ledger.journal();
  expect(record?.method).toBe(`${"a".repeat(MAX_TOOL_NAME_LENGTH - 1)}\ufffd`);
  expect(await chainFault(await ledger.journal())).toBeNull();
});

// -- incarnations ---------------------------------------------------------------------------------------

const enrolled = async ({ tenant }: Home) => await env.DIRECTORY.getByName(tenant).ledgers();

test("a ledger is in the directory before its first record", async () => {
  const ledger = newLedger();
  const directory = env.DIRECTORY.getByName(ledger.tenant);
  const rename = (from: string, to: string) =>
    runInDurableObject(directory, (_, { storage }) => {
      storage.sql.exec(`ALTER TABLE ${from} RENAME TO ${to}`);
    });
  await rename("ledgers", "gone");
  vi.spyOn(console, "error").mockReturnValue();
  expect(await ledger.reasons(walk(), walk())).toEqual(["ledger.unavailable", "ledger.unavailable"]);
  expect(await ledger.journal()).toEqual([]);
  await evictDurableObject(ledger.stub);
  expect(await ledger.reasons(walk())).toEqual(["ledger.unavailable"]);
  await rename("gone", "ledgers");

  setClock(T + REVOCATIONS_RETRY_MS / 1000);
  expect(await ledger.reasons(walk())).toEqual([null]);
  expect(await enrolled(ledger)).toEqual([{ name: ledger.name, incarnation: await ledger.incarnation() }]);
});

test("an enrolment whose answer was lost is repeated under the same incarnation", async () => {
  const ledger = newLedger();
  await runInDurableObject(ledger.stub, async (instance) => {
    const object = instance as unknown as { env: Env };
    const enrol = async (name: string, incarnation: string) => {
      await env.DIRECTORY.getByName(ledger.tenant).enrol(name, incarnation);
      throw new Error("answer lost");
    };
    const real = object.env;
    vi.spyOn(console, "error").mockReturnValue();
    object.env = { ...real, DIRECTORY: { getByName: () => ({ enrol }) } } as unknown as Env;
    expect(await instance.decide(walk())).toMatchObject({ reason: "ledger.unavailable", place: null });
    object.env = real;
  });
  expect(await enrolled(ledger)).toHaveLength(1);
  await evictDurableObject(ledger.stub);
  await ledger.decide(walk());
  expect(await enrolled(ledger)).toEqual([{ name: ledger.name, incarnation: await ledger.incarnation() }]);
  expect(await chainFault(await ledger.journal())).toBeNull();
});

test("a ledger that lost its storage begins another chain, and both are known", async () => {
  const ledger = newLedger();
  await ledger.decide(walk());
  const [first] = await ledger.journal();
  await runInDurableObject(ledger.stub, (_, { storage }) => storage.deleteAll());
  await evictDurableObject(ledger.stub);
  expect(await ledger.reasons(walk())).toEqual(["replay.too_late"]);
  const [second] = await ledger.journal();
  expect(second).toMatchObject({ seq: 1, prev_hash: GENESIS });
  expect(second?.chain).not.toBe(first?.chain);
  expect((await enrolled(ledger)).map(({ incarnation }) => incarnation).sort()).toEqual(
    [first?.chain, second?.chain].sort(),
  );
});

test("lanes and tenants have chains of their own", async () => {
  const names = [
    ledgerName("lanes", "agent:a", 0),
    ledgerName("lanes", "agent:a", 1),
    ledgerName("lane", "agent:a", 0),
  ];
  for (const name of names) await env.LEDGER.getByName(name).decide(walk());
  const one = await env.DIRECTORY.getByName("lanes").ledgers();
  const other = await env.DIRECTORY.getByName("lane").ledgers();
  expect([...one, ...other].map(({ name }) => name).sort()).toEqual(names.sort());
  expect(new Set([...one, ...other].map(({ incarnation }) => incarnation)).size).toBe(3);
});

// -- overload -------------------------------------------------------------------------------------------

test("an attempt that waited until nobody listens is not admitted, nor is its step spent", async () => {
  const ledger = newLedger();
  const asked = walk();
  const rulings = await runInDurableObject(ledger.stub, async (instance) => {
    const waiting = instance.decide(asked);
    setClock(T + LEDGER_DEADLINE_MS / 1000 + 1);
    return [await waiting, await instance.decide(asked)];
  });
  expect(rulings).toMatchObject([
    { verdict: "denied", reason: "ledger.overloaded", place: null, stepRecorded: false },
    { verdict: "admitted", reason: null, place: expect.objectContaining({ seq: 1 }), stepRecorded: true },
  ]);
});
