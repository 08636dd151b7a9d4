import { runInDurableObject } from "cloudflare:test";
import { expect, test } from "vitest";
import { Claims } from "../../src/ledger/claims.ts";
import { decisionDraft } from "../../src/ledger/drafts.ts";
import { Journal } from "../../src/ledger/journal.ts";
import { judge } from "../../src/ledger/judge.ts";
import { Meta } from "../../src/ledger/meta.ts";
import { Runs } from "../../src/ledger/runs.ts";
import { JOURNAL_WINDOW } from "../../src/limits.ts";
import {
  attempt,
  claim,
  type Home,
  ISSUER,
  mandate,
  newLedger,
  outcomeOf,
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
  work: (parts: { journal: Journal; claims: Claims; runs: Runs }) => void | Promise<void>,
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
    const parts = { journal, claims: new Claims(sql), runs: new Runs(sql, journal) };
    cursors.length = 0;
    await work(parts);
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
  await rows(steps, `INSERT INTO ${nodes} SELECT 'step ' || i, 1, ${T}, 'x', NULL FROM n`);
  await rows(nonces, `INSERT INTO ${claims} SELECT 'nonce ' || i, 'x' FROM n`);
  await rows(runs, `INSERT INTO runs SELECT 'run ' || i, -i, ?, ?, 1 FROM n`, ISSUER, T + 3600);
  await rows(runs, `INSERT INTO mandates SELECT 'mandate ' || i, -i, 'x', ${T}, ? FROM n`, T + 3600);
  return { ledger, root };
}

test("an admission reads and writes the same in small and in large", async () => {
  const cost = async (size: number) => {
    const { ledger, root } = await grown(size, size, size);
    return counted(ledger, ({ claims, runs }) => {
      const asked = walk(root, { pred: [root.jti, "first"] }, { claims: [claim()] });
      const { run, ruling } = judge(asked, { claims, runs, since: 0, now: T, newRunId: 1_000_000 });
      expect([ruling.verdict, run?.isNew]).toEqual(["admitted", false]);
      if (run !== null && asked.step !== null) runs.write(run, root, asked.step, asked.decision, null);
      for (const used of asked.claims) claims.write(used, asked.decision);
    });
  };
  const small = await cost(10);
  expect(small.written).toBe(2);
  expect(await cost(5_000)).toEqual(small);
});

test("so does a whole table of journal records, and the next one", async () => {
  const cost = async (size: number) => {
    const { ledger, root } = await grown(1, size, 1);
    return counted(ledger, async ({ journal }) => {
      const items = Array.from({ length: JOURNAL_WINDOW }, (_, i) => ({
        draft: decisionDraft(attempt({ mandate: root }), {
          verdict: "admitted",
          reason: null,
          stepRecorded: true,
        }),
        runSize: i,
      }));
      const entries = await journal.chain(items, T * 1000);
      journal.append(entries);
      journal.committed(entries);
    });
  };
  const small = await cost(10);
  expect(small.written).toBeLessThan(JOURNAL_WINDOW + 5);
  expect(await cost(5_000)).toEqual(small);
});
