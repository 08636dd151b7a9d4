import { describe, expect, test } from "vitest";
import { type Run, readMandate, type Step, startRun } from "../../src/agent/index.ts";
import { MAX_PRED } from "../../src/limits.ts";
import { mandateFor, recorded } from "./helpers.ts";

const mandate = await mandateFor({ jti: "m" });

/** A tool call leaves. */
const leave = (run: Run, jti: string): Step => ({ jti, pred: run.pred(true), joins: true });

/** A tool call leaves and is answered at once. */
function call(run: Run, jti: string, value: string | null = "recorded"): Step {
  const step = leave(run, jti);
  run.answered(step, recorded(value));
  return step;
}

describe("frontier", () => {
  test("a sequence names the mandate and the step before", () => {
    const run = startRun(mandate);
    expect(call(run, "a").pred).toEqual(["m"]);
    expect(call(run, "b").pred).toEqual(["m", "a"]);
    expect(call(run, "c").pred).toEqual(["m", "b"]);
  });

  test("parallel calls fork, and the next call joins them", () => {
    const run = startRun(mandate);
    call(run, "a");
    const [b, c] = [leave(run, "b"), leave(run, "c")];
    expect([b.pred, c.pred]).toEqual([
      ["m", "a"],
      ["m", "a"],
    ]);
    run.answered(c, recorded());
    // b is still on its way: what leaves now cannot name it.
    expect(leave(run, "d").pred).toEqual(["m", "c"]);
    run.answered(b, recorded());
    expect(run.pred(true)).toEqual(["m", "c", "b"]);
  });

  test("a parent stays until a recorded step has named it", () => {
    const run = startRun(mandate);
    call(run, "a");
    call(run, "lost", "not-recorded");
    expect(run.pred(true)).toEqual(["m", "a"]);
  });

  test("more than a verifier reads is left to the next step", () => {
    const run = startRun(mandate);
    const fan = Array.from({ length: MAX_PRED + 9 }, (_, i) => leave(run, `s${i}`));
    for (const step of fan) run.answered(step, recorded());
    const first = call(run, "next");
    expect(first.pred).toHaveLength(MAX_PRED);
    expect(first.pred.slice(0, 2)).toEqual(["m", "s0"]);
    const second = run.pred(true);
    expect(second).toHaveLength(1 + 10 + 1);
    expect(new Set([...first.pred, ...second]).size).toBe(1 + fan.length + 1);
  });
});

describe("all", () => {
  test("names every recorded step, in order of answer", () => {
    const run = startRun(mandate, { predecessors: "all" });
    call(run, "a");
    const [b, c] = [leave(run, "b"), leave(run, "c")];
    run.answered(c, recorded());
    run.answered(b, recorded());
    call(run, "refused", "not-recorded");
    expect(run.pred(true)).toEqual(["m", "a", "c", "b"]);
  });
});

describe.each(["frontier", "all"] as const)("in both ways: %s", (predecessors) => {
  test.each([[null], ["not-recorded"], ["Recorded"], [""]])(
    "a step answered with %j does not join",
    (value) => {
      const run = startRun(mandate, { predecessors });
      call(run, "a", value);
      expect(run.pred(true)).toEqual(["m"]);
    },
  );

  test("a session call names the mandate alone and is never named", () => {
    const run = startRun(mandate, { predecessors });
    call(run, "a");
    expect(run.pred(false)).toEqual(["m"]);
    run.answered({ jti: "ping", pred: ["m"], joins: false }, recorded());
    run.answered(null, recorded());
    expect(run.pred(true)).toEqual(["m", "a"]);
  });
});

describe("renew", () => {
  test("goes on under another mandate of the same workflow", async () => {
    const run = startRun(await mandateFor({ jti: "m1", wid: "w" }));
    call(run, "a");
    const next = await mandateFor({ jti: "m2", wid: "w" });
    run.renew(next);
    expect(run.mandate).toEqual(readMandate(next));
    expect(run.pred(true)).toEqual(["m2", "a"]);
  });

  test.each([
    ["another workflow", { wid: "other" }],
    ["no workflow", {}],
    ["another issuer", { wid: "w", iss: "https://other.example" }],
  ])("refuses a mandate of %s", async (_name, changes) => {
    const run = startRun(await mandateFor({ jti: "m1", wid: "w" }));
    const next = await mandateFor(changes);
    expect(() => run.renew(next)).toThrow(TypeError);
    expect(run.mandate.jti).toBe("m1");
  });

  test("a run without a workflow ends with its mandate", async () => {
    const run = startRun(mandate);
    const next = await mandateFor();
    expect(() => run.renew(next)).toThrow(TypeError);
  });
});

describe("work that another agent began", () => {
  const parents = ["root", "plan"];

  test("the first step follows it, and the next one that step", () => {
    const run = startRun(mandate, { parents });
    expect(call(run, "lost", "not-recorded").pred).toEqual(["m", "root", "plan"]);
    expect(call(run, "a").pred).toEqual(["m", "root", "plan"]);
    expect(call(run, "b").pred).toEqual(["m", "a"]);
  });

  test("all: every step follows it", () => {
    const run = startRun(mandate, { parents, predecessors: "all" });
    call(run, "a");
    expect(run.pred(true)).toEqual(["m", "root", "plan", "a"]);
  });

  test("what one agent would name next is what another can go on from", () => {
    const first = startRun(mandate);
    call(first, "a");
    call(first, "refused", "not-recorded");
    const second = startRun(mandate, { parents: first.pred(true) });
    expect(second.pred(true)).toEqual(["m", "a"]);
  });

  test("a session call names the mandate alone", () => {
    expect(startRun(mandate, { parents }).pred(false)).toEqual(["m"]);
  });
});
