import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { expect, test } from "vitest";
import type { VerifiedRecord } from "../../src/evidence/act/record.ts";
import type { MandateFacts, Ruling } from "../../src/ledger/protocol.ts";
import { CLOCK_SKEW, MAX_RUN_SIZE } from "../../src/limits.ts";
import {
  attempt,
  claim,
  mandate,
  newLedger,
  record,
  setClock,
  T,
  unique,
  useClock,
  walk,
} from "./helpers.ts";

useClock();

/** A message that is no step and carries a record, by default of the mandate that it presents. */
const handIn = (handed: VerifiedRecord, presented: MandateFacts | null = mandate()) =>
  attempt({ mandate: presented, claims: [claim()], record: handed });

/** A ledger where mandate `one` has the steps `a` and `b`, `two` has `c`, and workflow `w` has two mandates. */
async function settled() {
  const ledger = newLedger();
  const w = { wid: unique("w") };
  const roots = { one: mandate(), two: mandate(), w1: mandate(w), w2: mandate(w) };
  const steps = [
    walk(roots.one, { jti: "a" }),
    walk(roots.one, { jti: "b", pred: ["a"] }, { denial: "capability.missing" }),
    walk(roots.two, { jti: "c" }),
    walk(roots.w1, { jti: "d" }),
    walk(roots.w2, { jti: "e" }),
  ];
  for (const step of steps) expect((await ledger.decide(step)).stepRecorded).toBe(true);
  return { ledger, roots };
}

type Roots = Awaited<ReturnType<typeof settled>>["roots"];

test.each<[string, string | null, (roots: Roots) => VerifiedRecord]>([
  ["with nothing before it, as the PoC's", null, ({ one }) => record(one)],
  ["after the mandate", null, ({ one }) => record(one, { pred: [one.jti] })],
  ["after its steps, one of them denied", null, ({ one }) => record(one, { pred: ["a", "b"] })],
  [
    "after steps of another mandate of the workflow",
    null,
    ({ w1, w2 }) => record(w1, { pred: ["e", w2.jti] }),
  ],
  ["of a mandate that was never used", "record.mandate_unknown", () => record(mandate())],
  [
    "of a mandate of this name by another issuer",
    "record.mandate_unknown",
    ({ one }) => record({ ...one, iss: "https://other.example" }),
  ],
  ["of other claims", "record.mandate_differs", ({ one }) => record(one, { mandateDigest: "other" })],
  ["after a step that does not exist", "record.pred_unknown", ({ one }) => record(one, { pred: ["a", "z"] })],
  ["after a step of another run", "record.pred_unknown", ({ one }) => record(one, { pred: ["c"] })],
  [
    "after the mandate of another run",
    "record.pred_unknown",
    ({ one, two }) => record(one, { pred: [two.jti] }),
  ],
  [
    "executed as long before a step as clocks differ",
    null,
    ({ one }) => record(one, { pred: ["a"], execTs: T - CLOCK_SKEW }),
  ],
  [
    "executed before a step that it names",
    "record.too_early",
    ({ one }) => record(one, { pred: ["a"], execTs: T - CLOCK_SKEW - 1 }),
  ],
])("a record %s", async (_, reason, make) => {
  const { ledger, roots } = await settled();
  const handed = make(roots);
  expect(await ledger.reasons(handIn(handed))).toEqual([reason]);
  // What was refused did not use it up.
  const fine = record(roots.one);
  expect(await ledger.reasons(handIn(fine))).toEqual([
    reason === null && handed.jti === fine.jti ? "record.repeated" : null,
  ]);
});

test("a record is taken once, whatever it says the second time", async () => {
  const { ledger, roots } = await settled();
  const first = record(roots.one);
  expect(await ledger.reasons(handIn(first))).toEqual([null]);
  await evictDurableObject(ledger.stub);
  expect(
    await ledger.reasons(
      handIn(first),
      handIn(record(roots.one, { pred: ["a"] })),
      handIn(record(roots.one), roots.one),
      handIn(record(roots.two)),
    ),
  ).toEqual(["record.repeated", "record.repeated", "record.repeated", null]);
});

