import { describe, expect, test, vi } from "vitest";
import { knownKey, type LoadedKeys } from "../../src/keys/cache.ts";
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
  const ask = async (kid: string, now: number): Promise<string> => {
    const found = await knownKey(id, kid, load, now);
    return found.ok ? `${found.value.kid}` : found.error;
  };
  return { load, ask };
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

  test("one that was cut off with its request holds nobody up for ever", async () => {
    vi.useFakeTimers();
    try {
      const { load, ask } = source(null);
      load.mockReturnValueOnce(new Promise(() => {}));
      void ask("a", NOW);
      load.mockResolvedValue(keys("a"));
      const waiting = [ask("a", NOW), ask("a", NOW + 1)];
      await vi.advanceTimersByTimeAsync(2 * KEYS_DEADLINE_MS);
      await vi.advanceTimersByTimeAsync(KEYS_POLL_MS);
      expect(await Promise.all(waiting)).toEqual(["a", "a"]);
      expect(load).toHaveBeenCalledTimes(2);
      // Who comes later does not wait at all.
      load.mockReturnValueOnce(new Promise(() => {}));
      void ask("a", NOW + KEYS_FRESH_MS);
      load.mockResolvedValue(keys("b"));
      expect(await ask("b", NOW + KEYS_FRESH_MS + 2 * KEYS_DEADLINE_MS)).toBe("b");
    } finally {
      vi.useRealTimers();
    }
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
