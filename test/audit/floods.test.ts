/** What floods of denials cost, and that none of them is lost from the count. */

import { evictDurableObject } from "cloudflare:test";
import { expect, test } from "vitest";
import type { AuditRecord } from "../../src/audit/record.ts";
import {
  DENIAL_WINDOW_MS,
  MAX_JOURNAL_BACKLOG,
  MAX_REPEATABLE_DENIALS_PER_WINDOW,
} from "../../src/limits.ts";
import { attempt, facts, mandate, newLedger, setClock, T, useClock, walk } from "../ledger/helpers.ts";

useClock();

/** The denials that records know of: each itself, and those it counts. A summary is none itself. */
const known = (records: readonly AuditRecord[]): number =>
  records.reduce((sum, { kind, count }) => sum + (kind === "summary" ? 0 : 1) + (count ?? 0), 0);

test("a million refusals of strangers, seen by many isolates, cost a bounded number of rows and are all counted", async () => {
  const ledger = newLedger();
  const isolates = 400;
  const sample = () =>
    attempt({ denial: "bearer.missing", facts: facts({ principal: "unverified", count: 2_499 }) });
  for (let i = 0; i < isolates; i++) await ledger.decide(sample());
  expect(await ledger.journal()).toHaveLength(MAX_REPEATABLE_DENIALS_PER_WINDOW);

  setClock(T + DENIAL_WINDOW_MS / 1000);
  await ledger.alarm();
  const records = await ledger.journal();
  expect(records).toHaveLength(MAX_REPEATABLE_DENIALS_PER_WINDOW + 1);
  expect(records.at(-1)).toMatchObject({ kind: "summary", verdict: "denied" });
  expect(known(records)).toBe(1_000_000);
});

test("denials that come while the journal is full are summed up", async () => {
  const ledger = newLedger();
  await ledger.decide(walk());
  await ledger.sql("INSERT OR REPLACE INTO meta VALUES ('drained', ?)", 1 - MAX_JOURNAL_BACKLOG);
  await evictDurableObject(ledger.stub);
  for (let i = 0; i < 3; i++) {
    const denied = walk(mandate(), {}, { denial: "capability.missing" });
    expect(await ledger.decide(denied)).toMatchObject({ verdict: "denied", reason: "capability.missing" });
  }
  expect(await ledger.journal()).toHaveLength(1);

  setClock(T + DENIAL_WINDOW_MS / 1000);
  await ledger.alarm();
  expect((await ledger.journal()).slice(1)).toMatchObject([{ kind: "summary", count: 3 }]);
});
