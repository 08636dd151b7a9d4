import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { knownKey, type LoadedKeys } from "../../src/keys/cache.ts";
import type { Clock } from "../../src/keys/source.ts";
import {
  KEYS_COOL_DOWN_MS,
  KEYS_DEADLINE_MS,
  KEYS_FRESH_MS,
  KEYS_POLL_MS,
  KEYS_RETRY_MS,
  KEYS_STALE_MS,
  MAX_CACHED_KEY_BYTES,
} from "../../src/limits.ts";

const NOW = 1_770_000_000_000;

const keys = (...kids: readonly string[]): LoadedKeys => ({
  table: new Map(kids.map((kid) => [kid, { kid }])),
  bytes: 100,
});

/** A document that answers as it is told, and counts how often it was asked. */
function source(first: LoadedKeys | null) {
  const id = crypto.randomUUID();
  const load = vi.fn<() => Promise<LoadedKeys | null>>(async () => first);
  const askBy = async (kid: string, clock: Clock): Promise<string> => {
    const found = await knownKey(id, kid, load, clock);
    return found.ok ? `${found.value.kid}` : found.error;
  };
  return { load, askBy, ask: (kid: string, now: number) => askBy(kid, () => now) };
}

describe("fresh", () => {
  test("one fetch serves until its time is over", async () => {
    const { load, ask } = source(keys("a", "b"));
    expect(await ask("a", NOW)).toBe("a");
    expect(await ask("b", NOW + KEYS_FRESH_MS - 1)).toBe("b");
    expect(load).toHaveBeenCalledTimes(1);
    expect(await ask("a", NOW + KEYS_FRESH_MS)).toBe("a");
    expect(load).toHaveBeenCalledTimes(2);
  });

  test("a key that its owner took back is gone with the next fetch", async () => {
    const { load, ask } = source(keys("a", "b"));
    expect(await ask("a", NOW)).toBe("a");
    load.mockResolvedValue(keys("b"));
    expect(await ask("a", NOW + KEYS_FRESH_MS)).toBe("unknown");
    expect(await ask("b", NOW + KEYS_FRESH_MS)).toBe("b");
    expect(load).toHaveBeenCalledTimes(2);
  });

  test("two documents are two, whatever their kids", async () => {
    const one = source(keys("a"));
    const other = source(keys("b"));
    expect(await one.ask("a", NOW)).toBe("a");
    expect(await other.ask("a", NOW)).toBe("unknown");
  });
});

describe("an unknown kid", () => {
  test("brings the next fetch forward, once in a cool-down", async () => {
    const { load, ask } = source(keys("a"));
    await ask("a", NOW);
    load.mockResolvedValue(keys("a", "b"));
    expect(await ask("b", NOW + KEYS_COOL_DOWN_MS - 1)).toBe("unknown");
    expect(load).toHaveBeenCalledTimes(1);
    expect(await ask("b", NOW + KEYS_COOL_DOWN_MS)).toBe("b");
    expect(load).toHaveBeenCalledTimes(2);
  });

  test("a flood of them makes one fetch, and leaves nothing behind", async () => {
    const { load, ask } = source(keys("a"));
    await ask("a", NOW);
    const later = NOW + KEYS_COOL_DOWN_MS;
    const answers = await Promise.all(Array.from({ length: 500 }, (_, i) => ask(`x${i}`, later + (i % 100))));
    expect(new Set(answers)).toEqual(new Set(["unknown"]));
    expect(load).toHaveBeenCalledTimes(2);
    expect(await ask("a", later)).toBe("a");
    expect(load).toHaveBeenCalledTimes(2);
  });
});

