import { evictDurableObject } from "cloudflare:test";
import { expect, test } from "vitest";
import type { MandateFacts } from "../../src/ledger/protocol.ts";
import type { ForeignParent, Step } from "../../src/ledger/step.ts";
import { CLOCK_SKEW, MAX_PRED, MAX_UNKNOWN_PARENTS } from "../../src/limits.ts";
import type { EctLevel } from "../../src/tenant/tenant.ts";
import { attempt, ISSUER, mandate, newLedger, step, T, useClock, walk } from "./helpers.ts";

useClock();

test("every step can be a parent of the next, also after an eviction", async () => {
  const ledger = newLedger();
  const root = mandate();
  const steps = ["a", "b", "c"];
  for (const [i, jti] of steps.entries()) {
    const asked = walk(root, { jti, pred: [root.jti, ...steps.slice(0, i)] });
    expect(await ledger.decide(asked)).toEqual({ verdict: "admitted", reason: null, stepRecorded: true });
    await evictDurableObject(ledger.stub);
  }
});

// -- what a parent must be ------------------------------------------------------------------------------

/** A ledger where run one has step `one`, run two has step `two`, and workflow `w` has a mandate with step `w1`. */
async function settled() {
  const ledger = newLedger();
  const roots = { one: mandate(), two: mandate(), w: mandate({ wid: "w" }) };
  expect(
    await ledger.reasons(
      walk(roots.one, { jti: "one" }),
      walk(roots.two, { jti: "two" }),
      walk(roots.w, { jti: "w1" }),
    ),
  ).toEqual([null, null, null]);
  return { ledger, roots };
}

type Roots = Record<"one" | "two" | "w", MandateFacts>;

test.each<[string, string | null, (roots: Roots) => readonly [MandateFacts, Partial<Step>]]>([
  ["nobody", null, ({ one }) => [one, { pred: [] }]],
  ["the mandate", null, ({ one }) => [one, { pred: [one.jti] }]],
  ["an earlier step", null, ({ one }) => [one, { pred: ["one"] }]],
  ["a step that does not exist", "run.pred_unknown", ({ one }) => [one, { pred: [one.jti, "none"] }]],
  ["itself", "run.pred_unknown", ({ one }) => [one, { jti: "self", pred: ["self"] }]],
  ["a step of another run", "run.pred_unknown", ({ one }) => [one, { pred: [one.jti, "two"] }]],
  ["the mandate of another run", "run.pred_unknown", ({ one, two }) => [one, { pred: [one.jti, two.jti] }]],
  ["another mandate of the workflow", null, ({ w }) => [mandate({ wid: "w" }), { pred: [w.jti] }]],
  ["a step under another mandate of the workflow", null, () => [mandate({ wid: "w" }), { pred: ["w1"] }]],
  [
    "a step of a workflow with the same name at another issuer",
    "run.pred_unknown",
    () => [mandate({ wid: "w", iss: "https://other.example" }), { pred: ["w1"] }],
  ],
  [
    "a step of a workflow that is named like a mandate",
    "run.pred_unknown",
    ({ one }) => [mandate({ wid: one.jti }), { pred: ["one"] }],
  ],
])("a parent that is %s", async (_, reason, make) => {
  const { ledger, roots } = await settled();
  const [root, changes] = make(roots);
  expect(await ledger.decide(walk(root, changes))).toEqual({
    verdict: reason === null ? "admitted" : "denied",
    reason,
    stepRecorded: reason === null,
  });
});

test.each([
  ["a step", CLOCK_SKEW, null],
  ["a step", CLOCK_SKEW + 1, "run.parent_after_child"],
  ["the mandate", 2 * CLOCK_SKEW, null],
  ["the mandate", 2 * CLOCK_SKEW + 1, "run.parent_after_child"],
  ["another mandate of the workflow", 2 * CLOCK_SKEW, null],
  ["another mandate of the workflow", 2 * CLOCK_SKEW + 1, "run.parent_after_child"],
])("%s issued %i s after its child", async (parent, after, reason) => {
  const ledger = newLedger();
  const iat = T - 100;
  const root = mandate({ wid: "w", iat: parent === "the mandate" ? iat + after : iat });
  const other = mandate({ wid: "w", iat: iat + after });
  await ledger.decide(walk(other, { jti: "parent", iat: iat + after }));
  const named = { "a step": "parent", "the mandate": root.jti }[parent] ?? other.jti;
  expect(await ledger.reasons(walk(root, { iat, pred: [named] }))).toEqual([reason]);
});

