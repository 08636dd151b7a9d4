import { evictDurableObject } from "cloudflare:test";
import { describe, expect, test } from "vitest";
import { DenialMeter } from "../../src/audit/denial-meter.ts";
import {
  DENIAL_WINDOW_MS,
  MAX_DENIALS_PER_WINDOW,
  MAX_REPEATABLE_DENIALS_PER_WINDOW,
} from "../../src/limits.ts";
import {
  attempt,
  chainFault,
  facts,
  type Home,
  mandate,
  newLedger,
  setClock,
  T,
  useClock,
  walk,
} from "./helpers.ts";

useClock();

describe("the meter", () => {
  const start = T * 1000;
  const flood = (meter: DenialMeter, count: number, now: number) =>
    Array.from({ length: count }, () => meter.admits(now)).filter((admitted) => admitted).length;

  test("admits so many in a window and counts the rest", () => {
    const meter = new DenialMeter(MAX_DENIALS_PER_WINDOW);
    expect(flood(meter, MAX_DENIALS_PER_WINDOW, start)).toBe(MAX_DENIALS_PER_WINDOW);
    expect(meter.isOwing).toBe(false);
    expect(flood(meter, 7, start + DENIAL_WINDOW_MS - 1)).toBe(0);
    expect(meter.isOwing).toBe(true);
    expect(meter.takeDue(start + DENIAL_WINDOW_MS - 1)).toBe(0);
    expect(meter.takeDue(start + DENIAL_WINDOW_MS)).toBe(7);
    expect(meter.isOwing).toBe(false);
    expect(meter.takeDue(start + 9 * DENIAL_WINDOW_MS)).toBe(0);
  });

  test("a flood that never pauses is summed up once for each window", () => {
    const meter = new DenialMeter(MAX_DENIALS_PER_WINDOW);
    const taken: number[] = [];
    for (let window = 0; window < 4; window += 1) {
      const now = start + window * DENIAL_WINDOW_MS;
      // As the ledger does: the denial is counted first, then what is due goes with its record.
      if (meter.admits(now)) taken.push(meter.takeDue(now));
      expect(flood(meter, MAX_DENIALS_PER_WINDOW + window, now + 1)).toBe(MAX_DENIALS_PER_WINDOW - 1);
    }
    expect(taken).toEqual([0, 1, 2, 3]);
  });

  test("a clock that is set back begins another window", () => {
    const meter = new DenialMeter(3);
    expect(flood(meter, 5, start)).toBe(3);
    expect(flood(meter, 5, start - DENIAL_WINDOW_MS + 1)).toBe(0);
    expect(flood(meter, 5, start - 600_000)).toBe(3);
    expect(meter.takeDue(start - 600_000)).toBe(7);
  });

  test("what could not be written is owed again", () => {
    const meter = new DenialMeter(MAX_DENIALS_PER_WINDOW);
    flood(meter, MAX_DENIALS_PER_WINDOW + 5, start);
    meter.giveBack(meter.takeDue(start + DENIAL_WINDOW_MS));
    expect(meter.takeDue(start + DENIAL_WINDOW_MS)).toBe(5);
  });
});

/** Denied calls of the agent itself: each uses up a step. */
function deny(ledger: Home, count: number) {
  const root = mandate();
  const denied = () => walk(root, {}, { denial: "policy.agent_suspended" });
  return Promise.all(Array.from({ length: count }, () => ledger.decide(denied())));
}