describe("a fetch that fails", () => {
  test("with nothing known nobody can tell, and it is tried again soon", async () => {
    const { load, ask } = source(null);
    expect(await ask("a", NOW)).toBe("unavailable");
    expect(await ask("a", NOW + KEYS_RETRY_MS - 1)).toBe("unavailable");
    expect(load).toHaveBeenCalledTimes(1);
    load.mockResolvedValue(keys("a"));
    expect(await ask("a", NOW + KEYS_RETRY_MS)).toBe("a");
  });

  test("leaves what is known, for a bounded time", async () => {
    const { load, ask } = source(keys("a"));
    await ask("a", NOW);
    load.mockResolvedValue(null);
    for (let now = NOW + KEYS_FRESH_MS; now < NOW + KEYS_STALE_MS; now += 10 * 60_000) {
      expect(await ask("a", now)).toBe("a");
      // Another key may be there by now.
      expect(await ask("b", now + 1)).toBe("unavailable");
    }
    expect(await ask("a", NOW + KEYS_STALE_MS - 1)).toBe("a");
    expect(await ask("a", NOW + KEYS_STALE_MS)).toBe("unavailable");
    load.mockResolvedValue(keys("a"));
    expect(await ask("a", NOW + KEYS_STALE_MS + KEYS_RETRY_MS)).toBe("a");
  });

  test("is not made again at once, whoever asks for what", async () => {
    const { load, ask } = source(keys("a"));
    await ask("a", NOW);
    load.mockResolvedValue(null);
    const stale = NOW + KEYS_FRESH_MS;
    await ask("a", stale);
    for (let i = 0; i < 50; i++) await ask(`x${i}`, stale + i);
    expect(load).toHaveBeenCalledTimes(2);
  });
});

describe("while another request fetches", () => {
  /** A fetch that ends when the test says so. */
  const pending = () => Promise.withResolvers<LoadedKeys | null>();

  test("with nothing known, all wait for the one fetch", async () => {
    const { load, ask } = source(null);
    const fetched = pending();
    load.mockReturnValue(fetched.promise);
    const asked = Promise.all([ask("a", NOW), ask("a", NOW + 1), ask("b", NOW + 2)]);
    await Promise.resolve();
    fetched.resolve(keys("a"));
    expect(await asked).toEqual(["a", "a", "unknown"]);
    expect(load).toHaveBeenCalledTimes(1);
  });

  test("known keys serve without waiting", async () => {
    const { load, ask } = source(keys("a"));
    await ask("a", NOW);
    const fetched = pending();
    load.mockReturnValue(fetched.promise);
    const stale = NOW + KEYS_FRESH_MS;
    const first = ask("a", stale);
    expect(await ask("a", stale)).toBe("a");
    fetched.resolve(keys("b"));
    expect(await first).toBe("unknown");
  });

  describe("that is cut off with its client", () => {
    const never = new Promise<LoadedKeys | null>(() => {});
    const inTime = (kid: string) => async (): Promise<LoadedKeys> => {
      await new Promise((resolve) => setTimeout(resolve, 50));
      return keys("a", kid);
    };
    beforeEach(() => void vi.useFakeTimers({ now: NOW }));
    afterEach(() => void vi.useRealTimers());

    test.each([false, true])(
      "all others wait for the one that takes over (something known: %s)",
      async (isWarm) => {
        const { load, askBy } = source(keys("a"));
        if (isWarm) {
          await askBy("a", Date.now);
          vi.advanceTimersByTime(KEYS_COOL_DOWN_MS);
          load.mockClear();
        }
        load.mockReturnValueOnce(never).mockImplementation(inTime("b"));
        void askBy("b", Date.now);
        const waiting: Promise<string>[] = [];
        for (let i = 0; i < 3; i++) {
          await vi.advanceTimersByTimeAsync(700);
          waiting.push(askBy("b", Date.now));
        }
        await vi.advanceTimersByTimeAsync(20_000);
        expect(new Set(await Promise.all(waiting))).toEqual(new Set(["b"]));
        expect(load).toHaveBeenCalledTimes(2);
      },
    );

    test("nobody waits for ever, or is told that a key is not there", async () => {
      const { load, askBy } = source(keys("a"));
      await askBy("a", Date.now);
      vi.advanceTimersByTime(KEYS_COOL_DOWN_MS);
      load.mockReturnValue(never);
      const first = Date.now();
      void askBy("b", Date.now);
      await vi.advanceTimersByTimeAsync(KEYS_POLL_MS);
      const waiting = Array.from({ length: 3 }, async () => ({
        said: await askBy("b", Date.now),
        at: Date.now(),
      }));
      // One of them takes over, and is cut off too; then the next.
      await vi.advanceTimersByTimeAsync(5 * KEYS_DEADLINE_MS);
      const told = await Promise.all(waiting.slice(2));
      expect(new Set(told.map(({ said }) => said))).toEqual(new Set(["unavailable"]));
      for (const { at } of told)
        expect(at - first).toBeLessThanOrEqual(4 * KEYS_DEADLINE_MS + 2 * KEYS_POLL_MS);
      // Who comes later does not wait at all.
      load.mockResolvedValue(keys("b"));
      vi.advanceTimersByTime(2 * KEYS_DEADLINE_MS);
      expect(await askBy("b", Date.now)).toBe("b");
    });

    test("what was forgotten meanwhile is fetched, and kept", async () => {
      const { load, askBy } = source(null);
      load.mockImplementation(async () => {
        const other = source({ ...keys("x"), bytes: MAX_CACHED_KEY_BYTES });
        await other.askBy("x", Date.now);
        return keys("a");
      });
      expect(await askBy("a", Date.now)).toBe("a");
      expect(await askBy("a", Date.now)).toBe("a");
      expect(load).toHaveBeenCalledTimes(1);
    });
  });

  test("the next one is counted from its end", async () => {
    const { load, askBy } = source(null);
    let now = NOW;
    load.mockImplementation(async () => {
      now += 2 * KEYS_DEADLINE_MS;
      return null;
    });
    await askBy("a", () => now);
    now += KEYS_RETRY_MS - 1;
    expect(await askBy("a", () => now)).toBe("unavailable");
    expect(load).toHaveBeenCalledTimes(1);
    now += 1;
    await askBy("a", () => now);
    expect(load).toHaveBeenCalledTimes(2);
  });

  test("what it brings after another has taken over is not kept", async () => {
    const { load, ask } = source(null);
    const slow = pending();
    load.mockReturnValueOnce(slow.promise);
    const first = ask("a", NOW);
    load.mockResolvedValue(keys("b"));
    const later = NOW + 2 * KEYS_DEADLINE_MS;
    expect(await ask("b", later)).toBe("b");
    slow.resolve(keys("a"));
    expect(await first).toBe("a");
    expect(await ask("a", later)).toBe("unknown");
    expect(await ask("b", later)).toBe("b");
  });
});

