import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, test, vi } from "vitest";
import type { Directory } from "../../src/directory/directory.ts";
import type { Lease, LeaseRequest, LimitUse } from "../../src/ledger/lease.ts";
import type { Ledger } from "../../src/ledger/ledger.ts";
import type { Attempt, Ruling } from "../../src/ledger/protocol.ts";
import { CLOCK_SKEW, LEASE_DEADLINE_MS, MAX_LIVE_COUNTS, RETRY_AFTER } from "../../src/limits.ts";
import { lose } from "../directory/helpers.ts";
import {
  attempt,
  claim,
  type Home,
  ISSUER,
  mandate,
  newLedger,
  setClock,
  T,
  unique,
  useClock,
  walk,
} from "./helpers.ts";

useClock();

/** A limit that this ledger counts alone, in minutes: the one of T ends after 40 s. */
const limit = (changes: Partial<LimitUse> = {}): LimitUse => ({
  key: unique("limit"),
  per: "principal",
  shared: false,
  issuer: null,
  amount: 1,
  max: 5,
  window: 60,
  from: 0,
  until: 0,
  ...changes,
});

const ofTenant = (changes: Partial<LimitUse> = {}): LimitUse =>
  limit({ per: "tenant", shared: true, ...changes });

const perMandate = (changes: Partial<LimitUse> = {}): LimitUse =>
  limit({ per: "mandate", issuer: ISSUER, window: null, from: T - 60, until: T + 3600, ...changes });

const now = () => Math.floor(Date.now() / 1000);

const calling = (limits: readonly LimitUse[], more: Partial<Attempt> = {}): Attempt =>
  attempt({ claims: [claim({ issuedAt: now() })], limits, ...more });

/** So many calls, all at once in one ledger. @returns how often each reason was given */
async function volley(ledger: Home, count: number, ask: () => Attempt): Promise<Record<string, number>> {
  await ledger.decide(attempt());
  const asked = Array.from({ length: count }, ask);
  const rulings = await runInDurableObject(ledger.stub, (instance) =>
    Promise.all(asked.map((each) => instance.decide(each) as Promise<Ruling>)),
  );
  return tally(rulings.map(({ reason }) => reason ?? "admitted"));
}

function tally(names: readonly string[]): Record<string, number> {
  const all: Record<string, number> = {};
  for (const name of names) all[name] = (all[name] ?? 0) + 1;
  return all;
}

/** The journal keeps some denials only: enough of them for no test to wait. */
const admitted = async (ledger: Home, count: number, ask: () => Attempt): Promise<number> =>
  (await volley(ledger, count, ask)).admitted ?? 0;

