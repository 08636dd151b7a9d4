import { runInDurableObject } from "cloudflare:test";
import { expect, test } from "vitest";
import { decisionItem } from "../../src/ledger/drafts.ts";
import { type Holdings, openHoldings, spend } from "../../src/ledger/holdings.ts";
import { Journal } from "../../src/ledger/journal.ts";
import { judge } from "../../src/ledger/judge.ts";
import { admit } from "../../src/ledger/judgement.ts";
import type { LimitUse } from "../../src/ledger/lease.ts";
import { Meta } from "../../src/ledger/meta.ts";
import { type Attempt, isQuestion, type MandateFacts, type Use } from "../../src/ledger/protocol.ts";
import { runKey } from "../../src/ledger/run-key.ts";
import type { ForeignParent } from "../../src/ledger/step.ts";
import { JOURNAL_WINDOW, MAX_PRED } from "../../src/limits.ts";
import {
  attempt,
  claim,
  type Home,
  ISSUER,
  mandate,
  newLedger,
  outcomeOf,
  record,
  T,
  useClock,
  walk,
} from "./helpers.ts";

useClock();

const total = async (ledger: Home) => Object.values(await ledger.rows()).reduce((sum, rows) => sum + rows, 0);

test.each([
  ["with ACT, ECT and signature", 0, 2],
  ["with an attestation", 1, 3],
])("an admission %s writes so many rows", async (_, attestations, expected) => {
  const ledger = newLedger();
  const root = mandate();
  const asked = () =>
    walk(root, {}, { claims: Array.from({ length: attestations }, () => claim({ kind: "attestation" })) });
  await ledger.decide(asked());
  for (let i = 0; i < 3; i += 1) {
    const before = await total(ledger);
    await ledger.decide(asked());
    expect((await total(ledger)) - before).toBe(expected);
  }
});

test("a replay writes its record and nothing else, an outcome one row", async () => {
  const ledger = newLedger();
  const asked = walk();
  await ledger.decide(asked);
  const { journal_0 = 0, ...others } = await ledger.rows();
  await ledger.stub.outcome(outcomeOf(asked));
  await ledger.decide({ ...asked, decision: "again" });
  expect(await ledger.rows()).toEqual({ ...others, journal_0: journal_0 + 2 });
});

// -- how it grows ---------------------------------------------------------------------------------------

/** Works on the tables of a ledger, and counts the rows that are read and written. */
async function counted(
  ledger: Home,
  work: (holdings: Holdings, journal: Journal) => void | Promise<void>,
): Promise<{ read: number; written: number }> {
  return runInDurableObject(ledger.stub, async (_, { storage }) => {
    const cursors: { rowsRead: number; rowsWritten: number }[] = [];
    const exec: SqlStorage["exec"] = (query, ...bindings) => {
      const cursor = storage.sql.exec(query, ...bindings);
      cursors.push(cursor);
      return cursor as never;
    };
    const sql = { exec } as SqlStorage;
    const journal = new Journal(sql, new Meta(sql), "chain");
    const holdings = openHoldings(sql, journal);
    cursors.length = 0;
    await work(holdings, journal);
    const sum = (of: (cursor: { rowsRead: number; rowsWritten: number }) => number) =>
      cursors.reduce((all, cursor) => all + of(cursor), 0);
    return { read: sum(({ rowsRead }) => rowsRead), written: sum(({ rowsWritten }) => rowsWritten) };
  });
}

/** A ledger with a run of so many steps, so many other runs and so many used nonces. */
async function grown(steps: number, runs: number, nonces: number) {
  const ledger = newLedger();
  const root = mandate();
  await ledger.decide(walk(root, { jti: "first" }, { claims: [claim()] }));
  const rows = (count: number, insert: string, ...bindings: (string | number)[]) =>
    ledger.sql(
      `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${count}) ${insert}`,
      ...bindings,
    );
  const [nodes, claims] = Object.keys(await ledger.rows())
    .filter((name) => /^(nodes|claims)_/.test(name))
    .sort()
    .reverse();
  await rows(steps, `INSERT INTO ${nodes} SELECT 'step ' || i, 1, ${T}, 2, 'x', NULL FROM n`);
  await rows(nonces, `INSERT INTO ${claims} SELECT 'nonce ' || i, 'x' FROM n`);
  await rows(runs, `INSERT INTO runs SELECT 'run ' || i, -i, ?, ?, 1 FROM n`, ISSUER, T + 3600);
  await rows(runs, `INSERT INTO mandates SELECT 'mandate ' || i, -i, 'x', ${T}, ?, NULL FROM n`, T + 3600);
  await rows(runs, `INSERT INTO limits SELECT 'limit ' || i, ?, 0, ?, 1, 0 FROM n`, ISSUER, T + 3600);
  await rows(runs, `INSERT INTO uses SELECT 'use ' || i, ?, ?, 1 FROM n`, ISSUER, T + 3600);
  return { ledger, root };
}

