import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { expect, test } from "vitest";
import type { Ruling, Use } from "../../src/ledger/protocol.ts";
import { CLOCK_SKEW, MAX_LIVE_COUNTS } from "../../src/limits.ts";
import {
  attempt,
  claim,
  ISSUER,
  mandate,
  newLedger,
  setClock,
  T,
  unique,
  useClock,
  walk,
} from "./helpers.ts";

useClock();

const use = (changes: Partial<Use> = {}): Use => ({
  key: unique("use"),
  max: 1,
  until: T + 3600,
  ...changes,
});

const root = mandate();
const calling = (uses: readonly Use[], more = {}) => walk(root, {}, { uses, ...more });

test("a capability is used as often as its maximum says, also across evictions", async () => {
  const ledger = newLedger();
  const thrice = use({ max: 3 });
  for (const reason of [null, null, null, "capability.calls_exhausted", "capability.calls_exhausted"]) {
    expect(await ledger.reasons(calling([thrice]))).toEqual([reason]);
    await evictDurableObject(ledger.stub);
  }
  expect(await ledger.reasons(calling([use()]))).toEqual([null]);
});

test.each([0, -1])("a maximum of %i is none", async (max) => {
  expect(await newLedger().reasons(calling([use({ max })]))).toEqual(["capability.calls_exhausted"]);
});

test("of 60 calls at once exactly as many are admitted as may be", async () => {
  const ledger = newLedger();
  const five = use({ max: 5 });
  const asked = Array.from({ length: 60 }, () => calling([five]));
  await ledger.decide(attempt());
  const rulings = await runInDurableObject(ledger.stub, (instance) =>
    Promise.all(asked.map((each) => instance.decide(each) as Promise<Ruling>)),
  );
  const count = (reason: string | null) => rulings.filter((ruling) => ruling.reason === reason).length;
  expect([count(null), count("capability.calls_exhausted")]).toEqual([5, 55]);
});

test("a call that is denied for whatever reason is not counted", async () => {
  const ledger = newLedger();
  const [twice, once, nonce] = [use({ max: 2 }), use(), claim()];
  expect(
    await ledger.reasons(
      calling([twice], { denial: "capability.missing" }),
      walk(root, { pred: ["unknown"] }, { uses: [twice] }),
      calling([once, twice]),
      calling([once, twice]),
      attempt({ mandate: root, claims: [nonce], uses: [twice] }),
      attempt({ mandate: root, claims: [nonce], uses: [twice] }),
      calling([twice]),
    ),
  ).toEqual([
    "capability.missing",
    "run.pred_unknown",
    null,
    "capability.calls_exhausted",
    null,
    "replay.nonce",
    "capability.calls_exhausted",
  ]);
});

test("the same attempt again is counted once", async () => {
  const ledger = newLedger();
  const twice = use({ max: 2 });
  const asked = [calling([twice]), attempt({ mandate: root, claims: [claim()], uses: [twice] })];
  for (const each of asked) {
    const first = await ledger.decide(each);
    expect(first.verdict).toBe("admitted");
    expect(await ledger.decide(each)).toEqual(first);
    await evictDurableObject(ledger.stub);
    expect(await ledger.decide(each, true)).toEqual(first);
  }
  expect(await ledger.sql("SELECT count FROM uses")).toEqual([{ count: 2 }]);
});

test("a replay of an admitted call says that it is one, and counts nothing", async () => {
  const ledger = newLedger();
  const once = use();
  const asked = calling([once]);
  expect(await ledger.reasons(asked, { ...asked, decision: "again" })).toEqual([null, "replay.ect"]);
});

test("a step that comes too often is recorded, so that a later one may name it", async () => {
  const ledger = newLedger();
  const once = use();
  const late = walk(root, { jti: "late" }, { uses: [once] });
  await ledger.decide(calling([once]));
  expect(await ledger.decide(late)).toEqual({
    verdict: "denied",
    reason: "capability.calls_exhausted",
    stepRecorded: true,
  });
  expect(await ledger.reasons(walk(root, { pred: ["late"] }))).toEqual([null]);
});

test("a count is kept as long as its mandate can be used, and then forgotten", async () => {
  const ledger = newLedger();
  const short = mandate({ exp: T + 100 });
  const once = use({ until: short.exp });
  const asked = (iat: number) => walk(short, { iat }, { uses: [once] });
  await ledger.decide(asked(T));
  for (const [after, reason] of [
    [100, "capability.calls_exhausted"],
    [100 + CLOCK_SKEW, "capability.calls_exhausted"],
    [100 + 2 * CLOCK_SKEW + 1, "act.expired"],
  ] as const) {
    setClock(T + after);
    await ledger.alarm();
    expect(await ledger.reasons(asked(T + after))).toEqual([reason]);
  }
  expect((await ledger.rows()).uses).toBe(0);
});

test("a count is kept as long as the latest of the mandates that it was written for", async () => {
  const ledger = newLedger();
  const short = use({ max: 1, until: T + 100 });
  const long = { ...short, max: 2, until: T + 3600 };
  expect(await ledger.reasons(calling([short]), calling([long]))).toEqual([null, null]);
  setClock(T + 100 + 2 * CLOCK_SKEW + 1);
  await ledger.alarm();
  expect(await ledger.reasons(walk(root, { iat: T + 161 }, { uses: [long] }))).toEqual([
    "capability.calls_exhausted",
  ]);
});

test("there are as many counts under one issuer as there may be", async () => {
  const ledger = newLedger();
  const known = use({ max: 9 });
  await ledger.decide(calling([known]));
  await ledger.sql(
    `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
      INSERT INTO uses SELECT 'use ' || i, ?, ?, 1 FROM n`,
    MAX_LIVE_COUNTS - 2,
    ISSUER,
    T + 10,
  );
  await evictDurableObject(ledger.stub);
  const other = mandate({ iss: "https://other.example" });
  expect(
    await ledger.reasons(
      calling([use()]),
      calling([use()]),
      calling([known]),
      walk(other, {}, { uses: [use()] }),
      calling([]),
    ),
  ).toEqual([null, "capability.too_many_counted", null, null, null]);
  setClock(T + 200);
  await ledger.alarm();
  expect(await ledger.reasons(walk(root, { iat: T + 200 }, { uses: [use()] }))).toEqual([null]);
});

test("two principals count for themselves", async () => {
  const once = use();
  expect(await newLedger().reasons(calling([once]))).toEqual([null]);
  expect(await newLedger().reasons(calling([once]))).toEqual([null]);
});
