import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { sampleUnverified, type WriteDenial } from "../../src/audit/sampling.ts";
import { MAX_UNVERIFIED_PER_WINDOW, UNVERIFIED_WINDOW_MS } from "../../src/limits.ts";

beforeEach(() => void vi.useFakeTimers({ now: 2_000_000_000_000 }));
afterEach(() => void vi.useRealTimers());

let tenants = 0;

/** A tenant that no other test has, whose log takes what is written to it unless it is down. */
function log() {
  tenants += 1;
  const rows: (number | null)[] = [];
  const self = { tenant: `tenant-${tenants}`, rows, isDown: false };
  const write: WriteDenial = async (count) => {
    if (!self.isDown) rows.push(count);
    return !self.isDown;
  };
  return {
    ...self,
    down: (isDown: boolean) => {
      self.isDown = isDown;
    },
    /** So many denials at once; what is to be done for each later is left to itself. */
    deny: async (count: number) => {
      for (let i = 0; i < count; i++) void sampleUnverified(self.tenant, write);
      await vi.advanceTimersByTimeAsync(0);
    },
    /** The denials that the log knows of: each row itself and those it counts. */
    known: () => rows.reduce<number>((sum, count) => sum + 1 + (count ?? 0), 0),
  };
}

const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);

describe("a flood", () => {
  test("is written up to a bound in each window", async () => {
    const { deny, rows } = log();
    await deny(3 * MAX_UNVERIFIED_PER_WINDOW);
    expect(rows).toHaveLength(MAX_UNVERIFIED_PER_WINDOW);
    await pass(UNVERIFIED_WINDOW_MS - 1);
    await deny(10);
    expect(rows).toHaveLength(MAX_UNVERIFIED_PER_WINDOW);
  });

  test("at one tenant costs no other its records", async () => {
    const [one, other] = [log(), log()];
    await one.deny(3 * MAX_UNVERIFIED_PER_WINDOW);
    await other.deny(MAX_UNVERIFIED_PER_WINDOW);
    expect(other.rows).toHaveLength(MAX_UNVERIFIED_PER_WINDOW);
  });

  test("of a million costs a row more than the bound for each window, and all are counted", async () => {
    const { deny, rows, known } = log();
    const windows = 10;
    for (let i = 0; i < windows; i++) {
      await deny(100_000);
      await pass(UNVERIFIED_WINDOW_MS);
    }
    expect(rows.length).toBeLessThanOrEqual(windows * (MAX_UNVERIFIED_PER_WINDOW + 1));
    expect(known()).toBe(1_000_000);
  });
});

describe("what is left out", () => {
  test("is counted when the window is over, although nobody comes any more", async () => {
    const { deny, rows } = log();
    await deny(MAX_UNVERIFIED_PER_WINDOW + 7);
    await pass(UNVERIFIED_WINDOW_MS - 1);
    expect(rows).toHaveLength(MAX_UNVERIFIED_PER_WINDOW);
    await pass(1);
    expect(rows.slice(MAX_UNVERIFIED_PER_WINDOW)).toEqual([6]);
    await pass(10 * UNVERIFIED_WINDOW_MS);
    expect(rows).toHaveLength(MAX_UNVERIFIED_PER_WINDOW + 1);
  });

  test("is written itself where it is one alone", async () => {
    const { deny, rows } = log();
    await deny(MAX_UNVERIFIED_PER_WINDOW + 1);
    await pass(UNVERIFIED_WINDOW_MS);
    expect(rows.slice(MAX_UNVERIFIED_PER_WINDOW)).toEqual([null]);
  });

  test("is counted once, also where the next one comes before its time", async () => {
    const { deny, rows, known } = log();
    await deny(MAX_UNVERIFIED_PER_WINDOW + 7);
    vi.setSystemTime(Date.now() + UNVERIFIED_WINDOW_MS);
    await deny(1);
    expect(rows.slice(MAX_UNVERIFIED_PER_WINDOW)).toEqual([7]);
    await pass(2 * UNVERIFIED_WINDOW_MS);
    expect(known()).toBe(MAX_UNVERIFIED_PER_WINDOW + 8);
  });

  test("is not lost with a log that is down: the next that is written counts it", async () => {
    const { deny, down, rows, known } = log();
    down(true);
    await deny(MAX_UNVERIFIED_PER_WINDOW + 7);
    await pass(UNVERIFIED_WINDOW_MS);
    expect(rows).toEqual([]);
    down(false);
    await deny(1);
    expect(rows).toEqual([MAX_UNVERIFIED_PER_WINDOW + 7]);
    expect(known()).toBe(MAX_UNVERIFIED_PER_WINDOW + 8);
  });
});