const STRICT = { level: 3, denied: true } as const;

// -- denied steps ---------------------------------------------------------------------------------------

test.each([
  ["by the gate", { denial: "capability.missing" as const }, "capability.missing"],
  ["by the ledger", { uses: [{ key: "none", max: 0, until: T }] }, "capability.calls_exhausted"],
])("a step denied %s is spent and can be a parent", async (_, more, reason) => {
  const ledger = newLedger();
  const root = mandate();
  const denied = walk(root, { jti: "denied" }, more);
  expect(await ledger.decide(denied)).toEqual({ verdict: "denied", reason, stepRecorded: true });
  expect(await ledger.reasons(walk(root, { jti: "denied" }))).toEqual(["replay.ect"]);
  expect(await ledger.reasons(walk(root, { pred: [root.jti, "denied"] }))).toEqual([null]);
});

const DENIALS = ["capability.missing", null] as const;

/** Steps whose parents are not as they must be, and what each is refused for where nothing else is wrong with it. */
const UNFIT: [string, Partial<Step>, string][] = [
  ["an unknown parent", { pred: ["unknown"] }, "run.pred_unknown"],
  ["itself as its parent", { pred: ["unfit"] }, "run.pred_unknown"],
  ["a parent that others may know", { pred: ["unknown"], othersAsked: false }, "run.pred_unknown"],
  ["a parent from later on", { iat: T - 200 }, "run.parent_after_child"],
  ["a parent of a lower level", { pred: ["low"], parents: STRICT, level: 3 }, "run.parent_level"],
  ["a parent that was denied", { pred: ["no"], parents: { level: 2, denied: false } }, "run.parent_denied"],
];

test.each(
  UNFIT.flatMap(([what, changes, own]) =>
    DENIALS.map((denial) => [what, denial, changes, denial ?? own] as const),
  ),
)(
  "a step with %s, denied for %s too, is spent and cannot be a parent",
  async (_, denial, changes, reason) => {
    const ledger = newLedger();
    const root = mandate();
    await ledger.reasons(
      walk(root, { jti: "low" }),
      walk(root, { jti: "no" }, { denial: "capability.missing" }),
    );
    const unfit = walk(root, { jti: "unfit", ...changes }, { denial });
    const isQuestion = changes.othersAsked === false && denial === null;
    const asked = isQuestion ? walk(root, { jti: "unfit", pred: ["unknown"] }) : unfit;
    const ruling = { verdict: "denied", reason, stepRecorded: false };
    expect(await ledger.decide(asked)).toEqual(ruling);
    // The same attempt once more, from the graph and from the journal.
    expect(await ledger.decide(asked)).toEqual(ruling);
    await evictDurableObject(ledger.stub);
    expect(await ledger.decide(asked, true)).toEqual(ruling);
    const child = (more: Partial<Step>) => walk(root, { pred: [root.jti, "unfit"], ...more });
    expect(
      await ledger.reasons(
        walk(root, { jti: "unfit" }),
        child({}),
        child({ parents: STRICT, level: 3 }),
        child({ toleratesUnknownParents: true }),
      ),
    ).toEqual(["replay.ect", "run.pred_unknown", "run.pred_unknown", null]);
  },
);

test("two steps cannot be each other's parents", async () => {
  const ledger = newLedger();
  const root = mandate();
  expect(
    await ledger.reasons(
      walk(root, { jti: "a", pred: ["b"] }),
      walk(root, { jti: "b", pred: ["a"] }),
      walk(root, { pred: ["a"] }),
    ),
  ).toEqual(["run.pred_unknown", "run.pred_unknown", "run.pred_unknown"]);
});

