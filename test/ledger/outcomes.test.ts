import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { expect, test, vi } from "vitest";
import { report as reportThrough } from "../../src/ledger/client.ts";
import { Journal } from "../../src/ledger/journal.ts";
import { Meta } from "../../src/ledger/meta.ts";
import { OpenCalls } from "../../src/ledger/open-calls.ts";
import type { Attempt, Outcome } from "../../src/ledger/protocol.ts";
import {
  DRAIN_DELAY_MS,
  DRAIN_RETRY_MS,
  JOURNAL_WINDOW,
  MAX_CLOSED_AT_ONCE,
  MAX_OPEN_CALLS,
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
  unique,
  useClock,
  walk,
} from "./helpers.ts";

/** Every admitted call has one outcome, whatever is lost, repeated or late. */

useClock();

/** A call that may take a minute, unless another time is given (seconds). */
const call = (by = T + 60, changes: Partial<Attempt> = {}): Attempt =>
  attempt({ claims: [claim()], outcomeBy: by * 1000, ...changes });

/** The outcomes of a call, in the journal and in D1, as status or reason. */
const outcomes = async (ledger: Home, { decision }: Attempt) => {
  const all = [...(await ledger.journal()), ...(await ledger.logged())];
  const mine = all.filter((record) => record.kind === "outcome" && record.decision === decision);
  return [...new Map(mine.map((record) => [record.hash, record.reason ?? record.status])).values()];
};

const report = async (ledger: Home, asked: Attempt, changes: Partial<Outcome> = {}) =>
  ledger.stub.outcome({ ...outcomeOf(asked), ...changes });

const open = async (ledger: Home) => (await ledger.stub.status()).open;

/** When the alarm comes, seconds; null where none is set. */
const alarmAt = (ledger: Home) =>
  runInDurableObject(ledger.stub, async (_, { storage }) => {
    const at = await storage.getAlarm();
    return at === null ? null : at / 1000;
  });

/** As when the process is killed: what is in memory alone is gone, and nothing is told before. */
const kill = (ledger: Home) =>
  runInDurableObject(ledger.stub, (_, state) => state.abort("killed")).catch(() => {});

const evict = (ledger: Home) => evictDurableObject(ledger.stub);

const STOPS = [
  ["at once", async () => {}],
  ["after an eviction", evict],
  ["after a kill", kill],
] as const;

// -- an outcome that comes ------------------------------------------------------------------------------

test.each(STOPS)("the outcome of a call is written, %s", async (_, stop) => {
  const ledger = newLedger();
  const asked = call();
  await ledger.decide(asked);
  await stop(ledger);
  expect(await open(ledger)).toBe(1);
  await report(ledger, asked);
  await ledger.alarm();
  expect(await outcomes(ledger, asked)).toEqual([200]);
  expect(await open(ledger)).toBe(0);
});

test.each(STOPS)("so it is through a stub that was used before, %s", async (_, stop) => {
  vi.spyOn(console, "error").mockImplementation(() => {});
  const ledger = newLedger();
  const asked = call();
  await ledger.decide(asked);
  const { stub } = ledger;
  await stub.status();
  await stop(ledger);
  await reportThrough(env, ledger.name, outcomeOf(asked), () => stub);
  await ledger.alarm();
  expect(await outcomes(ledger, asked)).toEqual([200]);
});

test("a report that is repeated is written once: before it is committed, after, and after an eviction", async () => {
  const ledger = newLedger();
  const asked = call();
  await ledger.decide(asked);
  for (let i = 0; i < 3; i += 1) await report(ledger, asked, { status: 200 + i });
  await ledger.decide(call());
  await report(ledger, asked);
  await ledger.alarm();
  await evict(ledger);
  await report(ledger, asked);
  await ledger.alarm();
  setClock(T + 3600);
  await report(ledger, asked);
  await ledger.alarm();
  expect(await outcomes(ledger, asked)).toEqual([200]);
  expect(await chainFault(await ledger.journal())).toBeNull();
});

test("the outcome of a call that was not admitted here is dropped", async () => {
  const ledger = newLedger();
  const denied = call(T + 60, { denial: "capability.missing" });
  await ledger.decide(denied);
  for (const asked of [denied, call()]) await report(ledger, asked);
  setClock(T + 3600);
  await ledger.alarm();
  expect((await ledger.logged()).map(({ kind }) => kind)).toEqual(["decision"]);
});

// -- one that never comes -------------------------------------------------------------------------------

