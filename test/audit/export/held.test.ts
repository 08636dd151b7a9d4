/** Receipts that callers hold against an export. */

import { expect, test } from "vitest";
import { meansOf } from "../../../src/audit/export/means.ts";
import { signLater, signReceipt } from "../../../src/audit/receipts/decision-receipt.ts";
import type { AuditRecord } from "../../../src/audit/record.ts";
import {
  chainOf,
  checkpoint,
  ISSUER,
  judge,
  type Log,
  linesOf,
  makeLog,
  meansFor,
  newKeys,
  START,
  STEP,
} from "./log.ts";

const fresh = () => makeLog({ records: 120, chains: 4, every: 20 });

const receiptFor = (log: Log, record: AuditRecord, changes: object = {}) => {
  const { decision, principal, action, input_hash, chain, seq, time, hash } = record;
  const { verdict, reason } = { verdict: record.verdict ?? "denied", reason: record.reason };
  const place = { chain, seq, time, hash };
  const facts = { principal, action, input_hash };
  return signReceipt({ issuer: ISSUER, decision, verdict, reason, facts, place, ...changes }, log.keys);
};

test("all are found", async () => {
  const log = await fresh();
  const decisions = [...log.chains.values()].flat().filter(({ kind }) => kind === "decision");
  const receipts = await Promise.all(decisions.map((record) => receiptFor(log, record)));
  const means = await meansFor(log.keys, receipts);
  expect(await judge(log, await linesOf(log), means)).toMatchObject({ findings: [] });
});

test("one that says something else than the log", async () => {
  const log = await fresh();
  const lines = await linesOf(log);
  const record = chainOf(log).find(({ kind }) => kind === "decision") as AuditRecord;
  const { chain, seq, time, hash, principal, action, input_hash } = record;
  const facts = { principal, action, input_hash };
  for (const changes of [
    { verdict: "denied" },
    { decision: "another" },
    { facts: { ...facts, input_hash: hash } },
    { facts: { ...facts, principal: "agent:other" } },
    { place: { chain, seq, time, hash: record.prev_hash } },
    { place: { chain, seq, time: time + 1000, hash } },
  ]) {
    const means = await meansFor(log.keys, [await receiptFor(log, record, changes)]);
    expect(await judge(log, lines, means)).toContain(`0.${seq}: a receipt for it says something else`);
  }
  const beyond = await receiptFor(log, record, { place: { chain, seq: 999, time, hash } });
  expect(await judge(log, lines, await meansFor(log.keys, [beyond]))).toMatch(
    /0\.999: there is a receipt for decision .*, but the export has its chain up to record 30/,
  );
  const elsewhere = await receiptFor(log, record, { place: { chain: "other", seq, time, hash } });
  expect(await judge(log, lines, await meansFor(log.keys, [elsewhere]))).toContain(
    "no checkpoint knows its chain",
  );
});

test("one that names another outcome", async () => {
  const log = await fresh();
  const outcome = chainOf(log).find(({ kind }) => kind === "outcome") as AuditRecord;
  const record = chainOf(log).find(({ id }) => id === outcome.decision) as AuditRecord;
  const right = await signLater(ISSUER, record, outcome, log.keys);
  const wrong = await signLater(ISSUER, record, record, log.keys);
  const lines = await linesOf(log);
  expect(await judge(log, lines, await meansFor(log.keys, [right]))).toMatchObject({ findings: [] });
  expect(await judge(log, lines, await meansFor(log.keys, [wrong]))).toContain(
    "another record is the outcome",
  );
});

test("forged ones are refused before anything is read", async () => {
  const log = await fresh();
  const strangers = { ...log, keys: await newKeys() };
  const receipt = await receiptFor(strangers, chainOf(log)[0] as AuditRecord);
  const published = log.keys.published as never;
  expect(await meansOf(published, [receipt], [])).toMatchObject({
    error: expect.stringContaining("Receipt 1"),
  });
  expect(await meansOf(published, ["x"], [])).toMatchObject({ ok: false });
  expect(await meansOf(published, [], [receipt])).toMatchObject({
    error: expect.stringContaining("Checkpoint 1"),
  });
  expect(await meansOf({ keys: [{ kty: "oct", k: "AAAA" }] }, [], [])).toMatchObject({ ok: false });
  expect(await meansOf(null, [], [])).toMatchObject({ ok: false });
});