test("a flood of denials is answered, written up to a bound, and summed up in one record", async () => {
  const ledger = newLedger();
  const rulings = await deny(ledger, MAX_DENIALS_PER_WINDOW + 40);
  expect(new Set(rulings.map(({ reason }) => reason))).toEqual(new Set(["policy.agent_suspended"]));
  expect(await ledger.journal()).toHaveLength(MAX_DENIALS_PER_WINDOW);

  // Nothing else comes. The alarm within the window has no sum yet and must come again.
  setClock(T + 1);
  await ledger.alarm();
  expect(await ledger.journal()).not.toContainEqual(expect.objectContaining({ kind: "summary" }));
  setClock(T + 1 + DENIAL_WINDOW_MS / 1000);
  expect(await ledger.alarm()).toBe(true);

  const logged = await ledger.logged();
  expect(logged).toHaveLength(MAX_DENIALS_PER_WINDOW + 1);
  expect(logged.at(-1)).toMatchObject({
    kind: "summary",
    tenant: ledger.tenant,
    principal: "agent:scout",
    verdict: "denied",
    reason: null,
    count: 40,
    checks: "[]",
  });
  expect(logged.at(-1)?.id).toBe(`${logged.at(-1)?.decision}.summary`);
  expect(logged.reduce((sum, { count }) => sum + (count ?? 1), 0)).toBe(MAX_DENIALS_PER_WINDOW + 40);

  setClock(T + 100);
  await ledger.alarm();
  expect(await ledger.logged()).toHaveLength(MAX_DENIALS_PER_WINDOW + 1);
});

test("a flood that never pauses is summed up with the first record of the next window", async () => {
  const ledger = newLedger();
  await deny(ledger, MAX_DENIALS_PER_WINDOW + 3);
  setClock(T + DENIAL_WINDOW_MS / 1000);
  await deny(ledger, 2);
  const records = await ledger.journal();
  expect(records.slice(MAX_DENIALS_PER_WINDOW).map(({ kind, count }) => [kind, count])).toEqual([
    ["summary", 3],
    ["decision", null],
    ["decision", null],
  ]);
  expect(await chainFault(records)).toBeNull();
});

test("in a flood the agent's own calls are admitted, and a step that was not written is not said to be", async () => {
  const ledger = newLedger();
  const root = mandate();
  await deny(ledger, MAX_DENIALS_PER_WINDOW);
  const denied = walk(root, { jti: "denied" }, { denial: "capability.missing" });
  expect(await ledger.decide(denied)).toEqual({
    verdict: "denied",
    reason: "capability.missing",
    stepRecorded: false,
  });
  const good = walk(root);
  expect((await ledger.decide(good)).verdict).toBe("admitted");
  // Nor is it spent: it was never admitted.
  expect(
    await ledger.reasons(walk(root, { pred: [root.jti, "denied"] }), walk(root, { jti: "denied" })),
  ).toEqual(["run.pred_unknown", null]);
  // A replay is still a replay, although it is no longer written down.
  expect(await ledger.reasons({ ...good, decision: "again" })).toEqual(["replay.ect"]);
  await evictDurableObject(ledger.stub);
  expect(await ledger.reasons({ ...good, decision: "again" })).toEqual(["replay.ect"]);
});

test("the status on record is that of the answer, also where the body was never read", async () => {
  const ledger = newLedger();
  const unread = facts({ method: null });
  await ledger.decide(
    attempt({
      denial: "message.too_large",
      answerForm: { method: "server/discover", modern: false, wimse: false },
      facts: unread,
    }),
  );
  await ledger.decide(
    attempt({
      denial: "message.too_large",
      answerForm: { method: null, modern: false, wimse: false },
      facts: unread,
    }),
  );
  await ledger.decide(walk(mandate(), {}, { denial: "capability.missing" }));
  expect((await ledger.journal()).map(({ status }) => status)).toEqual([403, 413, 200]);
});

test("replays have a bound of their own, so that they cannot push other denials out", async () => {
  const ledger = newLedger();
  const used = walk();
  await ledger.decide(used);
  const replay = () => attempt({ mandate: used.mandate, step: used.step });
  for (let i = 0; i < MAX_REPEATABLE_DENIALS_PER_WINDOW + 7; i++)
    expect((await ledger.decide(replay())).reason).toBe("replay.ect");
  await ledger.decide(walk(mandate(), {}, { denial: "capability.missing" }));
  const reasons = (await ledger.journal()).map(({ reason }) => reason);
  expect(reasons.filter((reason) => reason === "replay.ect")).toHaveLength(MAX_REPEATABLE_DENIALS_PER_WINDOW);
  expect(reasons.at(-1)).toBe("capability.missing");

  setClock(T + DENIAL_WINDOW_MS / 1000);
  await ledger.decide(walk());
  expect(await ledger.journal()).toContainEqual(expect.objectContaining({ kind: "summary", count: 7 }));
});