test.each([...STOPS.slice(1)])(
  "a report that was not written, lost %s, ends as unknown, once",
  async (_, stop) => {
    const ledger = newLedger();
    const asked = walk(mandate(), {}, { facts: facts({ kept: { "/q": "wax" } }) });
    await ledger.decide(asked);
    await report(ledger, asked);
    await stop(ledger);
    setClock(T + 59);
    await ledger.alarm();
    expect(await outcomes(ledger, asked)).toEqual([]);
    expect(await alarmAt(ledger)).toBe(T + 60);

    setClock(T + 60);
    expect(await ledger.alarm()).toBe(true);
    expect(await outcomes(ledger, asked)).toEqual(["outcome.unknown"]);
    const [decision, outcome] = await ledger.logged();
    expect(outcome).toEqual({
      ...decision,
      id: `${asked.decision}.outcome`,
      kind: "outcome",
      seq: 2,
      time: (T + 60) * 1000,
      verdict: null,
      reason: "outcome.unknown",
      evidence: null,
      kept: null,
      digest: outcome?.digest,
      prev_hash: decision?.hash,
      hash: outcome?.hash,
    });

    // What comes late changes nothing.
    await report(ledger, asked);
    await ledger.alarm();
    await evict(ledger);
    await report(ledger, asked);
    await ledger.alarm();
    expect(await outcomes(ledger, asked)).toEqual(["outcome.unknown"]);
    expect(await chainFault(await ledger.journal())).toBeNull();
  },
);

test("an outcome that waits to be written when its time is over counts", async () => {
  const ledger = newLedger();
  const asked = call();
  await ledger.decide(asked);
  await report(ledger, asked);
  setClock(T + 60);
  await ledger.alarm();
  expect(await outcomes(ledger, asked)).toEqual([200]);
});

test("with D1 down a call is closed all the same", async () => {
  const ledger = newLedger();
  const asked = call();
  await ledger.decide(asked);
  await env.AUDIT.exec("ALTER TABLE audit_records RENAME TO away");
  setClock(T + 60);
  await ledger.alarm();
  await env.AUDIT.exec("ALTER TABLE away RENAME TO audit_records");
  expect((await ledger.journal()).map(({ reason }) => reason)).toEqual([null, "outcome.unknown"]);
});

test("where the close cannot be written it is tried again", async () => {
  const ledger = newLedger();
  const asked = call();
  await ledger.decide(asked);
  setClock(T + 60);
  await ledger.sql(
    "CREATE TRIGGER broken BEFORE INSERT ON journal_0 BEGIN SELECT RAISE(ABORT, 'broken'); END",
  );
  await ledger.alarm();
  await ledger.sql("DROP TRIGGER broken");
  expect(await alarmAt(ledger)).toBe(T + 60 + DRAIN_RETRY_MS / 1000);
  expect(await ledger.alarm()).toBe(true);
  expect(await outcomes(ledger, asked)).toEqual(["outcome.unknown"]);
});

test("each call is closed at its own time, and the alarm comes for the next", async () => {
  const ledger = newLedger();
  const calls = [T + 300, T + 100, T + 200].map((by) => call(by, { claims: [] }));
  await ledger.reasons(...calls);
  const closed: (readonly [number | null, number])[] = [];
  for (let i = 0; i < 4; i += 1) {
    await ledger.alarm();
    const at = await alarmAt(ledger);
    closed.push([at && at - T, await open(ledger)]);
    if (at !== null) setClock(at);
    if (i === 1) await evict(ledger);
  }
  expect(closed).toEqual([
    [100, 3],
    [200, 2],
    [300, 1],
    [null, 0],
  ]);
});

test("an alarm that was lost is set again when the ledger is asked anything", async () => {
  const ledger = newLedger();
  await ledger.decide(call());
  await ledger.alarm();
  await runInDurableObject(ledger.stub, (_, { storage }) => storage.deleteAlarm());
  await evict(ledger);
  expect(await alarmAt(ledger)).toBeNull();
  await ledger.stub.head(null);
  expect(await alarmAt(ledger)).toBe(T + 60);
});

test("calls that end together are closed in turns, and all of them", async () => {
  const ledger = newLedger();
  const calls = Array.from({ length: MAX_CLOSED_AT_ONCE + 7 }, () => call());
  await Promise.all(calls.map((asked) => ledger.decide(asked)));
  setClock(T + 60);
  await ledger.alarm();
  expect(await open(ledger)).toBe(7);
  expect(await alarmAt(ledger)).toBe(T + 60 + DRAIN_DELAY_MS / 1000);
  await ledger.alarm();
  expect(await open(ledger)).toBe(0);
  expect((await ledger.logged()).filter(({ reason }) => reason === "outcome.unknown")).toHaveLength(
    MAX_CLOSED_AT_ONCE + 7,
  );
});

test("a clock set forward and back closes nothing before its time", async () => {
  const ledger = newLedger();
  setClock(T + 600);
  await ledger.decide(call(T + 660));
  setClock(T);
  const asked = call(T + 60, { claims: [] });
  await ledger.decide(asked);
  await ledger.alarm();
  await report(ledger, asked);
  await ledger.alarm();
  expect(await outcomes(ledger, asked)).toEqual([200]);
});

// -- long calls -----------------------------------------------------------------------------------------

