/**
 * A ledger that has lost what it knew, without anybody telling: one is lost whole and made anew under its name, one is put back as
 * it was some time ago. The next checkpoint names it, the log has all that was decided, and of what was captured before nothing
 * comes through that can be kept out.
 */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startRun } from "../../src/agent/index.ts";
import { type CheckpointClaims, readCheckpoint } from "../../src/audit/checkpoint.ts";
import { CLOCK_SKEW } from "../../src/limits.ts";
import { audit } from "./audit.ts";
import {
  copyLedger,
  type LedgerOnDisk,
  ledgersOnDisk,
  logOnDisk,
  removeLedger,
  restoreLedger,
} from "./disk.ts";
import { buildFaulty, set } from "./faulty.ts";
import { overLines } from "./line.ts";
import { admissionsOf } from "./log.ts";
import { openPlace, type Place, TENANT } from "./place.ts";
import { countOf, merge, type Report, type Scenario, sizeOf } from "./report.ts";
import { type Call, fateOf, signCall } from "./traffic.ts";

/** Seconds. A ledger takes nothing that was issued longer before it began than two clocks may differ. */
const OLD = CLOCK_SKEW + 30;

/** Seconds after which one that was made anew takes what is issued then. */
const PAUSE = 2 * CLOCK_SKEW;

export const loss: Scenario = {
  name: "loss",
  run: async () => {
    const number = sizeOf("FAULTS_LOSS_CALLS", 50);
    return merge(await loseLedger(number), await restoreCopy(number));
  },
};

/** @param number calls between two things that happen */
export const loseLedger = (number: number): Promise<Report> =>
  onStage(async (stage) => {
    const old = await stage.work(number, OLD);
    const recent = await stage.work(number);
    await stage.checkpoint();
    const lost = await stage.stop((ledger) => removeLedger(stage.place.stateDir, ledger.id));

    stage.replayed += await stage.send([...old, ...recent]);
    // Whoever calls must wait until nothing that the lost one may have taken could be meant.
    await set(stage.place, { clock: 1000 * PAUSE });
    await stage.work(number, -PAUSE);
    await stage.mustName(lost, "lost");
    stage.replayed += await stage.send([...old, ...recent]);
    await stage.mustHave([]);
  });

/** @param number calls between two things that happen */
export const restoreCopy = (number: number): Promise<Report> =>
  onStage(async (stage) => {
    const { stateDir } = stage.place;
    const backup = await mkdtemp(join(tmpdir(), "countersign-backup-"));
    try {
      const before = await stage.work(number);
      await stage.checkpoint();
      const copied = await stage.stop(({ id }) => copyLedger(stateDir, id, backup));
      const since = await stage.work(number);
      await stage.checkpoint();
      await stage.stop(({ id }) => restoreLedger(stateDir, id, backup));

      stage.replayed += await stage.send(before);
      await stage.work(number);
      await stage.mustName(copied, "forked");
      stage.replayed += await stage.send(before);
      // What it was told since it was copied, it does not know.
      stage.shown["admitted again, since the copy that was put back"] = await stage.send(since);
      await stage.mustHave(since);
    } finally {
      await rm(backup, { recursive: true, force: true });
    }
  });

/** What an auditor is told. */
const SAID = { lost: /: its ledger was lost/, forked: /: its ledger did not go on from|: the chain forks/ };

interface Stage {
  readonly place: Place;
  /** Requests that came through once more although that can be prevented. */
  replayed: number;
  readonly shown: Record<string, number>;
  /** Fresh calls, all of which are served. @param age seconds since they were issued */
  work(number: number, age?: number): Promise<Call[]>;
  /** Sends them again. @returns how many came through */
  send(calls: readonly Call[]): Promise<number>;
  /** Everything there is comes to D1. */
  checkpoint(): Promise<CheckpointClaims>;
  /** Works on the files of the ledger while nothing runs. */
  stop(between: (ledger: LedgerOnDisk) => Promise<void>): Promise<LedgerOnDisk>;
  /** The next checkpoint must name this chain and no other, and so must an auditor. */
  mustName(ledger: LedgerOnDisk, fault: keyof typeof SAID): Promise<void>;
  /** Every call that was served is in the log. @param again those that may be there twice */
  mustHave(again: readonly Call[]): Promise<void>;
}