describe("a limit that one ledger counts alone", () => {
  test("of 1,000 calls at once exactly as many are admitted as there may be", async () => {
    const hundred = limit({ max: 100 });
    const told = await volley(newLedger(), 1_000, () => calling([hundred]));
    expect(told).toEqual({ admitted: 100, "limit.principal_exhausted": 900 });
  });

  test("holds across evictions, and says when it begins anew", async () => {
    const ledger = newLedger();
    const twice = limit({ max: 2 });
    for (const expected of [null, null, "limit.principal_exhausted"]) {
      const { reason, retryAfter } = await ledger.rule(calling([twice]));
      expect([reason, retryAfter]).toEqual([expected, expected && 40]);
      await evictDurableObject(ledger.stub);
    }
  });

  test("begins anew with its next window, to the second", async () => {
    const ledger = newLedger();
    const once = limit({ max: 1 });
    const told: [number, string | null, number | null][] = [];
    for (const after of [0, 39, 40, 41, 99, 100]) {
      setClock(T + after);
      const { reason, retryAfter } = await ledger.rule(calling([once]));
      told.push([after, reason, retryAfter]);
    }
    expect(told).toEqual([
      [0, null, null],
      [39, "limit.principal_exhausted", 1],
      [40, null, null],
      [41, "limit.principal_exhausted", 59],
      [99, "limit.principal_exhausted", 1],
      [100, null, null],
    ]);
  });

  test("does not begin anew when the clock is set back", async () => {
    const ledger = newLedger();
    const once = limit({ max: 1 });
    setClock(T + 40);
    expect(await ledger.reasons(calling([once]))).toEqual([null]);
    await evictDurableObject(ledger.stub);
    setClock(T);
    expect(await ledger.reasons(calling([once]))).toEqual(["limit.principal_exhausted"]);
  });

  test("counts costs: what is too dear does not keep a cheaper call out", async () => {
    const ledger = newLedger();
    const ten = limit({ max: 10 });
    const costing = (amount: number) => calling([{ ...ten, amount }]);
    expect(await ledger.reasons(costing(7), costing(4), costing(3), costing(1), calling([limit()]))).toEqual([
      null,
      "limit.principal_exhausted",
      null,
      "limit.principal_exhausted",
      null,
    ]);
  });

  test("of several, none is used where one of them is used up", async () => {
    const ledger = newLedger();
    const [once, twice] = [limit({ max: 1 }), limit({ max: 2 })];
    expect(
      await ledger.reasons(
        calling([once, twice]),
        calling([twice, once]),
        calling([once, twice]),
        calling([twice]),
        calling([twice]),
      ),
    ).toEqual([
      null,
      "limit.principal_exhausted",
      "limit.principal_exhausted",
      null,
      "limit.principal_exhausted",
    ]);
  });

  test("counts no call that is denied for whatever reason, and the same attempt once", async () => {
    const ledger = newLedger();
    const root = mandate();
    const twice = limit({ max: 2 });
    const nonce = claim();
    const again = calling([twice], { claims: [nonce] });
    expect(
      await ledger.reasons(
        calling([twice], { denial: "policy.environment" }),
        walk(root, { pred: ["unknown"] }, { limits: [twice] }),
        calling([twice], { mandate: mandate({ exp: T - 3600 }) }),
        again,
        again,
        calling([twice], { claims: [nonce] }),
        calling([twice]),
        calling([twice]),
      ),
    ).toEqual([
      "policy.environment",
      "run.pred_unknown",
      "act.expired",
      null,
      null,
      "replay.nonce",
      null,
      "limit.principal_exhausted",
    ]);
  });

  test("an attempt that is repeated for want of an answer is counted once, and told the same", async () => {
    const ledger = newLedger();
    const once = limit({ max: 1 });
    const [first, second] = [calling([once], { claims: [] }), calling([once], { claims: [] })];
    for (const again of [false, true, true]) {
      expect(await ledger.rule(first, again)).toMatchObject({ verdict: "admitted" });
      await evictDurableObject(ledger.stub);
    }
    for (const again of [false, true])
      expect(await ledger.rule(second, again)).toMatchObject({
        reason: "limit.principal_exhausted",
        retryAfter: 40,
      });
  });

  test("a call that comes too often uses nothing up, and its step is a step", async () => {
    const ledger = newLedger();
    const root = mandate();
    const once = limit({ max: 1 });
    const nonce = claim();
    expect(await ledger.decide(walk(root, {}, { limits: [once] }))).toMatchObject({ verdict: "admitted" });
    const late = walk(root, { jti: "late" }, { limits: [once], claims: [nonce] });
    expect(await ledger.decide(late)).toMatchObject({
      reason: "limit.principal_exhausted",
      stepRecorded: true,
    });
    expect(await ledger.reasons(walk(root, { pred: ["late"] }, { claims: [nonce] }))).toEqual([null]);
  });

  test("a higher maximum leaves room for the difference, a lower one for nothing", async () => {
    const ledger = newLedger();
    const two = limit({ max: 2 });
    expect(
      await ledger.reasons(
        calling([two]),
        calling([two]),
        calling([{ ...two, max: 3 }]),
        calling([{ ...two, max: 3 }]),
        calling([{ ...two, max: 1 }]),
      ),
    ).toEqual([null, null, null, "limit.principal_exhausted", "limit.principal_exhausted"]);
  });

  test("that is only observed counts on, and the call goes on", async () => {
    const ledger = newLedger();
    const once = limit({ max: 1 });
    const observing = () => calling([once], { observes: ["limits"] });
    const verdicts = [await ledger.decide(observing()), await ledger.decide(observing())];
    expect(verdicts.map(({ verdict, reason }) => [verdict, reason])).toEqual([
      ["admitted", null],
      ["observed", "limit.principal_exhausted"],
    ]);
    expect(await ledger.reasons(calling([{ ...once, max: 2 }]), calling([{ ...once, max: 3 }]))).toEqual([
      "limit.principal_exhausted",
      null,
    ]);
  });

  test("is not known to a ledger that was lost: not before what began after it", async () => {
    const ledger = newLedger();
    const [often, old] = [limit({ max: 100 }), perMandate({ max: 100 })];
    expect(await ledger.reasons(calling([often, old]))).toEqual([null]);
    await lose(ledger);
    setClock(T + 90);
    await ledger.decide(attempt());
    // It is taken to have counted until a minute later, so in all of the window that ends at T + 160.
    setClock(T + 155);
    const fresh = perMandate({ from: T + 151 });
    expect(await ledger.reasons(calling([often]), calling([old]), calling([fresh]))).toEqual([
      "limit.unavailable",
      "limit.unavailable",
      null,
    ]);
    setClock(T + 160);
    expect(await ledger.reasons(calling([often]))).toEqual([null]);
  });
});

