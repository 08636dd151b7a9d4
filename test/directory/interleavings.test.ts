/**
 * Rounds, questions and snapshots at once, while answers of ledgers are lost or come late, D1 fails, and directory and ledgers are
 * killed in the midst of it. No chain is called lost or forked that is not, and each one that is.
 */

import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeEach, expect, test, vi } from "vitest";
import type { KnownHead } from "../../src/ledger/head.ts";
import type { Ledger } from "../../src/ledger/ledger.ts";
import { type Home, setClock, T, useClock } from "../ledger/helpers.ts";
import { type Random, randomOf } from "../support/random.ts";
import { copyOf, decisions, INTERVAL, lose, newTenant, type Place } from "./helpers.ts";

useClock();
beforeEach(() => void vi.spyOn(console, "error").mockReturnValue());

const BURSTS = 12;

/** Bindings that fail now and then. What comes late does so when `late` is called. */
function faulty(random: Random, late: (() => Promise<unknown>)[]): Pick<Env, "LEDGER" | "AUDIT"> {
  const getByName = (name: string) => {
    const stub = (): DurableObjectStub<Ledger> => env.LEDGER.getByName(name);
    return {
      head: async (known: KnownHead | null) => {
        const way = random.below(6);
        if (way === 0) throw new Error("the object cannot be reached");
        if (way === 1) {
          late.push(() => stub().head(known));
          throw new Error("deadline passed");
        }
        const head = await stub().head(known);
        if (way === 2)
          throw Object.assign(new Error("the answer is lost"), { retryable: random.below(2) === 0 });
        return head;
      },
      settle: async () => {
        if (random.below(6) === 0) throw new Error("D1 does not answer");
        await stub().settle();
      },
      status: () => stub().status(),
    };
  };
  const prepare = (query: string) => ({
    bind: (...values: unknown[]) => {
      const statement = () => env.AUDIT.prepare(query).bind(...values);
      const fail = async <R>(send: () => Promise<R>): Promise<R> => {
        const way = random.below(5);
        if (way === 0) throw new Error("D1_ERROR: Network connection lost.");
        const answer = await send();
        if (way === 1) throw new Error("D1_ERROR: Network connection lost.");
        return answer;
      };
      return { run: () => fail(() => statement().run()), all: () => fail(() => statement().all()) };
    },
  });
  return {
    LEDGER: { getByName } as unknown as Env["LEDGER"],
    AUDIT: { prepare } as unknown as D1Database,
  };
}

/** Seconds; goes on in each burst. */
let now = T;
beforeEach(() => {
  now = T;
});

async function storm(place: Place, ledgers: readonly Home[], random: Random): Promise<void> {
  const late: (() => Promise<unknown>)[] = [];
  for (let burst = 0; burst < BURSTS; burst += 1) {
    now += random.pick([0, 1, INTERVAL, INTERVAL, 3 * INTERVAL]);
    setClock(now - random.pick([0, 0, 0, 45]));
    for (const ledger of ledgers) if (random.below(2) === 0) await decisions(ledger, 1 + random.below(3));
    const bindings = faulty(random, late);
    await runInDurableObject(place.stub, (directory) => {
      const object = directory as unknown as { env: Env };
      object.env = { ...env, ...bindings };
    });
    const directory = () => env.DIRECTORY.getByName(place.tenant);
    const works: (() => Promise<unknown>)[] = [
      () => runDurableObjectAlarm(directory()),
      () => runDurableObjectAlarm(directory()),
      () => directory().checkpoint(),
      () => directory().snapshot(),
      () => directory().status(),
      () => decisions(random.pick(ledgers), 1),
      () => random.pick(ledgers).alarm(),
      async () => late.shift()?.(),
    ];
    const start = async (work: () => Promise<unknown>) => {
      try {
        await work();
      } catch {
        // What is cut off or refused is tried again.
      }
    };
    const begun = Array.from({ length: 1 + random.below(5) }, () => start(random.pick(works)));
    const ending = random.below(4);
    const kill = (stub: DurableObjectStub) =>
      runInDurableObject(stub, (_, state) => state.abort("killed")).catch(() => {});
    if (ending === 0) await kill(place.stub);
    if (ending === 1) await kill(random.pick(ledgers).stub);
    await Promise.all(begun);
    if (ending === 2) await evictDurableObject(place.stub);
  }
  await runInDurableObject(place.stub, (directory) => {
    (directory as unknown as { env: Env }).env = env;
  });
}

/** All is well again, for as long as it takes. */
async function calm(place: Place): Promise<void> {
  now += 10 * INTERVAL;
  setClock(now);
  for (let round = 0; round < 2; round += 1) {
    await runInDurableObject(place.stub, (directory) => directory.snapshot());
    now += INTERVAL;
    setClock(now);
    await place.alarm();
  }
}

async function setUp(): Promise<{ place: Place; ledgers: Home[] }> {
  const place = await newTenant();
  const ledgers = ["agent:a", "agent:b", "agent:c"].map((name) => place.ledger(name));
  for (const ledger of ledgers) await decisions(ledger, 1);
  await place.alarm();
  return { place, ledgers };
}

/** What the checkpoints in D1, which are read as one chain, say in the end. Heads never go back. */
async function said(place: Place) {
  const stored = await place.checkpoints();
  const seqs = new Map<string, number>();
  for (const { chain, seq } of stored.flatMap(({ heads }) => heads ?? [])) {
    expect(seq).toBeGreaterThanOrEqual(seqs.get(chain) ?? 0);
    seqs.set(chain, seq);
  }
  const grave = stored.flatMap(({ claims }) => claims.faults).filter(({ fault }) => fault !== "unreachable");
  return { last: stored.at(-1), grave };
}

test.each([1, 2, 3])("nothing that is well is called lost or forked (%i)", async (seed) => {
  const { place, ledgers } = await setUp();
  await storm(place, ledgers, randomOf(seed));
  await calm(place);
  const { last, grave } = await said(place);
  expect(grave).toEqual([]);
  expect(last?.claims.faults).toEqual([]);
  for (const ledger of ledgers) {
    const { seq } = await ledger.stub.status();
    const chain = await ledger.incarnation();
    expect(last?.heads?.find((head) => head.chain === chain)?.seq).toBe(seq);
    expect((await ledger.logged()).map((row) => row.seq)).toEqual(
      Array.from({ length: seq }, (_, i) => i + 1),
    );
  }
});

test.each([4, 5])("what is lost or forked is, and nothing else (%i)", async (seed) => {
  const { place, ledgers } = await setUp();
  const [lost, forked] = ledgers as [Home, Home];
  const random = randomOf(seed);
  await storm(place, ledgers, random);
  const before = { lost: await lost.incarnation(), forked: await forked.incarnation() };
  const restore = await copyOf(forked);
  // It has told this head, and in D1 it is.
  await decisions(forked, 1);
  await calm(place);
  await restore();
  await lose(lost);
  await storm(place, ledgers, random);
  await calm(place);
  const { last } = await said(place);
  expect(last?.claims.faults.toSorted((a, b) => (a.fault < b.fault ? -1 : 1))).toEqual([
    { chain: before.forked, fault: "forked" },
    { chain: before.lost, fault: "lost" },
  ]);
});