test.each(STOPS)(
  "a call that is open when its part of the journal is dropped has an outcome, %s",
  async (_, stop) => {
    const ledger = newLedger();
    const [answered, silent] = [call(T + 3600), call(T + 3600)];
    const quick = Array.from({ length: JOURNAL_WINDOW - 2 }, () => call());
    await ledger.reasons(answered, silent);
    await Promise.all(quick.map((asked) => ledger.decide(asked)));
    await Promise.all(quick.map((asked) => report(ledger, asked)));
    await ledger.stub.settle();
    await many(ledger, 10);
    await ledger.stub.settle();
    expect(await ledger.rows()).toMatchObject({ journal_1: JOURNAL_WINDOW, open_calls: 2 });
    expect(await open(ledger)).toBe(12);
    await stop(ledger);
    for (let i = 0; i < 2; i += 1) await report(ledger, answered);
    await ledger.alarm();
    expect((await ledger.rows()).open_calls).toBe(1);
    await stop(ledger);
    await report(ledger, answered);
    setClock(T + 3600);
    await ledger.alarm();

    expect(await outcomes(ledger, answered)).toEqual([200]);
    expect(await outcomes(ledger, silent)).toEqual(["outcome.unknown"]);
    expect(await ledger.rows()).toMatchObject({ open_calls: 0 });
    expect(await open(ledger)).toBe(0);
    const [decision, outcome] = (await ledger.logged()).filter((row) => row.decision === silent.decision);
    for (const member of ["input_hash", "tool", "principal", "mandate"] as const)
      expect(outcome?.[member]).toBe(decision?.[member]);
  },
);

test("a ledger has so many open calls, and admits again when some have ended", async () => {
  const ledger = newLedger();
  const [first, second] = [call(), call()];
  await ledger.reasons(first, second);
  await ledger.sql(
    `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
      INSERT INTO open_calls SELECT -i, ?, json_object('decision', 'open ' || i) FROM n`,
    MAX_OPEN_CALLS - 2,
    (T + 3600) * 1000,
  );
  await evict(ledger);
  expect(await ledger.reasons(call())).toEqual(["ledger.overloaded"]);
  expect(await ledger.reasons(call(T, { denial: "capability.missing" }))).toEqual(["capability.missing"]);
  expect((await ledger.decide(first, true)).verdict).toBe("admitted");
  expect(await ledger.journal()).toHaveLength(3);
  await report(ledger, first);
  await ledger.stub.settle();
  expect(await ledger.reasons(call(), call())).toEqual([null, "ledger.overloaded"]);
});

// -- what it costs --------------------------------------------------------------------------------------

test("a call that ends soon costs its two records", async () => {
  const ledger = newLedger();
  for (let i = 0; i < 4; i += 1) {
    const calls = Array.from({ length: JOURNAL_WINDOW / 4 + 10 }, () => call());
    await Promise.all(calls.map((asked) => ledger.decide(asked)));
    await Promise.all(calls.map((asked) => report(ledger, asked)));
    await ledger.stub.settle();
  }
  // One that ends later than 400 others would have cost another.
  expect(await ledger.rows()).toMatchObject({ journal_1: JOURNAL_WINDOW, journal_2: 80, open_calls: 0 });
  expect((await ledger.rows()).journal_0).toBeUndefined();
});

test("to find the open calls again reads each record once, in small and in large", async () => {
  const read = async (records: number) => {
    const ledger = newLedger();
    const [stays, ends] = [call(T + 3600), call()];
    await ledger.reasons(stays, ends);
    await report(ledger, ends);
    await ledger.decide(call(T + 10, { claims: [], decision: unique("last") }));
    // A journal of so many calls, each with its outcome, as it is when D1 was away for long.
    return runInDurableObject(ledger.stub, (_, { storage }) => {
      const sql = storage.sql;
      for (let table = 1; table <= records / JOURNAL_WINDOW; table += 1) {
        const first = table * JOURNAL_WINDOW + 1;
        sql.exec(`CREATE TABLE journal_${table} (seq INTEGER PRIMARY KEY, run_size INTEGER, outcome_by INTEGER,
          closes INTEGER, record TEXT NOT NULL) STRICT`);
        sql.exec(`WITH RECURSIVE n(i) AS (
          SELECT ${first} UNION ALL SELECT i + 1 FROM n WHERE i < ${first + JOURNAL_WINDOW - 1})
          INSERT INTO journal_${table} SELECT i, NULL, IIF(i % 2, 1, NULL), IIF(i % 2, NULL, i - 1),
            (SELECT record FROM journal_0 WHERE seq = 1) FROM n`);
      }
      const cursors: { rowsRead: number }[] = [];
      const exec: SqlStorage["exec"] = (query, ...bindings) => {
        const cursor = sql.exec(query, ...bindings);
        cursors.push(cursor);
        return cursor as never;
      };
      const journal = new Journal(sql, new Meta(sql), "chain");
      const counting = { exec } as SqlStorage;
      const found = new OpenCalls(counting, new Journal(counting, new Meta(sql), "chain"));
      expect([found.size, journal.openCalls().map(({ decision }) => decision)]).toEqual([
        2,
        [stays.decision, expect.stringContaining("last")],
      ]);
      return cursors.reduce((sum, { rowsRead }) => sum + rowsRead, 0);
    });
  };
  const [small, large] = [await read(2_000), await read(40_000)];
  expect(small).toBeLessThan(2 * 2_000);
  expect(large).toBeLessThan(2 * 40_000);
});