describe("a limit per mandate", () => {
  test("without a window is for its whole life, and nobody is told to wait", async () => {
    const ledger = newLedger();
    const once = perMandate({ max: 1 });
    expect(await ledger.reasons(calling([once]))).toEqual([null]);
    setClock(T + 3000);
    expect(await ledger.rule(calling([once]))).toMatchObject({
      reason: "limit.mandate_exhausted",
      retryAfter: null,
    });
  });

  test("is forgotten when the mandate can be used no more, and not before", async () => {
    const ledger = newLedger();
    const short = perMandate({ max: 1, until: T + 100 });
    await ledger.decide(calling([short]));
    setClock(T + 100 + 2 * CLOCK_SKEW);
    await ledger.alarm();
    expect((await ledger.rows()).limits).toBe(1);
    setClock(T + 200 + 2 * CLOCK_SKEW);
    await ledger.alarm();
    expect((await ledger.rows()).limits).toBe(0);
  });

  test("with a window that is longer is forgotten with it as well, and nobody is told to wait", async () => {
    const ledger = newLedger();
    const yearly = perMandate({ max: 1, window: 31 * 86_400, until: T + 600 });
    expect(await ledger.reasons(calling([yearly]))).toEqual([null]);
    expect(await ledger.rule(calling([yearly]))).toMatchObject({
      reason: "limit.mandate_exhausted",
      retryAfter: null,
    });
    expect(await ledger.rows()).toMatchObject({ limits: 1 });
    setClock(T + 600 + 3 * CLOCK_SKEW);
    await ledger.alarm();
    expect(await ledger.rows()).toMatchObject({ limits: 0 });
  });

  test("there are as many counts under one issuer as there may be", async () => {
    const ledger = newLedger();
    const known = perMandate();
    await ledger.decide(calling([known]));
    await ledger.sql(
      `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
        INSERT INTO limits SELECT 'count ' || i, ?, 0, ?, 1, 0 FROM n`,
      MAX_LIVE_COUNTS - 2,
      ISSUER,
      T + 10,
    );
    await evictDurableObject(ledger.stub);
    expect(
      await ledger.reasons(
        calling([perMandate()]),
        calling([perMandate()]),
        calling([known]),
        calling([perMandate({ issuer: "https://other.example" })]),
        calling([limit()]),
      ),
    ).toEqual([null, "limit.too_many_counted", null, null, null]);
    setClock(T + 200);
    await ledger.alarm();
    expect(await ledger.reasons(calling([perMandate()]))).toEqual([null]);
  });
});

// -- what several ledgers count ---------------------------------------------------------------------------

/** What was asked of the directory, which answers in this way. */
interface Watched {
  readonly asked: LeaseRequest[][];
  answer: (ask: () => Promise<Lease[]>) => Promise<Lease[]>;
}

