import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import fc from "fast-check";
import { beforeEach, describe, expect, test, vi } from "vitest";
import { Leases } from "../../src/directory/leases.ts";
import type { LeaseRequest } from "../../src/ledger/lease.ts";
import { CLOCK_SKEW, LEASE_SHARE, MAX_LIVE_COUNTS } from "../../src/limits.ts";
import { setClock, T, unique, useClock } from "../ledger/helpers.ts";
import { decisions, INTERVAL, newTenant, noD1, type Place } from "./helpers.ts";

useClock();

const WINDOW = 60;

const request = (changes: Partial<LeaseRequest> = {}, at = T): LeaseRequest => {
  const from = at - (at % WINDOW);
  return {
    key: "k",
    issuer: null,
    max: 10,
    period: { id: from, from, end: from + WINDOW },
    need: 1,
    want: 1,
    isFirst: true,
    ...changes,
  };
};

/** Works on leases that nobody else has; `reload` gives them as an object that is loaded anew has them. */
const withLeases = <R>(work: (leases: Leases, reload: () => Leases, sql: SqlStorage) => R): Promise<R> =>
  runInDurableObject(env.DIRECTORY.getByName(unique("tenant")), (_, { storage }) => {
    const reload = () => new Leases(storage);
    const leases = reload();
    leases.compare(0, 0, T);
    return work(leases, reload, storage.sql);
  });

describe("what is handed out", () => {
  test("is never more than there is in a period, whoever asks in whatever order, by whatever clock", async () => {
    const step = fc.oneof(
      {
        weight: 8,
        arbitrary: fc.record({
          kind: fc.constant("ask" as const),
          key: fc.constantFrom("a", "b"),
          // The ledgers' clocks differ from the directory's.
          skew: fc.integer({ min: -40, max: 40 }),
          need: fc.integer({ min: 1, max: 5 }),
          want: fc.integer({ min: 1, max: 50 }),
          isFirst: fc.boolean(),
        }),
      },
      {
        weight: 3,
        arbitrary: fc.record({ kind: fc.constant("wait" as const), by: fc.integer({ min: -200, max: 200 }) }),
      },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant("reload" as const) }) },
    );
    const max = 20;
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 20, maxLength: 80 }), async (steps) => {
        const handed = new Map<string, number>();
        await withLeases((first, reload) => {
          let [leases, clock] = [first, T];
          for (const one of steps) {
            if (one.kind === "wait") clock += one.by;
            else if (one.kind === "reload") leases = reload();
            else {
              const asked = request({ ...one, max }, clock + one.skew);
              const [lease] = leases.hand([asked], clock);
              if (lease?.kind !== "granted") continue;
              expect(lease.units).toBeGreaterThanOrEqual(one.need);
              expect(lease.units).toBeLessThanOrEqual(Math.max(one.need, one.want));
              const period = `${one.key} ${asked.period.id}`;
              handed.set(period, (handed.get(period) ?? 0) + lease.units);
            }
          }
        });
        for (const units of handed.values()) expect(units).toBeLessThanOrEqual(max);
      }),
      { numRuns: 30 },
    );
  });

  test("is all there is, and what is left is told", () =>
    withLeases((leases) => {
      const told = [4, 4, 3, 2, 1].map((need) => leases.hand([request({ need })], T)[0]);
      expect(told).toEqual([
        { kind: "granted", units: 4 },
        { kind: "granted", units: 4 },
        { kind: "exhausted", left: 2 },
        { kind: "granted", units: 2 },
        { kind: "exhausted", left: 0 },
      ]);
    }));

  test("is no more than a part of what is left, by the ledgers that ask", () =>
    withLeases((leases) => {
      const max = 1_000;
      const greedy = (isFirst: boolean) => leases.hand([request({ max, want: max, isFirst })], T)[0];
      expect([greedy(true), greedy(true), greedy(false)]).toEqual([
        { kind: "granted", units: max * LEASE_SHARE },
        { kind: "granted", units: Math.floor((750 * LEASE_SHARE) / 2) },
        { kind: "granted", units: Math.floor((657 * LEASE_SHARE) / 2) },
      ]);
    }));

  test("is nothing of a period that is over or to come by more than clocks differ", () =>
    withLeases((leases) => {
      const kindAt = (at: number) => leases.hand([request({}, at)], T)[0]?.kind;
      // The window of T ends 40 s after it.
      expect([T - 20 - CLOCK_SKEW, T + 40, T + 40 + CLOCK_SKEW + WINDOW, T - 90].map(kindAt)).toEqual([
        "granted",
        "unknown",
        "unknown",
        "unknown",
      ]);
      expect(leases.hand([request({}, T + 40)], T + 40 - CLOCK_SKEW)[0]?.kind).toBe("granted");
    }));

  test("is not handed out once more where it was forgotten and the clock is set back", () =>
    withLeases((leases, reload, sql) => {
      expect(leases.hand([request({ need: 10 })], T)[0]?.kind).toBe("granted");
      leases.hand([request({ key: "other" }, T + 3600)], T + 3600);
      expect(sql.exec("SELECT key FROM leases").toArray()).toEqual([{ key: "other" }]);
      expect(reload().hand([request({ need: 1 })], T)).toEqual([{ kind: "unknown" }]);
    }));

  test("is counted for as many mandates of one issuer as there may be", () =>
    withLeases((_, reload, sql) => {
      sql.exec(
        `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
          INSERT INTO leases SELECT 'count ' || i, 0, 'issuer', ?, 1, 1 FROM n`,
        MAX_LIVE_COUNTS,
        T + 10,
      );
      const leases = reload();
      const kinds = (requests: LeaseRequest[], at: number) =>
        leases.hand(requests, at).map(({ kind }) => kind);
      const asked = [request({ issuer: "issuer" }), request({ issuer: "other" }), request({ key: "l" })];
      expect(kinds(asked, T)).toEqual(["full", "granted", "granted"]);
      expect(kinds([request({ issuer: "issuer" }, T + 100)], T + 100)).toEqual(["granted"]);
    }));
});