test("of 50 records of one mandate at once exactly one is taken", async () => {
  const { ledger, roots } = await settled();
  const asked = Array.from({ length: 50 }, () => handIn(record(roots.one)));
  const rulings = await runInDurableObject(ledger.stub, (instance) =>
    Promise.all(asked.map((each) => instance.decide(each) as Promise<Ruling>)),
  );
  expect(rulings.filter(({ verdict }) => verdict === "admitted")).toHaveLength(1);
  expect(rulings.filter(({ reason }) => reason === "record.repeated")).toHaveLength(49);
});

test("a denied call keeps its record", async () => {
  const { ledger, roots } = await settled();
  const handed = record(roots.one);
  const denied = [
    { ...handIn(handed), denial: "policy.agent_suspended" as const },
    walk(roots.one, { pred: ["nobody"] }, { record: handed }),
  ];
  expect(await ledger.reasons(...denied, handIn(handed))).toEqual([
    "policy.agent_suspended",
    "run.pred_unknown",
    null,
  ]);
});

test("the same attempt again takes it once", async () => {
  const { ledger, roots } = await settled();
  for (const asked of [handIn(record(roots.one)), walk(roots.two, {}, { record: record(roots.two) })]) {
    const first = await ledger.decide(asked);
    expect(first.verdict).toBe("admitted");
    expect(await ledger.decide(asked)).toEqual(first);
    await evictDurableObject(ledger.stub);
    expect(await ledger.decide(asked, true)).toEqual(first);
  }
});

test("a call with a bad record is denied, and its step is recorded", async () => {
  const { ledger, roots } = await settled();
  const asked = walk(roots.one, { jti: "s" }, { record: record(roots.one, { pred: ["c"] }) });
  expect(await ledger.decide(asked)).toEqual({
    verdict: "denied",
    reason: "record.pred_unknown",
    stepRecorded: true,
  });
  expect(await ledger.reasons(walk(roots.one, { pred: ["s"] }))).toEqual([null]);
});

// -- a mandate that made no step before -------------------------------------------------------------------

test("the mandate that comes with the record needs no step before", async () => {
  const ledger = newLedger();
  const [bare, stepping] = [mandate(), mandate()];
  expect(
    await ledger.reasons(
      handIn(record(bare, { pred: [bare.jti] }), bare),
      handIn(record(bare), bare),
      walk(stepping, {}, { record: record(stepping) }),
      walk(stepping, {}, { record: record(stepping) }),
      walk(bare),
    ),
  ).toEqual([null, "record.repeated", null, "record.repeated", null]);
});

test("nothing is left of one that is refused", async () => {
  const ledger = newLedger();
  await ledger.decide(attempt());
  const { journal_0 = 0, ...rows } = await ledger.rows();
  const root = mandate();
  expect(
    await ledger.reasons(
      handIn(record(root, { mandateDigest: "other" }), root),
      handIn(record(root, { pred: ["nobody"] }), root),
      handIn(record(root), null),
    ),
  ).toEqual(["record.mandate_differs", "record.pred_unknown", "record.mandate_unknown"]);
  expect(await ledger.rows()).toEqual({ ...rows, journal_0: journal_0 + 3 });
});

test("a mandate that changed under its jti takes no record", async () => {
  const { ledger, roots } = await settled();
  const changed = { ...roots.one, digest: "changed" };
  expect(await ledger.reasons(handIn(record(changed), changed))).toEqual(["record.mandate_differs"]);
});

test("a full run takes its records", async () => {
  const { ledger, roots } = await settled();
  await ledger.sql("UPDATE journal_0 SET run_size = ? WHERE run_size IS NOT NULL", MAX_RUN_SIZE);
  await evictDurableObject(ledger.stub);
  expect(await ledger.reasons(walk(roots.one), handIn(record(roots.one), roots.one))).toEqual([
    "run.full",
    null,
  ]);
});

test("a record comes no later than its mandate can be used", async () => {
  const ledger = newLedger();
  const [one, other] = [mandate({ exp: T + 100 }), mandate({ exp: T + 100 })];
  await ledger.reasons(walk(one), walk(other));
  const late = (of: MandateFacts, now: number) => {
    setClock(now);
    return attempt({
      mandate: mandate(),
      claims: [claim({ issuedAt: now })],
      record: record(of, { execTs: now }),
    });
  };
  expect(await ledger.reasons(late(one, T + 100 + CLOCK_SKEW))).toEqual([null]);
  expect(await ledger.reasons(late(other, T + 101 + CLOCK_SKEW))).toEqual(["record.mandate_unknown"]);
});