test("a replay changes nothing about the step that was there", async () => {
  const { ledger, roots } = await settled();
  const nodes = () => ledger.sql(`SELECT * FROM nodes_${Math.floor(T / 21_600)} ORDER BY jti`);
  const before = await nodes();
  expect(
    await ledger.reasons(
      walk(roots.two, { jti: "one", iat: T - 7 }),
      walk(roots.one, { jti: "one", iat: T - 7 }, { denial: "capability.missing" }),
    ),
  ).toEqual(["replay.ect", "replay.ect"]);
  expect(await nodes()).toEqual(before);
  expect(await ledger.reasons(walk(roots.two, { pred: ["one"] }))).toEqual(["run.pred_unknown"]);
});

// -- mandates -------------------------------------------------------------------------------------------

test.each([
  ["its claims", {}],
  ["its workflow, which would make it another run", { wid: "elsewhere" }],
  ["its times", { iat: T - 50, exp: T + 7200 }],
])("a mandate that changed %s under one jti is refused", async (_, changes) => {
  const ledger = newLedger();
  const root = mandate();
  await ledger.decide(walk(root));
  const changed = { ...root, ...changes, digest: "changed" };
  const asked = walk(changed, { jti: "late" });
  expect(await ledger.decide(asked)).toEqual({
    verdict: "denied",
    reason: "run.mandate_changed",
    stepRecorded: false,
  });
  await evictDurableObject(ledger.stub);
  expect(await ledger.reasons(walk(changed))).toEqual(["run.mandate_changed"]);
  expect(await ledger.reasons(walk(root, { jti: "late" }))).toEqual([null]);
});

test("two issuers may use one jti, for two runs", async () => {
  const ledger = newLedger();
  const root = mandate();
  const other = mandate({ jti: root.jti, iss: "https://other.example" });
  expect(await ledger.reasons(walk(root, { jti: "one" }), walk(other, { pred: ["one"] }))).toEqual([
    null,
    "run.pred_unknown",
  ]);
});

test("keys of runs and mandates cannot be forged by quotes in their parts", async () => {
  const ledger = newLedger();
  const one = mandate({ iss: 'a","b', jti: "c" });
  const other = mandate({ iss: "a", jti: 'b","c' });
  expect(await ledger.reasons(walk(one, { jti: "one" }), walk(other, { pred: ["one"] }))).toEqual([
    null,
    "run.pred_unknown",
  ]);
});

test.each([
  ["its own mandate", (roots: Roots) => walk(roots.one, { jti: roots.one.jti })],
  ["a new mandate", () => walk(mandate({ jti: "same" }), { jti: "same" })],
  ["another run's mandate", (roots: Roots) => walk(roots.one, { jti: roots.two.jti })],
])("a step does not take the name of %s", async (_, make) => {
  const { ledger, roots } = await settled();
  expect(await ledger.decide(make(roots))).toEqual({
    verdict: "denied",
    reason: "replay.ect",
    stepRecorded: false,
  });
});

test("a step without a mandate is a bug, and nothing is written of it", async () => {
  const ledger = newLedger();
  await ledger.decide(attempt());
  const rows = await ledger.rows();
  await expect(ledger.decide(attempt({ step: step(mandate()) }))).rejects.toThrow("without a mandate");
  expect(await ledger.rows()).toEqual(rows);
  expect(await ledger.reasons(walk())).toEqual([null]);
});

// -- caps -----------------------------------------------------------------------------------------------

const strangers = (count: number): string[] => Array.from({ length: count }, (_, i) => `stranger-${i}`);

test.each([
  [true, MAX_UNKNOWN_PARENTS, null],
  [true, MAX_UNKNOWN_PARENTS + 1, "run.pred_unknown"],
  [false, 1, "run.pred_unknown"],
])("tolerance %s, %i unknown parents", async (toleratesUnknownParents, count, reason) => {
  const { ledger, roots } = await settled();
  // A step of another run is as unknown as one that does not exist.
  const pred = [roots.one.jti, "one", "two", ...strangers(count - 1)];
  expect(await ledger.reasons(walk(roots.one, { pred, toleratesUnknownParents }))).toEqual([reason]);
});

test("tolerance is not for a parent from later on", async () => {
  const { ledger, roots } = await settled();
  const asked = walk(roots.one, { iat: T - 50, pred: ["one"], toleratesUnknownParents: true });
  expect(await ledger.reasons(asked)).toEqual(["run.parent_after_child"]);
});

