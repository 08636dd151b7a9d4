import { afterEach, expect, test, vi } from "vitest";
import { decide, report } from "../../src/ledger/client.ts";
import type { Attempt, Ruling } from "../../src/ledger/protocol.ts";
import { LEDGER_DEADLINE_MS } from "../../src/limits.ts";
import { attempt, outcomeOf } from "./helpers.ts";

const ADMITTED: Ruling = { verdict: "admitted", reason: null, stepRecorded: false };

type Answer = () => Promise<Ruling>;

/** A namespace whose ledger gives these answers, one after the other; the calls it got are kept. */
function fake(...answers: Answer[]) {
  const calls: { stub: number; again: boolean }[] = [];
  let stubs = 0;
  const getByName = () => {
    stubs += 1;
    const stub = stubs;
    return {
      decide: (_: Attempt, again = false) => {
        calls.push({ stub, again });
        const answer = answers.shift();
        return answer === undefined ? Promise.reject(new Error("one call too many")) : answer();
      },
      outcome: () => Promise.reject(new Error("gone")),
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

test.each([
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
] as const)("%s", async (_, answers, expected, count) => {
  const { env, calls } = fake(...answers);
  expect(await decide(env, "name", attempt())).toEqual(expected);
  // Each try has a stub of its own, and the second says that it is one.
  expect(calls).toEqual(
    [
      { stub: 1, again: false },
      { stub: 2, again: true },
    ].slice(0, count),
  );
});

test("no answer in time is a refusal", async () => {
  vi.useFakeTimers();
  const { env } = fake(() => new Promise(() => {}));
  const asked = decide(env, "name", attempt());
  await vi.advanceTimersByTimeAsync(LEDGER_DEADLINE_MS);
  expect(await asked).toEqual({ ok: false, error: "ledger.unavailable" });
});

test("a report that is lost harms nobody", async () => {
  await expect(report(fake().env, "name", outcomeOf(attempt()))).resolves.toBeUndefined();
});