/** An outcome and its decision, from the same chain. */
function pairIn(log: Log): [decision: AuditRecord, outcome: AuditRecord] {
  const outcome = chainOf(log).findLast(({ kind }) => kind === "outcome") as AuditRecord;
  return [chainOf(log).find(({ id }) => id === outcome.decision) as AuditRecord, outcome];
}

test("two that name different outcomes: one of them is not in the log", async () => {
  const log = await fresh();
  const [record, outcome] = pairIn(log);
  const [right, wrong] = [outcome, record].map((named) => signLater(ISSUER, record, named, log.keys));
  for (const receipts of [await Promise.all([right, wrong]), await Promise.all([wrong, right])])
    expect(await judge(log, await linesOf(log), await meansFor(log.keys, receipts as string[]))).toContain(
      "another record is the outcome",
    );
});

test("an outcome that a receipt names must be there: the log may have been written anew without it", async () => {
  const log = await fresh();
  const [record, outcome] = pairIn(log);
  const receipt = await signLater(ISSUER, record, { ...outcome, hash: record.hash }, log.keys);
  const honest = await signLater(ISSUER, record, outcome, log.keys);
  // As if the call had never ended.
  const records = chainOf(log);
  const cut = {
    ...log,
    checkpoints: [],
    chains: new Map([[record.chain, records.slice(0, outcome.seq - 1)]]),
  };
  await checkpoint(cut, START + 500 * STEP);
  const lines = await linesOf(cut);
  expect(await judge(cut, lines)).toMatchObject({ findings: [] });
  for (const held of [receipt, honest])
    expect(await judge(cut, lines, await meansFor(log.keys, [held]))).toContain(
      "receipts name 1 outcomes that are not in the export",
    );
});

test("one for the record of an outcome: no decision is at its place", async () => {
  const log = await fresh();
  const [, outcome] = pairIn(log);
  const receipt = await receiptFor(log, outcome, { decision: outcome.id });
  expect(await judge(log, await linesOf(log), await meansFor(log.keys, [receipt]))).toContain(
    `0.${outcome.seq}: a receipt for it says something else`,
  );
});

test("one for a record that an export of a part does not have: it says why", async () => {
  const log = await makeLog({ records: 120, chains: 4, every: 30, step: 10_000 });
  const decisions = chainOf(log).filter(({ kind }) => kind === "decision");
  const [first, last] = [decisions[0], decisions.at(-1)] as [AuditRecord, AuditRecord];
  const seqAt = (n: number) =>
    log.checkpoints[n - 1]?.heads.find(({ chain }) => chain === first.chain)?.seq ?? 0;
  const timeAt = (n: number) => log.checkpoints[n - 1]?.claims.time ?? 0;
  const said = async (record: AuditRecord, range: object) =>
    judge(log, await linesOf(log, range), await meansFor(log.keys, [await receiptFor(log, record)]));
  expect(await said(first, { base: 1, from: timeAt(1) + 60_000 })).toContain(
    `0.${first.seq}: there is a receipt for decision ${first.decision}, but the export has its chain from record ${seqAt(1) + 1} on`,
  );
  expect(await said(last, { last: 2, to: timeAt(2) - 60_000 })).toContain(
    `the export has its chain up to record ${seqAt(2)}`,
  );
  const starts = new Map([[first.chain, first.seq + 1]]);
  await checkpoint(log, START + 5_000_000, { starts });
  expect(await said(first, {})).toContain(`its chain is kept from record ${first.seq + 1} on`);
  expect(await said(last, {})).toMatchObject({ counts: { expired: first.seq } });
});

test("the keys say whose export it must be", async () => {
  const log = await fresh();
  const published = (issuer: string) => meansOf({ issuer, keys: log.keys.published } as never, [], []);
  const lines = await linesOf(log);
  for (const [issuer, said] of [
    [ISSUER, { findings: [] }],
    [
      "https://gateway.example/other/mcp",
      expect.stringContaining("and the keys are those of https://gateway"),
    ],
  ] as const) {
    const means = await published(issuer);
    if (!means.ok) throw new Error(means.error);
    const judged = await judge(log, lines, means.value);
    if (typeof said === "object" && "findings" in said) expect(judged).toMatchObject(said);
    else expect(judged).toEqual(said);
  }
});
