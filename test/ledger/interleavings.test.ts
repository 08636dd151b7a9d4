/**
 * Everything that a ledger does, at once and in whatever order, while D1 fails in its ways and the object is killed or evicted in
 * the midst of it. What was answered is in the log once, a call has one outcome, and no head that was told is ever taken back.
 */

import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeEach, expect, test, vi } from "vitest";
import type { AuditRecord } from "../../src/audit/record.ts";
import { recordOf } from "../../src/audit/rows.ts";
import type { KnownHead, LedgerHead } from "../../src/ledger/head.ts";
import type { Attempt } from "../../src/ledger/protocol.ts";
import { type Random, randomOf } from "../support/random.ts";
import {
  attempt,
  chainFault,
  claim,
  type Home,
  newLedger,
  outcomeOf,
  setClock,
  T,
  useClock,
  walk,
} from "./helpers.ts";

useClock();
beforeEach(() => void vi.spyOn(console, "error").mockReturnValue());

const RUNS = 2;
const BURSTS = 15;

type Way = "well" | "down" | "answer lost" | "late";
const WAYS: readonly Way[] = ["well", "well", "down", "answer lost", "late"];

/** A database that fails in a way. What comes late does so when `late` is called. */
function faultyD1(way: Way, random: Random, late: (() => Promise<unknown>)[]): D1Database {
  const prepare = (statement: string) => ({
    bind: (...values: unknown[]) => {
      const send = () =>
        env.AUDIT.prepare(statement)
          .bind(...values)
          .run();
      return {
        run: async () => {
          const isHit = random.below(3) > 0;
          if (way === "down" && isHit) throw new Error("D1_ERROR: Network connection lost.");
          if (way === "late" && isHit) {
            late.push(send);
            throw new Error("deadline passed");
          }
          const answer = await send();
          if (way === "answer lost" && isHit) throw new Error("D1_ERROR: Network connection lost.");
          return answer;
        },
      };
    },
  });
  return { prepare } as unknown as D1Database;
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

interface Told {
  /** What the directory knows. */
  known: LedgerHead | null;
  /** What it has known, for questions that come late. */
  readonly old: (KnownHead | null)[];
  readonly all: LedgerHead[];
}

interface Call {
  readonly asked: Attempt;
  /** Null where nobody has heard. */
  verdict: string | null;
  isReported: boolean;
}

/** One life of a ledger. */
async function live(seed: number): Promise<void> {
  const random = randomOf(seed);
  const ledger = newLedger();
  const calls: Call[] = [];
  const told: Told = { known: null, old: [], all: [] };
  const late: (() => Promise<unknown>)[] = [];
  await ledger.decide(attempt({ claims: [claim()] }));
  await env.AUDIT.exec(
    `CREATE TRIGGER picky_${seed} BEFORE INSERT ON audit_records WHEN NEW.chain = '${await ledger.incarnation()}' AND NEW.seq % 11 = 5 BEGIN SELECT RAISE(ABORT, 'not this one'); END`,
  );
  let now = T;

  const decide = async (call: Call, again: boolean) => {
    const ruling = await ledger.stub.decide(call.asked, again);
    call.verdict = "verdict" in ruling ? ruling.verdict : null;
  };
  const fresh = (): Promise<void> => {
    const outcomeBy = (now + random.pick([1, 30, 3600])) * 1000;
    const asked = random.pick([
      () => attempt({ claims: [claim({ issuedAt: now })], outcomeBy }),
      () => walk(undefined, { iat: now }, { outcomeBy }),
      () => attempt({ denial: "capability.missing" }),
    ])();
    const call = { asked, verdict: null, isReported: false };
    calls.push(call);
    return decide(call, false);
  };
  const works: (() => Promise<unknown>)[] = [
    fresh,
    fresh,
    fresh,
    // Somebody who was not answered asks again.
    async () => {
      const unheard = calls.filter(({ verdict }) => verdict === null);
      if (unheard.length > 0) await decide(random.pick(unheard), true);
    },
    async () => {
      const open = calls.filter(({ verdict, isReported }) => verdict === "admitted" && !isReported);
      if (open.length === 0) return;
      const call = random.pick(open);
      if (random.below(3) > 0) call.isReported = true;
      await ledger.stub.outcome(outcomeOf(call.asked));
    },
    () => ledger.stub.outcome(outcomeOf(attempt())),
    () => runDurableObjectAlarm(ledger.stub),
    () => ledger.stub.settle(),
    () => ledger.stub.status(),
    // A question of long ago; nobody waits for the answer.
    () => (told.old.length > 0 ? ledger.stub.head(random.pick(told.old)) : Promise.resolve()),
  ];
  /** The directory asks one question at a time, and does not always hear the answer. */
  const askHead = async () => {
    const { known } = told;
    const head = await ledger.stub.head(known && { seq: known.seq, hash: known.hash });
    expect(head.agrees).toBe(true);
    told.all.push(head);
    if (random.below(3) === 0) return;
    told.old.push(known);
    told.known = head;
  };

  for (let burst = 0; burst < BURSTS; burst += 1) {
    const way = random.pick(WAYS);
    const clock = random.below(6);
    if (clock === 0) now += random.below(120);
    if (clock === 1) now -= random.below(60);
    setClock(now);
    const AUDIT = faultyD1(way, random, late);
    await runInDurableObject(ledger.stub, (instance) => {
      const object = instance as unknown as { env: Env };
      object.env = { ...env, AUDIT };
    });
    const disagreements: unknown[] = [];
    /** What a kill or D1 cuts off is no matter. */
    const start = async (work: () => Promise<unknown>) => {
      try {
        await work();
      } catch (error) {
        if (String(error).includes("AssertionError")) disagreements.push(error);
      }
    };
    const begun = Array.from({ length: 1 + random.below(12) }, () => start(random.pick(works)));
    begun.push(start(askHead));
    const ending = random.below(10);
    if (ending < 3) {
      if (random.below(2) === 0) await pause(random.below(8));
      await runInDurableObject(ledger.stub, (_, state) => state.abort("killed")).catch(() => {});
    }
    await Promise.all(begun);
    expect(disagreements).toEqual([]);
    if (ending === 3) await evictDurableObject(ledger.stub);
    if (random.below(4) === 0) for (const send of late.splice(0)) await send().catch(() => {});
  }
  await finish(ledger, calls, told);
  await env.AUDIT.exec(`DROP TRIGGER picky_${seed}`);
}

/** All is well again, and time goes by. */
async function finish(ledger: Home, calls: readonly Call[], told: Told): Promise<void> {
  setClock(T + 20_000);
  await runInDurableObject(ledger.stub, (instance) => {
    (instance as unknown as { env: Env }).env = env;
  });
  for (const call of calls.filter(({ verdict }) => verdict === null)) {
    const ruling = await ledger.stub.decide(call.asked, true);
    call.verdict = "verdict" in ruling ? ruling.verdict : null;
  }
  for (let i = 0; i < 4; i += 1) await ledger.alarm();
  expect(await ledger.stub.status()).toMatchObject({ backlog: 0, open: 0 });
  expect(await ledger.sql("SELECT * FROM refused")).toEqual([]);
  expect((await ledger.rows()).open_calls).toBe(0);

  const aside = await env.AUDIT.prepare("SELECT record FROM audit_set_aside WHERE chain = ?")
    .bind(await ledger.incarnation())
    .all<{ record: string }>();
  const records: AuditRecord[] = [
    ...(await ledger.logged()).map(recordOf),
    ...aside.results.map(({ record }) => JSON.parse(record)),
  ].sort((a, b) => a.seq - b.seq);
  expect(await chainFault(records)).toBeNull();
  expect(new Set(records.map(({ id }) => id)).size).toBe(records.length);
  const of = (kind: string, decision: string) =>
    records.filter((record) => record.kind === kind && record.decision === decision);
  for (const { asked, verdict } of calls) {
    expect(of("decision", asked.decision)).toHaveLength(1);
    expect(of("outcome", asked.decision)).toHaveLength(verdict === "admitted" ? 1 : 0);
  }
  for (const { seq, hash } of told.all) if (seq > 0) expect(records[seq - 1]?.hash).toBe(hash);
}

test.each(Array.from({ length: RUNS }, (_, i) => 20_261_121 + i))(
  "nothing is lost, doubled or taken back (%i)",
  { timeout: 30_000 },
  (seed) => live(seed),
);
