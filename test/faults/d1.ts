/**
 * D1 fails for minutes under load, in every manner, and comes back: calls go on, and nothing is lost or doubled. Where so much waits
 * for D1 that no more is taken, calls are refused.
 */

import { RETRY_AFTER } from "../../src/limits.ts";
import { buildFaulty, ledgerOf, set } from "./faulty.ts";
import { openLine } from "./line.ts";
import { examine } from "./log.ts";
import { openPlace, type Place } from "./place.ts";
import { countOf, merge, type Report, type Scenario, sizeOf, sleep } from "./report.ts";
import { type Call, fateOf, type Load, signCall, startLoad } from "./traffic.ts";

/**
 * How D1 fails, one after the other. The table that is not there is real; the others stand in for the network. Slow comes last: it
 * works, so that the ledgers ask at their usual pace again when all is over.
 */
const MANNERS = ["table gone", "down", "answer-lost", "silent", "slow"] as const;

/** A ledger that D1 fails asks ever less often. Here it is woken, so that it meets each manner this often. */
const WAKES = 3;

/** Records that may wait for D1 where the cap is shown: the real one would take minutes to fill. */
const SMALL_BACKLOG = 60;

export const d1: Scenario = {
  name: "d1",
  run: async () => {
    const outage = await failD1(sizeOf("FAULTS_D1_SECONDS", 120) * 1000);
    return merge(outage, await fillBacklog());
  },
};

export async function failD1(duration: number): Promise<Report> {
  const bundle = await buildFaulty();
  const place = await openPlace(bundle.file);
  try {
    const { reader, writer, courier } = place.scene;
    const callers = [reader, writer, courier];
    const load = startLoad(place, callers, 2, 25);
    await sleep(Math.min(duration / 10, 3_000));
    const during: Record<string, number> = {};
    for (const manner of MANNERS) {
      const before = place.seen.length;
      const isGone = manner === "table gone";
      if (isGone) await rename(place, "audit_records", "away");
      for (let i = 0; i < WAKES; i += 1) {
        await set(place, { d1: isGone ? null : manner, wake: callers.map(ledgerOf) });
        await sleep(duration / MANNERS.length / WAKES);
      }
      if (isGone) await rename(place, "away", "audit_records");
      during[`served, D1 ${manner}`] = place.seen.length - before;
    }
    const behind = load.calls.length - (await countDecisions(place));
    const met = await set(place, { d1: null });
    await sleep(Math.min(duration / 10, 3_000));
    await load.stop();
    for (const manner of MANNERS.slice(1)) during[`D1 ${manner}`] = met[manner] ?? 0;
    return await report(place, load, { ...during, "decisions that D1 did not have": behind });
  } finally {
    await place.close();
    await bundle.remove();
  }
}

async function rename({ scene }: Place, from: string, to: string): Promise<void> {
  await (await scene.runtime.d1()).prepare(`ALTER TABLE ${from} RENAME TO ${to}`).run();
}

async function countDecisions({ scene }: Place): Promise<number> {
  const query = "SELECT COUNT(*) AS n FROM audit_records WHERE kind = 'decision'";
  return (await (await scene.runtime.d1()).prepare(query).first<number>("n")) ?? 0;
}

async function report(place: Place, { calls }: Load, during: Record<string, number>): Promise<Report> {
  const found = await examine(place, calls);
  const { served = 0, ...refused } = countOf(calls.map((call) => fateOf(call)));
  return {
    counts: { ...found.counts, requests: calls.length },
    shown: { ...found.shown, ...during },
    faults: [
      ...found.faults,
      ...Object.entries(refused).map(([fate, n]) => `${n} calls were answered with ${fate}`),
      ...Object.entries(during).flatMap(([what, n]) => (n === 0 ? [`${what}: none`] : [])),
      ...(served === 0 ? ["nothing was served"] : []),
    ],
  };
}

/** Fills what may wait for D1, and lets D1 come back. */
export async function fillBacklog(): Promise<Report> {
  const bundle = await buildFaulty({ MAX_JOURNAL_BACKLOG: SMALL_BACKLOG });
  const place = await openPlace(bundle.file);
  const line = openLine(place.scene.url);
  const calls: Call[] = [];
  const faults: string[] = [];
  const call = async (): Promise<string> => {
    const made = await signCall(place, place.scene.reader);
    made.answer = await line.send(made.bytes);
    calls.push(made);
    return fateOf(made);
  };
  try {
    await set(place, { d1: "down" });
    // Each call may have an outcome, too.
    while (calls.length <= SMALL_BACKLOG && (await call()) === "served");
    const full = calls.length;
    const seen = place.seen.length;
    for (let i = 0; i < 20; i += 1) await call();
    for (const refused of calls.slice(full - 1)) {
      const retryAfter = refused.answer?.headers.get("retry-after");
      const fate = fateOf(refused);
      if (!fate.startsWith("503 ") || retryAfter !== String(RETRY_AFTER))
        faults.push(`with a full backlog a call was answered with ${fate}, Retry-After ${retryAfter}`);
    }
    if (place.seen.length !== seen) faults.push("with a full backlog calls were forwarded");
    await set(place, { d1: null });
    for (const deadline = Date.now() + 90_000; (await call()) !== "served"; await sleep(500)) {
      if (Date.now() < deadline) continue;
      faults.push("after D1 was back calls were still refused");
      break;
    }
    const found = await examine(place, calls);
    return {
      counts: { ...found.counts, requests: calls.length },
      shown: { "served before the backlog was full": full - 1, "refused then": calls.length - full },
      faults: [...found.faults, ...faults],
    };
  } finally {
    line.close();
    await place.close();
    await bundle.remove();
  }
}
