import { expect, test, vi } from "vitest";
import type { Reason } from "../../src/reasons.ts";
import { fail, ok, type Result } from "../../src/result.ts";
import { supervise } from "../../src/supervision/supervise.ts";

const NEVER = 600_000;

/** Settles with the reason it was stopped for. */
const stopped = (stop: AbortSignal) =>
  new Promise<unknown>((resolve) => stop.addEventListener("abort", () => resolve(stop.reason)));

/** A check that answers as told, in order; the last answer stays. */
function checks(...answers: (Result<void, Reason> | Error)[]) {
  const asked = { count: 0, atOnce: 0, most: 0 };
  const check = async (): Promise<Result<void, Reason>> => {
    const answer = answers[Math.min(asked.count, answers.length - 1)] ?? ok(undefined);
    asked.count += 1;
    asked.atOnce += 1;
    asked.most = Math.max(asked.most, asked.atOnce);
    await new Promise((resolve) => setTimeout(resolve, 5));
    asked.atOnce -= 1;
    if (answer instanceof Error) throw answer;
    return answer;
  };
  return { check, asked };
}

test("ends when the bearer is out of time", async () => {
  const { stop } = supervise({ expired: "act.expired", expiresIn: 5, pause: NEVER, check: checks().check });
  expect(await stopped(stop)).toBe("act.expired");
});

test("ends when its caller is trusted no more, for the reason it is told, and asks no more", async () => {
  const { check, asked } = checks(ok(undefined), ok(undefined), fail("policy.agent_suspended"));
  const { stop } = supervise({ expired: "act.expired", expiresIn: NEVER, pause: 1, check });
  expect(await stopped(stop)).toBe("policy.agent_suspended");
  await new Promise((resolve) => setTimeout(resolve, 30));
  expect(asked.count).toBe(3);
});

test("a slow check is not asked a second time meanwhile", async () => {
  const { check, asked } = checks(ok(undefined), ok(undefined), ok(undefined), fail("tenant.unavailable"));
  await stopped(supervise({ expired: "act.expired", expiresIn: NEVER, pause: 0, check }).stop);
  expect(asked.most).toBe(1);
});

test("a check that fails is no leave to go on", async () => {
  const logged = vi.spyOn(console, "error").mockImplementation(() => {});
  const { check } = checks(new Error("bug"));
  expect(await stopped(supervise({ expired: "act.expired", expiresIn: NEVER, pause: 1, check }).stop)).toBe(
    "internal.error",
  );
  expect(logged).toHaveBeenCalledOnce();
  logged.mockRestore();
});

test("nothing happens after its end, whatever a check in flight says", async () => {
  const { check, asked } = checks(fail("policy.agent_suspended"));
  const { stop, end } = supervise({ expired: "act.expired", expiresIn: 20, pause: 1, check });
  while (asked.count === 0) await new Promise((resolve) => setTimeout(resolve, 1));
  end();
  await new Promise((resolve) => setTimeout(resolve, 40));
  expect(stop.aborted).toBe(false);
});