test("as many parents as an ECT may name", async () => {
  const ledger = newLedger();
  const root = mandate({ iss: ISSUER });
  const jtis = Array.from({ length: MAX_PRED }, (_, i) => `parent-${i}`);
  await Promise.all(jtis.map((jti) => ledger.decide(walk(root, { jti }))));
  expect(await ledger.reasons(walk(root, { pred: jtis }))).toEqual([null]);
});

// -- levels, denied parents, parents of others ----------------------------------------------------------

test.each<[EctLevel, EctLevel, string | null]>([
  [1, 1, null],
  [2, 1, null],
  [3, 1, null],
  [1, 2, "run.parent_level"],
  [2, 2, null],
  [3, 2, null],
  [1, 3, "run.parent_level"],
  [2, 3, "run.parent_level"],
  [3, 3, null],
])("a parent of level %i where %i is asked for", async (level, least, reason) => {
  const ledger = newLedger();
  const root = mandate({ wid: "w" });
  const other = mandate({ wid: "w" });
  const parents = { level: least, denied: true };
  await ledger.reasons(walk(root, { jti: "parent", level }), walk(other));
  await evictDurableObject(ledger.stub);
  // Mandates are always signed.
  expect(
    await ledger.reasons(
      walk(root, { pred: [root.jti, other.jti], parents, level: least }),
      walk(root, { pred: [root.jti, "parent"], parents, level: least }),
    ),
  ).toEqual([null, reason]);
});

test("where a denied step may be no parent, the answer to it does not say that it may be named", async () => {
  const ledger = newLedger();
  const root = mandate();
  const parents = { level: 2, denied: false } as const;
  const denied = walk(root, { jti: "denied", parents }, { denial: "capability.missing" });
  const ruling = { verdict: "denied", reason: "capability.missing", stepRecorded: false };
  for (const [asked, again] of [
    [denied, false],
    [denied, false],
    [denied, true],
  ] as const)
    expect(await ledger.decide(asked, again)).toEqual(ruling);
  expect(
    await ledger.reasons(
      walk(root, { jti: "denied", parents }),
      walk(root, { pred: [root.jti, "denied"], parents }),
      walk(root, { pred: [root.jti, "denied"] }),
    ),
  ).toEqual(["replay.ect", "run.parent_denied", null]);
});

test.each<[string, Partial<ForeignParent>, string | null]>([
  ["as it should be", {}, null],
  ["that is too late", { earliestChild: T + 1 }, "run.parent_after_child"],
  ["of too low a level", { level: 1 }, "run.parent_level"],
  ["that was denied", { denied: true }, "run.parent_denied"],
  ["under another name", { jti: "other" }, "run.pred_unknown"],
])("another agent's step %s", async (_, changes, reason) => {
  const foreign = { jti: "theirs", earliestChild: T, level: 2, denied: false, ...changes } as const;
  const root = mandate();
  const asked = walk(root, {
    pred: [root.jti, "theirs"],
    foreignParents: [foreign],
    parents: { level: 2, denied: false },
  });
  expect(await newLedger().reasons(asked)).toEqual([reason]);
});

test("a step of one's own is judged as such, whatever others say of its name", async () => {
  const { ledger, roots } = await settled();
  const foreign = { jti: "one", earliestChild: 0, level: 3, denied: false } as const;
  expect(
    await ledger.reasons(
      walk(roots.one, { iat: T - 50, pred: ["one"], foreignParents: [foreign] }),
      walk(roots.two, { pred: ["one"], foreignParents: [foreign] }),
    ),
  ).toEqual(["run.parent_after_child", null]);
});

test("mandates of several issuers, with one root, are one workflow", async () => {
  const ledger = newLedger();
  const shared = { wid: "w", rootIss: ISSUER };
  const [one, other] = [mandate({ ...shared, iss: "agent:a" }), mandate({ ...shared, iss: "agent:b" })];
  const elsewhere = mandate({ wid: "w", iss: "agent:a", rootIss: "https://other.example" });
  expect(
    await ledger.reasons(
      walk(one, { jti: "a1" }),
      walk(other, { pred: [other.jti, "a1"] }),
      walk(elsewhere, { pred: [elsewhere.jti, "a1"] }),
    ),
  ).toEqual([null, null, "run.pred_unknown"]);
});
