import { evictDurableObject } from "cloudflare:test";
import { expect, test } from "vitest";
import type { MandateFacts } from "../../src/ledger/protocol.ts";
import { JOURNAL_WINDOW, MAX_LIVE_RUNS, MAX_RUN_SIZE } from "../../src/limits.ts";
import {
  attempt,
  claim,
  type Home,
  ISSUER,
  mandate,
  newLedger,
  setClock,
  T,
  useClock,
  walk,
} from "./helpers.ts";

useClock();

/** Lets the last step in the journal say that its run has this size. */
async function pretendSize(ledger: Home, size: number): Promise<void> {
  await ledger.sql("UPDATE journal_0 SET run_size = ? WHERE run_size IS NOT NULL", size);
  await evictDurableObject(ledger.stub);
}

const fill = (ledger: Home, root: MandateFacts | null, count: number) =>
  Promise.all(
    Array.from({ length: count }, () =>
      ledger.decide(root === null ? attempt({ claims: [claim()] }) : walk(root)),
    ),
  );

test("a run takes as many steps as it may have, and not one more", async () => {
  const ledger = newLedger();
  const root = mandate();
  await ledger.decide(walk(root));
  await pretendSize(ledger, MAX_RUN_SIZE - 1);
  expect(await ledger.reasons(walk(root))).toEqual([null]);
  for (const evict of [false, true]) {
    if (evict) await evictDurableObject(ledger.stub);
    expect(await ledger.decide(walk(root))).toEqual({
      verdict: "denied",
      reason: "run.full",
      stepRecorded: false,
    });
  }
  expect(await ledger.reasons(walk())).toEqual([null]);
});

test("denied steps count too", async () => {
  const ledger = newLedger();
  const root = mandate();
  await ledger.decide(walk(root));
  await pretendSize(ledger, MAX_RUN_SIZE - 1);
  expect(
    await ledger.reasons(walk(root, {}, { denial: "capability.missing" }), walk(root, { pred: ["x"] })),
  ).toEqual(["capability.missing", "run.full"]);
});

test("sizes survive new journal tables and evictions", async () => {
  const ledger = newLedger();
  const [steady, once] = [mandate(), mandate({ wid: "once" })];
  const size = async (root: MandateFacts) => {
    await ledger.decide(walk(root));
    const [row] = await ledger.sql<{ record: string; run_size: number }>(
      `SELECT record, run_size FROM journal_${Math.floor(((await seq()) - 1) / JOURNAL_WINDOW)} ORDER BY seq DESC LIMIT 1`,
    );
    return row?.run_size;
  };
  const seq = async () => (await ledger.journal()).at(-1)?.seq ?? 0;

  await fill(ledger, once, 3);
  await fill(ledger, steady, 5);
  // Two tables further on, all that is left of `once` is in the table of runs.
  await fill(ledger, null, JOURNAL_WINDOW);
  await fill(ledger, steady, 2);
  await evictDurableObject(ledger.stub);
  await fill(ledger, null, JOURNAL_WINDOW);
  await ledger.alarm();
  expect(await ledger.rows()).not.toHaveProperty("journal_0");
  await evictDurableObject(ledger.stub);
  expect([await size(once), await size(steady), await size(mandate())]).toEqual([4, 8, 1]);
});

test("an agent has as many live runs under an issuer as it may have", async () => {
  const ledger = newLedger();
  const kept = mandate();
  await ledger.decide(walk(kept));
  await ledger.sql(
    `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
      INSERT INTO runs SELECT 'run ' || i, -i, ?, ?, 1 FROM n`,
    MAX_LIVE_RUNS - 2,
    ISSUER,
    T + 600,
  );
  await evictDurableObject(ledger.stub);

  expect(await ledger.reasons(walk(), walk())).toEqual([null, "run.too_many"]);
  expect(await ledger.decide(walk())).toMatchObject({ reason: "run.too_many", stepRecorded: false });
  // Runs that are there go on, and other issuers have runs of their own.
  expect(await ledger.reasons(walk(kept), walk(mandate({ iss: "https://other.example" })))).toEqual([
    null,
    null,
  ]);

  // The finished ones make room.
  setClock(T + 700);
  await ledger.alarm();
  expect(await ledger.reasons(walk(mandate(), { iat: T + 700 }))).toEqual([null]);
  expect((await ledger.rows()).runs).toBe(4);
});

test("a run is gone after its last mandate, and its number is not used again", async () => {
  const ledger = newLedger();
  const first = mandate({ wid: "w", exp: T + 100 });
  const longer = mandate({ wid: "w", exp: T + 200 });
  const ids = () => ledger.sql<{ id: number }>("SELECT id FROM runs");
  expect(await ledger.reasons(walk(first, { jti: "old" }), walk(longer))).toEqual([null, null]);
  const [before] = await ids();

  setClock(T + 161);
  await ledger.alarm();
  expect(await ids()).toEqual([before]);
  expect(await ledger.reasons(walk(longer, { iat: T + 161, pred: ["old"] }))).toEqual([null]);

  setClock(T + 261);
  await ledger.alarm();
  expect(await ids()).toEqual([]);
  await evictDurableObject(ledger.stub);
  const again = mandate({ wid: "w" });
  expect(await ledger.reasons(walk(again, { iat: T + 261, pred: [again.jti, "old"] }))).toEqual([
    "run.pred_unknown",
  ]);
  const [after] = await ids();
  expect(after?.id).toBeGreaterThan(before?.id ?? 0);
});

test("a run whose name is used again begins at one, also across journal tables", async () => {
  const ledger = newLedger();
  await fill(ledger, mandate({ wid: "w", exp: T + 10 }), 7);
  setClock(T + 100);
  await ledger.alarm();
  const again = mandate({ wid: "w" });
  await ledger.decide(walk(again, { iat: T + 100 }));
  await evictDurableObject(ledger.stub);
  await fill(ledger, null, JOURNAL_WINDOW);
  expect(await ledger.sql("SELECT size FROM runs")).toEqual([{ size: 1 }]);
});
