/**
 * workerd is killed under load, again and again, with its state on disk. What was admitted before is not admitted after, whatever was
 * sent again; and every call that the origin saw is in the log, once.
 */

import { overLines } from "./line.ts";
import { examine } from "./log.ts";
import { crash, openPlace, type Place } from "./place.ts";
import { countOf, type Report, type Scenario, sizeOf, sleep } from "./report.ts";
import { type Call, fateOf, type Load, startLoad } from "./traffic.ts";

export interface Size {
  readonly kills: number;
  /** Calls at a time, for each of three agents. */
  readonly width: number;
  /** Milliseconds from a restart to the next kill, at most. */
  readonly pause: number;
}

/** After each kill all calls since the one before are sent again, and so many of all that came earlier. */
const SAMPLE = 50;

export const kill: Scenario = {
  name: "kill",
  run: () => killUnderLoad({ kills: sizeOf("FAULTS_KILLS", 20), width: 8, pause: 1_500 }),
};

export async function killUnderLoad({ kills, width, pause }: Size): Promise<Report> {
  const place = await openPlace();
  try {
    const { reader, writer, courier } = place.scene;
    const load = startLoad(place, [reader, writer, courier], width);
    const copies: Copies = { sent: 0, fates: [] };
    const checks: Promise<void>[] = [];
    let checked = 0;
    for (let killed = 0; killed < kills; killed += 1) {
      await sleep(Math.random() * pause);
      const sent = load.calls.length;
      await crash(place);
      // While they are sent again calls go on, and the next kill comes.
      const earlier = sampleOf(load.calls.slice(0, checked));
      checks.push(sendAgain(place, [...load.calls.slice(checked, sent), ...earlier], copies));
      checked = sent;
    }
    await sleep(pause);
    await load.stop();
    await Promise.all(checks);
    await sendAgain(place, [...load.calls.slice(checked), ...sampleOf(load.calls)], copies);
    return await report(place, load, copies, kills);
  } finally {
    await place.close();
  }
}

interface Copies {
  sent: number;
  /** How each was answered. One may be served: that of a call which had not come so far before the kill. */
  fates: string[];
}

/** Sends each once more, byte for byte, until it is answered. */
function sendAgain({ scene }: Place, calls: readonly Call[], copies: Copies): Promise<void> {
  return overLines(scene.url, 8, calls, async (line, call) => {
    for (let answer = null; answer === null; ) {
      copies.sent += 1;
      answer = await line.send(call.bytes);
      if (answer === null) await sleep(20);
      else copies.fates.push(fateOf(call, answer));
    }
  });
}

const sampleOf = (calls: readonly Call[]): Call[] =>
  Array.from({ length: Math.min(SAMPLE, calls.length) }).flatMap(
    () => calls[Math.floor(Math.random() * calls.length)] ?? [],
  );

async function report(place: Place, { calls }: Load, copies: Copies, kills: number): Promise<Report> {
  const found = await examine(place, calls);
  const first = countOf(calls.map((call) => fateOf(call)));
  const again = countOf(copies.fates);
  const { served = 0, "no answer": unanswered = 0, ...refused } = first;
  const { served: late = 0, "403 replay.ect": replays = 0, ...otherwise } = again;
  return {
    counts: { ...found.counts, requests: calls.length + copies.sent, kills },
    shown: {
      ...found.shown,
      served,
      unanswered,
      "of these served when sent again": late,
      "copies refused": replays,
    },
    faults: [
      ...found.faults,
      // An honest caller is refused for nothing, whatever broke before: what it was told is recorded is still known.
      ...[refused, otherwise].flatMap((fates, i) =>
        Object.entries(fates).map(
          ([fate, n]) => `${n} ${i === 0 ? "calls" : "copies"} were answered with ${fate}`,
        ),
      ),
    ],
  };
}