const use = (key = "used", max = 100): Use => ({ key, max, until: T + 3600 });

const limits = (count: number): LimitUse[] =>
  Array.from({ length: count }, (_, i) => ({
    key: `counted ${i}`,
    per: "principal",
    shared: false,
    issuer: null,
    amount: 1,
    max: 100,
    window: 60,
    from: 0,
    until: 0,
  }));

/** A parent of another agent, and one that nobody knows. */
const foreign = (count: number): ForeignParent[] =>
  Array.from({ length: count }, (_, i) => ({
    jti: `foreign ${i}`,
    earliestChild: T,
    level: 2,
    denied: false,
  }));

test.each<[string, number, (root: MandateFacts) => Attempt]>([
  ["with a step and a nonce", 2, (root) => walk(root, { pred: [root.jti, "first"] }, { claims: [claim()] })],
  ["with a use that was counted before", 2, (root) => walk(root, {}, { uses: [use()] })],
  ["with a use that is the first", 2, (root) => walk(root, {}, { uses: [use("unused")] })],
  ["with a limit", 2, (root) => walk(root, {}, { limits: limits(1) })],
  ["with three limits", 4, (root) => walk(root, {}, { limits: limits(3) })],
  [
    "with parents of other agents",
    1,
    (root) => walk(root, { pred: ["first", "foreign 7"], foreignParents: foreign(50) }),
  ],
  ["with a record", 2, (root) => walk(root, {}, { record: record(root, { pred: ["first"] }) })],
])("an admission %s reads and writes the same in small and in large", async (_, written, ask) => {
  const cost = async (size: number) => {
    const { ledger, root } = await grown(size, size, size);
    return counted(ledger, (holdings) => {
      const asked = ask(root);
      const judgement = judge(asked, { ...holdings, since: 0, now: T, newRunId: 1_000_000 });
      if (isQuestion(judgement)) throw new Error("a question where a ruling should be");
      expect([judgement.ruling.reason, judgement.run?.isNew]).toEqual([null, false]);
      spend(holdings, asked, judgement, T);
    });
  };
  const small = await cost(10);
  expect(small.written).toBe(written);
  expect(await cost(5_000)).toEqual(small);
});

test("a question of another agent's ledger reads the same in small and in large, and writes nothing", async () => {
  const cost = async (size: number) => {
    const { ledger, root } = await grown(size, size, size);
    return counted(ledger, ({ runs }) => {
      expect(runs.findIn(runKey(root), ["first", "nobody", "step 7"])).toHaveLength(2);
    });
  };
  const small = await cost(10);
  expect(small.written).toBe(0);
  expect(await cost(5_000)).toEqual(small);
});

test("each further parent reads the same, however many there are", async () => {
  const { ledger, root } = await grown(MAX_PRED, 1, 1);
  const read = async (parents: number) => {
    const pred = Array.from({ length: parents }, (_, i) => `step ${i + 1}`);
    const asked = walk(root, { pred });
    const { read } = await counted(ledger, (holdings) => {
      judge(asked, { ...holdings, since: 0, now: T, newRunId: 1_000_000 });
    });
    return read;
  };
  const [none, one, all] = [await read(0), await read(1), await read(MAX_PRED)];
  expect(all - none).toBe(MAX_PRED * (one - none));
});

test("so does a whole table of journal records, and the next one", async () => {
  const cost = async (size: number) => {
    const { ledger, root } = await grown(1, size, 1);
    return counted(ledger, async (_, journal) => {
      const items = Array.from({ length: JOURNAL_WINDOW }, (_, i) => ({
        ...decisionItem(attempt({ mandate: root }), { ...admit(null, true), execution: null }),
        runSize: i,
      }));
      const entries = await journal.place(items, T * 1000);
      journal.append(entries);
      journal.committed(entries);
    });
  };
  const small = await cost(10);
  expect(small.written).toBeLessThan(JOURNAL_WINDOW + 5);
  expect(await cost(5_000)).toEqual(small);
});