/** Runs `play` with one agent, whose ledger has begun long before. */
async function onStage(play: (stage: Stage) => Promise<void>): Promise<Report> {
  const bundle = await buildFaulty();
  const place = await openPlace(bundle.file);
  const { reader } = place.scene;
  const calls: Call[] = [];
  const faults: string[] = [];
  let [requests, lost, doubled, undetected] = [0, 0, 0, 0];
  const stage: Stage = {
    place,
    replayed: 0,
    shown: {},
    async work(number, age = 0) {
      const now = Math.floor(Date.now() / 1000) - age;
      const run = startRun(await place.scene.mandate(TENANT, { now }));
      const options = { run, now: () => now };
      const fresh = await Promise.all(Array.from({ length: number }, () => signCall(place, reader, options)));
      await stage.send(fresh);
      for (const [fate, n] of Object.entries(countOf(fresh.map((call) => fateOf(call)))))
        if (fate !== "served") faults.push(`${n} fresh calls were answered with ${fate}`);
      calls.push(...fresh);
      return fresh;
    },
    async send(some) {
      const before = place.seen.length;
      await overLines(place.scene.url, 8, some, async (line, call) => {
        const answer = await line.send(call.bytes);
        if (fateOf(call) !== "served") call.answer = answer;
        requests += 1;
      });
      return place.seen.length - before;
    },
    async checkpoint() {
      await set(place, { snapshot: [TENANT] });
      return lastCheckpoint(place);
    },
    async stop(between) {
      let ledger: LedgerOnDisk | undefined;
      await place.restart(async () => {
        const ledgers = await ledgersOnDisk(place.stateDir);
        ledger = ledgers.find(({ principal }) => principal === `agent:${reader.name}`);
        if (ledger !== undefined) await between(ledger);
      });
      if (ledger === undefined) throw new Error("there is no ledger");
      return ledger;
    },
    async mustName({ chain }, fault) {
      const named = (await stage.checkpoint()).faults;
      const audited = await audit(place);
      const isSaid =
        audited.code === 1 && audited.text.includes(`chain ${chain}`) && SAID[fault].test(audited.text);
      if (!named.some((one) => one.chain === chain && one.fault === fault) || !isSaid) undetected += 1;
      if (named.length !== 1)
        faults.push(`where one chain is ${fault}, a checkpoint names ${JSON.stringify(named)}`);
      if (!isSaid) faults.push(`where a chain is ${fault}, an auditor finds ${audited.text}`);
    },
    async mustHave(again) {
      await stage.checkpoint();
      await place.scene.runtime.dispose();
      const { records, setAside } = await logOnDisk(place.stateDir);
      const admissions = admissionsOf([...records, ...setAside]);
      lost += calls.filter((call) => admissions(call) === 0).length;
      doubled += calls.filter((call) => admissions(call) > 1 && !again.includes(call)).length;
    },
  };
  try {
    await set(place, { clock: -600_000 });
    await stage.work(1, 600);
    await set(place, { clock: 0 });
    const before = await audit(place);
    if (before.code !== 0) faults.push(`before anything was lost an auditor finds ${before.text}`);
    await play(stage);
    return {
      counts: { requests, lost, doubled, replayed: stage.replayed, undetected },
      shown: stage.shown,
      faults,
    };
  } finally {
    await place.close();
    await bundle.remove();
  }
}

async function lastCheckpoint({ scene }: Place): Promise<CheckpointClaims> {
  const d1 = await scene.runtime.d1();
  const jws = await d1
    .prepare("SELECT jws FROM checkpoints ORDER BY number DESC LIMIT 1")
    .first<string>("jws");
  const read = readCheckpoint(jws ?? "");
  if (!read.ok) throw new Error("there is no checkpoint");
  return read.value;
}
