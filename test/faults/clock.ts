/**
 * The clock of Worker and ledgers is moved by minutes, forwards and backwards, also while a ledger or all of workerd is not there.
 * Whatever was captured at any time is sent again at every other: nothing is admitted twice.
 */

import { startRun } from "../../src/agent/index.ts";
import type { Caller } from "../socket/harness.ts";
import { exchange } from "../socket/raw.ts";
import { buildFaulty, ledgerOf, set } from "./faulty.ts";
import { overLines } from "./line.ts";
import { examine } from "./log.ts";
import { crash, openPlace, type Place, TENANT } from "./place.ts";
import { countOf, type Report, type Scenario, sizeOf, sleep } from "./report.ts";
import { type Call, fateOf, signCall } from "./traffic.ts";

/** Minutes that the clock is ahead, one after the other: less and more than tokens live and tables are kept, and back. */
const WALK = [0, 1, -1, 4, 5.5, 0, 6, 16, 11, 31, 30.5, -10, 62, 61, 63, 0];

/** What is issued at a time: of every kind that something is remembered of. */
const TOOLS = ["search", "sealed", null];

/** Seconds that the caller's clock differs, and that what it issues lives. */
const ISSUED = [
  { skew: 0, lifetimeSeconds: 300 },
  { skew: 25, lifetimeSeconds: 270 },
  { skew: -200, lifetimeSeconds: 300 },
];

/** For an alarm that comes at once. */
const ALARM_MS = 300;

export const clock: Scenario = {
  name: "clock",
  run: () => moveClock(WALK.slice(0, sizeOf("FAULTS_CLOCKS", WALK.length))),
};

export async function moveClock(walk: readonly number[]): Promise<Report> {
  const bundle = await buildFaulty();
  const place = await openPlace(bundle.file);
  try {
    const { reader } = place.scene;
    const calls: Call[] = [];
    const fates: string[] = [];
    const faults: string[] = [];
    let kills = 0;
    await begin(place, reader);
    for (const [i, minutes] of walk.entries()) {
      const ahead = minutes * 60_000;
      // Every fourth time while the ledger has only what is on the disk, and while nothing runs.
      if (i % 4 === 3) await crash(place).then(() => (kills += 1));
      await retry(() => set(place, { clock: ahead }));
      if (i % 4 === 1) await set(place, { evict: [ledgerOf(reader)] });

      const fresh = await issue(place, reader, ahead);
      calls.push(...fresh);
      await overLines(place.scene.url, 4, fresh, async (line, call) => {
        call.answer = await line.send(call.bytes);
      });
      // The ledger's time never goes back. Until the clock is where it was, honest callers are refused.
      const isLatest = minutes >= Math.max(...walk.slice(0, i + 1));
      const refused = fresh.filter((call) => fateOf(call) !== "served");
      if (isLatest && refused.length > 0)
        faults.push(
          `at ${minutes} minutes fresh calls were answered with ${refused.map((call) => fateOf(call))}`,
        );
      for (let round = 0; round < 2; round += 1) {
        await overLines(place.scene.url, 8, calls, async (line, call) => {
          fates.push(fateOf(call, await line.send(call.bytes)));
        });
        // Which forgets what has expired.
        if (round === 0) await set(place, { wake: [ledgerOf(reader)] }).then(() => sleep(ALARM_MS));
      }
    }
    await set(place, { clock: 0 });
    const found = await examine(place, calls);
    const { served: late = 0, "no answer": unanswered = 0, ...refused } = countOf(fates);
    const first = countOf(calls.map((call) => fateOf(call)));
    return {
      counts: { ...found.counts, requests: calls.length + fates.length, kills },
      shown: {
        ...found.shown,
        "clocks set": walk.length,
        ...named("first: ", first),
        late,
        ...named("again: ", refused),
      },
      faults: [
        ...found.faults,
        ...faults,
        ...(unanswered > 0 ? [`${unanswered} copies had no answer`] : []),
        // A copy may be served where the call itself came at a wrong time; the origin's count says that it was one.
        ...(late > calls.length - (first.served ?? 0) ? [`${late} copies were served`] : []),
      ],
    };
  } finally {
    await place.close();
    await bundle.remove();
  }
}

/** A ledger takes nothing that was issued before it began, so this one begins early enough for all that comes. */
async function begin(place: Place, caller: Caller): Promise<void> {
  const ahead = 60_000 * (Math.min(...WALK) - 10);
  await set(place, { clock: ahead });
  const [first] = await issue(place, caller, ahead);
  if (first !== undefined) await exchange(place.scene.url, first.bytes);
}

/** Calls under a mandate of this time, issued by a clock that agrees with the Worker's as far as it may. */
async function issue(place: Place, caller: Caller, ahead: number): Promise<Call[]> {
  const now = Math.floor((Date.now() + ahead) / 1000);
  const token = await place.scene.mandate(TENANT, { caller, now: now - 250, lifetimeSeconds: 3_600 });
  const run = startRun(token);
  return Promise.all(
    TOOLS.flatMap((tool) =>
      ISSUED.map(({ skew, lifetimeSeconds }) =>
        signCall(place, caller, { tool, run, lifetimeSeconds, now: () => now + skew }),
      ),
    ),
  );
}

const named = (prefix: string, counts: Readonly<Record<string, number>>): Record<string, number> =>
  Object.fromEntries(Object.entries(counts).map(([name, n]) => [prefix + name, n]));

/** After a crash nothing answers for a moment. */
async function retry<T>(work: () => Promise<T>): Promise<T> {
  for (const deadline = Date.now() + 20_000; ; await sleep(50)) {
    try {
      return await work();
    } catch (error) {
      if (Date.now() > deadline) throw error;
    }
  }
}
