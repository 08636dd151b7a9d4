/** Ledgers that cannot be reached, are overloaded or do not answer: nothing is forwarded, and nothing is spent twice. */

import { RETRY_AFTER } from "../../src/limits.ts";
import { buildFaulty, type LedgerFault, set } from "./faulty.ts";
import { overLines } from "./line.ts";
import { examine } from "./log.ts";
import { openPlace, type Place } from "./place.ts";
import { countOf, type Report, type Scenario, sizeOf } from "./report.ts";
import { type Call, fateOf, signCall } from "./traffic.ts";

/** What a caller is told while a ledger fails in this way, and when it sends the same again afterwards. */
const EXPECTED: Readonly<Record<LedgerFault, { readonly first: string; readonly again: string }>> = {
  overloaded: { first: "503 ledger.overloaded", again: "served" },
  unreachable: { first: "503 ledger.unavailable", again: "served" },
  broken: { first: "503 ledger.unavailable", again: "served" },
  silent: { first: "503 ledger.unavailable", again: "served" },
  // It was admitted, and is written down as such; the caller, who has heard nothing of it, must sign anew.
  unheard: { first: "503 ledger.unavailable", again: "403 replay.ect" },
  "answer-lost": { first: "served", again: "403 replay.ect" },
};

export const ledgerFaults: Scenario = {
  name: "ledger-faults",
  run: () => failLedgers(sizeOf("FAULTS_LEDGER_CALLS", 60)),
};

/** @param number calls for each kind of fault */
export async function failLedgers(number: number): Promise<Report> {
  const bundle = await buildFaulty();
  const place = await openPlace(bundle.file);
  try {
    const calls: Call[] = [];
    const faults: string[] = [];
    let sent = 0;
    const expectAll = async (fresh: readonly Call[], expected: string, when: string) => {
      const fates = await sendAll(place, fresh);
      sent += fates.length;
      for (const [fate, n] of Object.entries(countOf(fates)))
        if (fate !== expected) faults.push(`${when}: ${n} calls were answered with ${fate}`);
    };
    // Ledgers that have begun, and honest callers who have a run.
    await expectAll(await sign(place, number, calls), "served", "before");
    for (const [fault, { first, again }] of Object.entries(EXPECTED)) {
      const fresh = await sign(place, number, calls);
      await set(place, { ledger: fault as LedgerFault });
      await expectAll(fresh, first, `${fault}, sent`);
      const arrived = fresh.filter(({ mark }) => place.arrivals(mark) > 0).length;
      if (first !== "served" && arrived > 0) faults.push(`${fault}: ${arrived} calls were forwarded`);
      for (const { answer } of fresh)
        if (first !== "served" && answer?.headers.get("retry-after") !== String(RETRY_AFTER))
          faults.push(`${fault}: a refusal has Retry-After ${answer?.headers.get("retry-after")}`);
      await set(place, { ledger: null });
      await expectAll(fresh, again, `${fault}, sent again`);
      await expectAll(fresh, "403 replay.ect", `${fault}, a third time`);
    }
    const found = await examine(place, calls);
    return {
      counts: { ...found.counts, requests: sent },
      shown: found.shown,
      faults: [...found.faults, ...faults],
    };
  } finally {
    await place.close();
    await bundle.remove();
  }
}

/** Fresh calls of three agents, of every kind. */
async function sign(place: Place, number: number, calls: Call[]): Promise<Call[]> {
  const { reader, writer, courier } = place.scene;
  const callers = [reader, writer, courier];
  const fresh = await Promise.all(
    Array.from({ length: number }, (_, i) =>
      signCall(place, callers[i % 3] ?? reader, {
        tool: ["search", "sealed", "write"][((i / 3) % 3) | 0] ?? "search",
      }),
    ),
  );
  calls.push(...fresh);
  return fresh;
}

/** All at a time. */
async function sendAll({ scene }: Place, calls: readonly Call[]): Promise<string[]> {
  const fates: string[] = [];
  await overLines(scene.url, calls.length, calls, async (line, call) => {
    const answer = await line.send(call.bytes);
    // What the call was served with is not forgotten over how a copy was refused.
    if (fateOf(call) !== "served") call.answer = answer;
    fates.push(fateOf(call, answer));
  });
  return fates;
}
