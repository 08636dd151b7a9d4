import { describe, expect, test } from "vitest";
import { Agenda } from "../../bench/simulate/agenda.ts";
import { runBacklog } from "../../bench/simulate/backlog.ts";
import { balanceOf, ceilingOf, lanesTable } from "../../bench/simulate/balance.ts";
import { Database } from "../../bench/simulate/database.ts";
import { runHotRun } from "../../bench/simulate/hot-run.ts";
import { runHotTenant } from "../../bench/simulate/hot-tenant.ts";
import { Journal } from "../../bench/simulate/journal.ts";
import { questionsFor } from "../../bench/simulate/leases.ts";
import { ADMISSION_MS, D1_QUERY_MS, D1_RECORD_MS, ORIGIN_MS } from "../../bench/simulate/parameters.ts";
import { Queue } from "../../bench/simulate/queue.ts";
import { exponential, randomOf } from "../../bench/simulate/random.ts";
import { mixOf, streamsOf } from "../../bench/simulate/workload.ts";
import { World } from "../../bench/simulate/world.ts";
import { DRAIN_BATCH, DRAIN_DELAY_MS, LEDGER_DEADLINE_MS, MAX_JOURNAL_BACKLOG } from "../../src/limits.ts";

const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

describe("the agenda", () => {
  test("does everything in the order of its time, and of what is at one time in that in which it was noted", () => {
    const agenda = new Agenda();
    const random = randomOf(1);
    const done: [number, number][] = [];
    for (let i = 0; i < 2_000; i += 1) {
      const time = Math.floor(random() * 100);
      agenda.at(time, () => done.push([time, i]));
    }
    agenda.runUntil(100);
    expect(done).toEqual(done.toSorted(([a, i], [b, j]) => a - b || i - j));
    expect(done).toHaveLength(2_000);
  });
});

describe("a queue", () => {
  const SERVICE_MS = 5;

  /** Poisson arrivals, each of which takes as long: M/D/1. */
  function run(utilisation: number, arrivals: number, limit?: number) {
    const queue = new Queue(limit);
    const random = randomOf(3);
    const waits: number[] = [];
    let now = 0;
    for (let i = 0; i < arrivals; i += 1) {
      now += exponential(random, SERVICE_MS / utilisation);
      const visit = queue.visit(now, () => SERVICE_MS);
      if (visit !== null) waits.push(visit.start - now);
    }
    return { waits, busy: queue.busy / now, now };
  }

  test.each([0.3, 0.5, 0.8, 0.9])("with a load of %f waits as the theory of M/D/1 says", (utilisation) => {
    const { waits, busy } = run(utilisation, 400_000);
    const theory = (utilisation * SERVICE_MS) / (2 * (1 - utilisation));
    expect(mean(waits) / theory).toBeGreaterThan(0.95);
    expect(mean(waits) / theory).toBeLessThan(1.05);
    expect(busy).toBeCloseTo(utilisation, 2);
  });

  test("refuses nothing below its capacity, and all that is beyond it above", () => {
    expect(run(0.8, 100_000, 100).waits).toHaveLength(100_000);
    const { waits, now } = run(4, 100_000, 100);
    expect((waits.length * SERVICE_MS) / now).toBeCloseTo(1, 2);
    expect(Math.max(...waits)).toBeLessThanOrEqual(101 * SERVICE_MS);
  });
});

describe("a ledger", () => {
  const ceiling = ceilingOf(ADMISSION_MS.slow);

  test.each([0.5, 0.8])("refuses nothing and loses no outcome with a load of %f", (load) => {
    const { hot, outcomesLost } = runHotTenant(load, 20, 1);
    expect(hot.calls).toBeGreaterThan(0.9 * load * ceiling * 20);
    expect([hot.refused, outcomesLost]).toEqual([0, 0]);
  });

  test("admits nobody who has waited longer than the deadline, however many come", () => {
    const { hot } = runHotTenant(20, 20, 1);
    expect(hot.refused).toBeGreaterThan(0.9);
    expect(Math.max(...hot.latencies)).toBeLessThanOrEqual(LEDGER_DEADLINE_MS + ADMISSION_MS.slow);
    expect(hot.latencies.length / 20).toBeGreaterThan(0.9 * ceiling);
  });
});

describe("a hot tenant", () => {
  test.each([1, 10])("with %f times what its ledger can do changes no call of the others", (load) => {
    const [without, beside] = [runHotTenant(0, 10, 5), runHotTenant(load, 10, 5)];
    expect(beside.others.latencies).toEqual(without.others.latencies);
    expect(beside.others.refused).toBe(0);
    expect(beside.databaseBusy).toBeGreaterThan(without.databaseBusy);
  });

  test("is simulated the same with the same seed, and otherwise with another", () => {
    expect(runHotTenant(2, 5, 1)).toEqual(runHotTenant(2, 5, 1));
    expect(runHotTenant(2, 5, 1)).not.toEqual(runHotTenant(2, 5, 2));
    expect(lanesTable(1)).toBe(lanesTable(1));
    expect(runBacklog([{ ledgers: 50, rate: 3 }], 30, 1)).toEqual(
      runBacklog([{ ledgers: 50, rate: 3 }], 30, 1),
    );
  });
});