/** Lets a ledger ask the real directory unless `answer` says otherwise. It lasts until the object is evicted. */
async function watch({ stub }: Home): Promise<Watched> {
  const watched: Watched = { asked: [], answer: (ask) => ask() };
  const watchedStub = (directory: DurableObjectStub<Directory>) => ({
    lease: (requests: LeaseRequest[]) => {
      watched.asked.push(requests);
      return watched.answer(async () => await directory.lease(requests));
    },
  });
  await runInDurableObject(stub, (ledger: Ledger) => {
    const object = ledger as unknown as { env: Env };
    const getByName = (name: string) => watchedStub(env.DIRECTORY.getByName(name));
    object.env = { ...object.env, DIRECTORY: { getByName } as unknown as Env["DIRECTORY"] };
  });
  return watched;
}

const fleet = (size: number): Home[] => {
  const tenant = unique("tenant");
  return Array.from({ length: size }, (_, i) => newLedger(tenant, `agent:${i}`));
};

describe("a limit that several ledgers count", () => {
  beforeEach(() => void vi.spyOn(console, "error").mockReturnValue());

  test.each([
    [1, 3],
    [7, 5],
    [200, 4],
  ])(
    "of %i is never exceeded by %i ledgers, and all of it is used while all of them want more",
    async (max, size) => {
      const shared = ofTenant({ max });
      const each = Math.ceil((2 * max) / size) + 5;
      const counts = await Promise.all(
        fleet(size).map((ledger) => admitted(ledger, each, () => calling([shared]))),
      );
      expect(counts.reduce((sum, count) => sum + count)).toBe(max);
    },
  );

  test("loses little to ledgers that stop", async () => {
    const [busy, ...others] = fleet(4);
    const shared = ofTenant({ max: 400 });
    const used = await Promise.all(others.map((ledger) => admitted(ledger, 10, () => calling([shared]))));
    expect(used).toEqual([10, 10, 10]);
    const rest = await admitted(busy as Home, 400, () => calling([shared]));
    expect(rest).toBeGreaterThanOrEqual(350);
    expect(rest).toBeLessThanOrEqual(370);
  });

  test("costs a busy ledger few questions", async () => {
    const [ledger] = fleet(1) as [Home];
    await ledger.decide(attempt());
    const { asked } = await watch(ledger);
    const shared = ofTenant({ max: 100_000 });
    expect(await admitted(ledger, 1_000, () => calling([shared]))).toBe(1_000);
    expect(asked.length).toBeLessThanOrEqual(10);
  });

  test("keeps what it was given across evictions, and uses it once", async () => {
    const [ledger, other] = fleet(2) as [Home, Home];
    const shared = ofTenant({ max: 10 });
    let count = 0;
    for (let i = 0; i < 12; i += 1) {
      const home = i % 3 === 0 ? other : ledger;
      count += (await home.decide(calling([shared]))).verdict === "admitted" ? 1 : 0;
      await evictDurableObject(home.stub);
      await evictDurableObject(env.DIRECTORY.getByName(home.tenant));
    }
    expect(count).toBe(10);
  });

  test("that is used up is known until it begins anew: no further question", async () => {
    const [ledger, other] = fleet(2) as [Home, Home];
    const two = ofTenant({ max: 2 });
    expect(await other.reasons(calling([two]))).toEqual([null]);
    await ledger.decide(attempt());
    const { asked } = await watch(ledger);
    expect(await volley(ledger, 50, () => calling([two]))).toEqual({
      admitted: 1,
      "limit.tenant_exhausted": 49,
    });
    expect(asked).toHaveLength(2);
    setClock(T + 40);
    expect(await ledger.reasons(calling([two]))).toEqual([null]);
    expect(asked).toHaveLength(3);
  });

  test("that is used up for dear calls is not for cheap ones", async () => {
    const [ledger, other] = fleet(2) as [Home, Home];
    const ten = ofTenant({ max: 10 });
    const costing = (amount: number) => calling([{ ...ten, amount }]);
    expect(await other.reasons(costing(7))).toEqual([null]);
    expect(await ledger.reasons(costing(4), costing(3), costing(1))).toEqual([
      "limit.tenant_exhausted",
      null,
      "limit.tenant_exhausted",
    ]);
  });

  test("is not asked for by a call that something else is wrong with", async () => {
    const [ledger] = fleet(1) as [Home];
    const nonce = claim();
    const spent = limit({ max: 1 });
    expect(await ledger.reasons(calling([spent], { claims: [nonce] }))).toEqual([null]);
    const { asked } = await watch(ledger);
    const shared = ofTenant();
    expect(
      await ledger.reasons(
        calling([shared], { denial: "policy.environment" }),
        calling([shared], { claims: [nonce] }),
        calling([shared, spent]),
        walk(mandate(), { pred: ["unknown"] }, { limits: [shared] }),
      ),
    ).toEqual(["policy.environment", "replay.nonce", "limit.principal_exhausted", "run.pred_unknown"]);
    expect(asked).toEqual([]);
  });

  test("is refused with a directory that fails or is silent, which is then left alone", async () => {
    const [ledger] = fleet(1) as [Home];
    await ledger.decide(attempt());
    const watched = await watch(ledger);
    watched.answer = () => Promise.reject(new Error("the object cannot be reached"));
    const shared = ofTenant();
    expect(await volley(ledger, 20, () => calling([shared]))).toEqual({ "limit.unavailable": 20 });
    expect(watched.asked).toHaveLength(1);
    // Neither those that need no lease, nor for ever.
    expect(await ledger.reasons(calling([limit()]))).toEqual([null]);
    setClock(T + RETRY_AFTER);
    watched.answer = () => new Promise(() => {});
    const wait = setTimeout;
    const timer = vi.spyOn(globalThis, "setTimeout");
    timer.mockImplementation((work, ms) => wait(work, ms === LEASE_DEADLINE_MS ? 0 : ms));
    expect(await ledger.reasons(calling([shared]))).toEqual(["limit.unavailable"]);
    setClock(T + 2 * RETRY_AFTER);
    watched.answer = (ask) => ask();
    expect(await ledger.reasons(calling([shared]))).toEqual([null]);
  });

  test("does not look away from a directory that fails, though the gate is observed", async () => {
    const [ledger] = fleet(1) as [Home];
    await ledger.decide(attempt());
    const watched = await watch(ledger);
    watched.answer = () => Promise.reject(new Error("the object cannot be reached"));
    const ruling = await ledger.decide(calling([ofTenant()], { observes: ["limits"] }));
    expect(ruling).toMatchObject({ verdict: "denied", reason: "limit.unavailable" });
  });

  test("loses an answer that does not arrive, and no more", async () => {
    const [ledger] = fleet(1) as [Home];
    await ledger.decide(attempt());
    const watched = await watch(ledger);
    const shared = ofTenant({ max: 3 });
    watched.answer = async (ask) => {
      await ask();
      throw new Error("the connection broke");
    };
    expect(await ledger.reasons(calling([shared]))).toEqual(["limit.unavailable"]);
    watched.answer = (ask) => ask();
    setClock(T + RETRY_AFTER);
    expect(await volley(ledger, 5, () => calling([shared]))).toEqual({
      admitted: 2,
      "limit.tenant_exhausted": 3,
    });
  });

  test("that is only observed: the call goes on when it is used up", async () => {
    const [ledger] = fleet(1) as [Home];
    const once = ofTenant({ max: 1 });
    const observing = () => calling([once], { observes: ["limits"] });
    const verdicts = [await ledger.decide(observing()), await ledger.decide(observing())];
    expect(verdicts.map(({ verdict, reason }) => [verdict, reason])).toEqual([
      ["admitted", null],
      ["observed", "limit.tenant_exhausted"],
    ]);
  });

  test("in the next window nothing is left of what was held in the last one", async () => {
    const [ledger, other] = fleet(2) as [Home, Home];
    const shared = ofTenant({ max: 40 });
    expect(await admitted(ledger, 20, () => calling([shared]))).toBe(20);
    setClock(T + 40);
    const counts = [
      await admitted(other, 100, () => calling([shared])),
      await admitted(ledger, 100, () => calling([shared])),
    ];
    expect(counts).toEqual([40, 0]);
  });
});
