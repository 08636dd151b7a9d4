/** What a call costs: the requests to other parts of the platform, and the rows that SQLite and D1 say were written. */

import { setTimeout } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { buildCounting, type Counted, sumUp, takeCounted } from "../../bench/cost/counted.ts";
import type { Run } from "../../src/agent/index.ts";
import type { Bundle } from "../support/around-worker/build.ts";
import { type Scene, setScene } from "./harness.ts";
import { told, toolCall } from "./messages.ts";

let bundle: Bundle;
let scene: Scene;
beforeAll(async () => {
  bundle = await buildCounting();
  scene = await setScene({ acme: {} }, { bundle: bundle.file });
});
afterAll(async () => {
  await scene.close();
  await bundle.remove();
});

const CALLS = 8;

/** A decision and its entries in three indexes, an outcome and its entries in two. */
const ROWS_IN_D1 = 7;

/** Makes a call, and notes what is counted until its outcome is handed over. */
async function call(run: Run, tool: string): Promise<readonly Counted[]> {
  const answer = await scene.send(await scene.sign("acme", toolCall(tool), { run }));
  expect(told(answer)).toBe("200");
  const counted: Counted[] = [];
  while (!counted.some(({ what }) => what === "ledger.outcome"))
    counted.push(...(await takeCounted(scene.url)));
  return counted;
}

/** Adds what is counted until D1 has taken so many calls: a query is counted when it is answered. */
async function addDrains(counted: Counted[], calls: number): Promise<void> {
  const rows = () => sumUp(counted, "ledger").get("d1.run")?.rows ?? 0;
  for (; rows() < ROWS_IN_D1 * calls; await setTimeout(50)) counted.push(...(await takeCounted(scene.url)));
}

test.each([
  ["with ACT, ECT and signature", "search", { "INSERT nodes": CALLS }],
  ["with an attestation", "sealed", { "INSERT nodes": CALLS, "INSERT claims": CALLS }],
])("a call %s", async (_, tool, spent) => {
  const run = await scene.run("acme");
  // The first one of a run, of a ledger and of an isolate costs more.
  await addDrains([...(await call(run, tool))], 1);

  const counted: Counted[] = [];
  for (let i = 0; i < CALLS; i += 1) {
    const made = await call(run, tool);
    // The tenant's document is read again every few seconds, however many calls there are.
    const asked = made.filter(({ by, what }) => by === "worker" && what !== "kv.get");
    expect(asked.map(({ what }) => what)).toEqual(["ledger.decide", "origin", "ledger.outcome"]);
    counted.push(...made);
  }
  await addDrains(counted, CALLS);

  const {
    "d1.run": drains,
    "INSERT meta": meta,
    setAlarm,
    ...others
  } = Object.fromEntries(sumUp(counted, "ledger"));
  // The table of another window may be made or dropped meanwhile.
  const ofCalls = Object.entries(others).filter(([what]) => !/^(CREATE|DROP) /.test(what));
  expect(Object.fromEntries(ofCalls.map(([what, { rows }]) => [what, rows]))).toEqual({
    ...spent,
    "INSERT journal": 2 * CALLS,
  });
  expect(drains?.rows).toBe(ROWS_IN_D1 * CALLS);

  // What is written beside the calls is written for an alarm, however many calls came before it; one may have been under way.
  const alarms = sumUp(counted, "platform").get("ledger.alarm")?.times ?? 0;
  expect(Math.max(meta?.rows ?? 0, setAlarm?.rows ?? 0)).toBeLessThanOrEqual(2 * (alarms + 1));
});