describe("a key with times of its own", () => {
  const timed: LoadedKeys = {
    table: new Map([["a", { kid: "a", nbf: NOW / 1000 + 10, exp: NOW / 1000 + 60 }]]),
    bytes: 100,
  };
  test.each([
    [NOW, "unknown"],
    [NOW + 9_999, "unknown"],
    [NOW + 10_000, "a"],
    [NOW + 59_999, "a"],
    [NOW + 60_000, "unknown"],
  ])("at %d: %s", async (now, expected) => {
    const { ask } = source(timed);
    expect(await ask("a", now)).toBe(expected);
  });

  test("is renewed at once when it ends", async () => {
    const { load, ask } = source(timed);
    expect(await ask("a", NOW + 10_000)).toBe("a");
    load.mockResolvedValue(keys("a"));
    expect(await ask("a", NOW + 60_000)).toBe("a");
    expect(load).toHaveBeenCalledTimes(2);
  });
});

test("documents are forgotten, the oldest first, when they are too many", async () => {
  const size = MAX_CACHED_KEY_BYTES / 4;
  const sources = Array.from({ length: 5 }, () => source({ ...keys("a"), bytes: size }));
  for (const { ask } of sources) await ask("a", NOW);
  const [oldest, , , , newest] = sources;
  await newest?.ask("a", NOW);
  expect(newest?.load).toHaveBeenCalledTimes(1);
  await oldest?.ask("a", NOW);
  expect(oldest?.load).toHaveBeenCalledTimes(2);
});