describe("balance", () => {
  const mix = { tenants: 20, agents: 5, rate: 5_000 };

  test("every agent and lane has a ledger of its own, and no call is lost", () => {
    const streams = mixOf({ ...mix, lanes: () => 4 }, 1);
    expect(new Set(streams.map(({ ledger }) => ledger)).size).toBe(20 * 5 * 4);
    expect(streams.reduce((sum, { rate }) => sum + rate, 0)).toBeCloseTo(5_000, 6);
  });

  test("more lanes refuse less, and nothing where no ledger is beyond its ceiling", () => {
    const [one, four, sixteen] = [1, 4, 16].map((lanes) =>
      balanceOf(mixOf({ ...mix, lanes: () => lanes }, 1), 167),
    ) as [Balance, Balance, Balance];
    expect(one.refused).toBeGreaterThan(four.refused);
    expect(four.refused).toBeGreaterThanOrEqual(sixteen.refused);
    expect([sixteen.overloaded, sixteen.refused]).toEqual([0, 0]);
  });
});

type Balance = ReturnType<typeof balanceOf>;

describe("the journal on its way to D1", () => {
  test("all of it arrives in the end, none before its alarm", () => {
    const agenda = new Agenda();
    const journal = new Journal(agenda, new Database(agenda));
    for (let i = 0; i < 50; i += 1) agenda.at(i * 137, () => journal.append(i * 31));
    agenda.runUntil(60_000);
    expect(journal.backlog).toBe(0);
    expect(journal.delays).toHaveLength(50);
    expect(Math.min(...journal.delays)).toBeGreaterThan(0);
    expect(Math.max(...journal.delays)).toBeGreaterThanOrEqual(DRAIN_DELAY_MS);
  });

  test("beyond what D1 takes a backlog grows as the difference, up to its limit, and no call of the others is refused", () => {
    const [ledgers, rate, seconds] = [40, 166, 900];
    const { groups, databaseBusy } = runBacklog(
      [
        { ledgers, rate },
        { ledgers: 20, rate: 1 },
      ],
      seconds,
      1,
    );
    const [hot, others] = groups as [GroupEnd, GroupEnd];
    const taken = (1000 * DRAIN_BATCH) / (D1_QUERY_MS + DRAIN_BATCH * D1_RECORD_MS);
    const theory = (1000 * MAX_JOURNAL_BACKLOG) / (2 * rate - taken / ledgers);
    expect(databaseBusy).toBeGreaterThan(0.99);
    expect(hot.fullAt ?? 0).toBeGreaterThan(0.8 * theory);
    expect(hot.fullAt ?? 0).toBeLessThan(1.2 * theory);
    expect(hot.backlog).toBeLessThanOrEqual(MAX_JOURNAL_BACKLOG + 2 * rate);
    expect([others.refused, others.fullAt]).toEqual([0, null]);
  });
});

type GroupEnd = ReturnType<typeof runBacklog>["groups"][number];

test("a hot run obeys Little's law, and never gets more than its ledger can do", () => {
  const [connections, seconds] = [100, 60];
  const seen = runHotRun(connections, 1, seconds, 1);
  const rate = seen.latencies.length / seconds;
  expect(seen.refused).toBe(0);
  expect(rate / ceilingOf(ADMISSION_MS.slow)).toBeLessThan(1.01);
  const inside = (rate * (mean(seen.latencies) + ORIGIN_MS)) / 1000;
  expect(inside / connections).toBeGreaterThan(0.97);
  expect(inside / connections).toBeLessThan(1.03);
});

test("the document of a tenant is read once in a while by each isolate, however many call", () => {
  const reads = (rate: number) => {
    const world = new World(ADMISSION_MS.slow, 1);
    for (const stream of streamsOf("acme", "scout", [1], rate)) world.stream(stream, () => {});
    world.agenda.runUntil(30_000);
    return world.kvReads;
  };
  expect(reads(1_000) / reads(100)).toBeLessThan(1.1);
});

test("ledgers ask for a small budget call by call, for a large one rarely, and more in all where they are many", () => {
  expect(questionsFor(20, 10)).toBe(20);
  expect(questionsFor(100_000, 1)).toBeLessThan(100);
  expect(questionsFor(100_000, 100)).toBeGreaterThan(questionsFor(100_000, 10));
});