// -- a directory that has lost what it knew -----------------------------------------------------------------

describe("what was handed out before a loss", () => {
  beforeEach(() => void vi.spyOn(console, "error").mockReturnValue());

  const kindOf = async ({ stub }: Place, at: number) =>
    (await (stub.lease([request({}, at)]) as Promise<{ kind: string }[]>))[0]?.kind;

  async function lose({ stub }: Place): Promise<void> {
    await runInDurableObject(stub, (_, { storage }) => storage.deleteAll());
    await evictDurableObject(stub);
  }

  /** A tenant with a checkpoint in D1. */
  async function checkpointed(): Promise<Place> {
    const place = await newTenant();
    await decisions(place.ledger(), 1);
    setClock(T + INTERVAL);
    await place.alarm();
    expect(await place.checkpoints()).toHaveLength(1);
    return place;
  }

  test("is handed out in no period that began before it, but in the next", async () => {
    const place = await checkpointed();
    expect(await kindOf(place, T + INTERVAL)).toBe("granted");
    await lose(place);
    expect(await kindOf(place, T + INTERVAL)).toBe("unknown");
    await evictDurableObject(place.stub);
    expect(await kindOf(place, T + INTERVAL)).toBe("unknown");
    const next = T + INTERVAL + 3 * WINDOW;
    setClock(next);
    expect(await kindOf(place, next)).toBe("granted");
  });

  test("nor where it has gone on from the checkpoint already", async () => {
    const place = await checkpointed();
    expect(await kindOf(place, T + INTERVAL)).toBe("granted");
    await lose(place);
    await place.stub.checkpoint();
    expect(await kindOf(place, T + INTERVAL)).toBe("unknown");
  });

  test("nor where an older copy was put back", async () => {
    const place = await checkpointed();
    expect(await kindOf(place, T + INTERVAL)).toBe("granted");
    // What it has made since is in D1 alone.
    await env.AUDIT.prepare("UPDATE checkpoints SET number = 9 WHERE tenant = ?").bind(place.tenant).run();
    expect(await kindOf(place, T + INTERVAL)).toBe("granted");
    await evictDurableObject(place.stub);
    expect(await kindOf(place, T + INTERVAL)).toBe("unknown");
  });

  test("nothing at all before D1 has said whether there was a loss", async () => {
    const place = await newTenant();
    const asked = place.with(noD1, (directory) => directory.lease([request()]));
    await expect(asked).rejects.toThrow("D1");
    expect(await kindOf(place, T)).toBe("granted");
  });

  test("does not depend on D1 where it was compared before", async () => {
    const place = await checkpointed();
    expect(await kindOf(place, T + INTERVAL)).toBe("granted");
    await evictDurableObject(place.stub);
    const [lease] = await place.with(noD1, (directory) => directory.lease([request({}, T + INTERVAL)]));
    expect(lease?.kind).toBe("granted");
  });
});
