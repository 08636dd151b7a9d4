import { afterEach, expect, test, vi } from "vitest";
import { decide, keptStub, report } from "../../src/ledger/client.ts";
import type { Attempt, Ruling } from "../../src/ledger/protocol.ts";
import { LEDGER_DEADLINE_MS } from "../../src/limits.ts";
import { attempt, outcomeOf } from "./helpers.ts";

const ADMITTED: Ruling = {
  verdict: "admitted",
  reason: null,
  place: null,
  stepRecorded: false,
  retryAfter: null,
  approval: null,
};

type Answer = () => Promise<Ruling>;

/** A namespace whose ledger gives these answers, one after the other; the calls it got are kept. */
function fake(...answers: Answer[]) {
  const calls: { stub: number; again: boolean }[] = [];
  const answerTo = (call: { stub: number; again: boolean }) => {
    calls.push(call);
    const answer = answers.shift();
    return answer === undefined ? Promise.reject(new Error("one call too many")) : answer();
  };
  let stubs = 0;
  const getByName = () => {
    stubs += 1;
    const stub = stubs;
    return {
      decide: (_: Attempt, again = false) => answerTo({ stub, again }),
      // It is repeated without harm, so it need not say that it is.
      outcome: () => answerTo({ stub, again: stub > 1 }),
    };
  };
  return { env: { LEDGER: { getByName } } as unknown as Env, calls };
}

const answered = (): Promise<Ruling> => Promise.resolve(ADMITTED);
const failing =
  (flags: object): Answer =>
  () =>
    Promise.reject(Object.assign(new Error("platform"), flags));

afterEach(() => void vi.useRealTimers());

const TRIES = [
  ["an answer", [answered], { ok: true, value: ADMITTED }, 1],
  [
    "overload",
    [failing({ overloaded: true, retryable: true })],
    { ok: false, error: "ledger.overloaded" },
    1,
  ],
  ["a retryable failure", [failing({ retryable: true }), answered], { ok: true, value: ADMITTED }, 2],
  [
    "two retryable failures",
    [failing({ retryable: true }), failing({ retryable: true })],
    { ok: false, error: "ledger.unavailable" },
    2,
  ],
  [
    "a retryable failure, then overload",
    [failing({ retryable: true }), failing({ overloaded: true })],
    { ok: false, error: "ledger.overloaded" },
    2,
  ],
  ["an exception of the ledger", [failing({ remote: true })], { ok: false, error: "ledger.unavailable" }, 1],
] as const;

/** Each try has a stub of its own, and the second says that it is one. */
const CALLS = [
  { stub: 1, again: false },
  { stub: 2, again: true },
];

test.each(TRIES)("%s", async (_, answers, expected, count) => {
  const { env, calls } = fake(...answers);
  expect(await decide(env, "name", attempt())).toEqual(expected);
  expect(calls).toEqual(CALLS.slice(0, count));
});

test("a report goes through the stub of the decision first, and where that fails through a new one", async () => {
  const { env, calls } = fake(failing({ remote: true }), answered);
  await report(env, "name", outcomeOf(attempt()), keptStub(env, "name"));
  expect(calls).toEqual(CALLS);
});

test("a namespace that makes no stub is a ledger that does not answer", async () => {
  const getByName = () => {
    throw new Error("platform");
  };
  const env = { LEDGER: { getByName } } as unknown as Env;
  const asked = decide(env, "name", attempt(), undefined, keptStub(env, "name"));
  expect(await asked).toEqual({ ok: false, error: "ledger.unavailable" });
});

test("no answer in time is a refusal", async () => {
  vi.useFakeTimers();
  const { env } = fake(() => new Promise(() => {}));
  const asked = decide(env, "name", attempt());
  await vi.advanceTimersByTimeAsync(LEDGER_DEADLINE_MS);
  expect(await asked).toEqual({ ok: false, error: "ledger.unavailable" });
});

test.each([
  ...TRIES.slice(0, -1),
  ["an exception of the ledger", [failing({ remote: true })], null, 2],
] as const)(
  "a report harms nobody, and is repeated once, whatever went wrong, but for overload: %s",
  async (_, answers, __, count) => {
    const { env, calls } = fake(...answers);
    await expect(report(env, "name", outcomeOf(attempt()))).resolves.toBeUndefined();
    expect(calls).toEqual(CALLS.slice(0, count));
  },
);
