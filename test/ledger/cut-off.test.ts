/** A ledger whose directory is out of reach, for long and under load, or is another one than before. */

import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, test, vi } from "vitest";
import type { Ledger } from "../../src/ledger/ledger.ts";
import type { Question, Ruling } from "../../src/ledger/protocol.ts";
import { type Bulletin, type KnownNotices, revokedName } from "../../src/ledger/revoked.ts";
import { REVOCATIONS_RETRY_MS, REVOCATIONS_STALE_MS } from "../../src/limits.ts";
import { attempt, claim, type Home, newLedger, setClock, T, useClock } from "./helpers.ts";

useClock();
/** What is logged. */
let logged: unknown[] = [];
beforeEach(() => {
  logged = [];
  vi.spyOn(console, "error").mockImplementation((line) => void logged.push(line));
});

const AGENT = revokedName({ kind: "agent", name: "scout" });

const call = (more = {}) =>
  attempt({ claims: [claim({ issuedAt: Math.floor(Date.now() / 1000) })], revocable: [AGENT], ...more });

/** Does something with an object that asks another directory. */
const asking = <R>({ stub }: Home, directory: object, work: (instance: Ledger) => Promise<R>): Promise<R> =>
  runInDurableObject(stub, async (instance) => {
    const object = instance as unknown as { env: Env };
    const real = object.env;
    object.env = { ...real, DIRECTORY: { getByName: () => directory } as unknown as Env["DIRECTORY"] };
    try {
      return await work(instance);
    } finally {
      object.env = real;
    }
  });

const reasonOf = (answer: Ruling | Question): string | null =>
  "reason" in answer ? answer.reason : "question";

/** A directory that counts how often it is asked, and never answers well. */
function dead() {
  const seen = { asked: 0 };
  const enrol = () => {
    seen.asked += 1;
    return Promise.reject(new Error("the object cannot be reached"));
  };
  return { seen, directory: { enrol } };
}

describe("one that cannot begin", () => {
  test("asks once for all who call, says so once, and begins when it can", async () => {
    const ledger = newLedger();
    const { seen, directory } = dead();
    const reasons = await asking(ledger, directory, async (instance) => {
      const all = await Promise.all(Array.from({ length: 300 }, () => instance.decide(call())));
      const denied = await instance.decide(call({ denial: "bearer.missing" }));
      return [...new Set(all.map(reasonOf)), reasonOf(denied)];
    });
    expect(reasons).toEqual(["ledger.unavailable", "bearer.missing"]);
    expect(seen.asked).toBe(1);
    expect(logged).toHaveLength(1);
    setClock(T + REVOCATIONS_RETRY_MS / 1000);
    expect(reasonOf(await ledger.stub.decide(call()))).toBeNull();
  });

  test("lets nobody wait for others who wait", async () => {
    const ledger = newLedger();
    let asked = 0;
    const enrol = () => {
      asked += 1;
      // All that comes meanwhile has given up by then.
      setClock(Date.now() / 1000 + 60);
      return Promise.reject(new Error("too slow"));
    };
    const reasons = await asking(ledger, { enrol }, (instance) =>
      Promise.all(Array.from({ length: 20 }, () => instance.decide(call()))),
    );
    expect(new Set(reasons.map(reasonOf))).toEqual(new Set(["ledger.overloaded"]));
    expect(asked).toBe(1);
  });
});

test("a quarter of an hour under load: nobody is asked or told more than every few seconds, and it goes on as long as it may", async () => {
  const ledger = newLedger();
  expect(await ledger.reasons(call())).toEqual([null]);
  const { seen, directory } = dead();
  const step = REVOCATIONS_RETRY_MS / 1000;
  const steps = (15 * 60) / step;
  const admitted = await asking(ledger, directory, async (instance) => {
    let last = 0;
    for (let i = 1; i <= steps; i += 1) {
      setClock(T + i * step);
      const reasons = (await Promise.all([1, 2, 3].map(() => instance.decide(call())))).map(reasonOf);
      expect(new Set(reasons).size).toBe(1);
      if (reasons[0] === null) last = i * step;
      else expect(reasons[0]).toBe("ledger.revocations_unknown");
    }
    return last;
  });
  expect(admitted).toBe(REVOCATIONS_STALE_MS / 1000 - step);
  expect(seen.asked).toBeLessThanOrEqual(steps);
  expect(logged.length).toBeLessThanOrEqual(steps);
});

describe("another directory", () => {
  const known = async (ledger: Home): Promise<KnownNotices> => {
    const [row] = await ledger.sql<{ value: string }>("SELECT value FROM meta WHERE key = 'notices'");
    return JSON.parse(row?.value ?? "null");
  };
  const bulletin = (changes: Partial<Bulletin>): Bulletin => ({
    epoch: "another",
    version: 9,
    since: null,
    notices: [],
    lifted: [],
    ...changes,
  });
  const tell = async ({ stub }: Home, changes: Partial<Bulletin>) => await stub.revoke(bulletin(changes));

  test("that tells it something is asked, and taught what it has lost", async () => {
    const ledger = newLedger();
    expect(await ledger.reasons(call())).toEqual([null]);
    const before = await known(ledger);
    await tell(ledger, { ...before, version: before.version + 1, since: before.version });
    await runInDurableObject(env.DIRECTORY.getByName(ledger.tenant), (_, { storage }) => {
      storage.kv.put("epoch", "another");
    });
    await tell(ledger, { version: 1 });
    while ((await known(ledger)).epoch !== "another") await new Promise((resolve) => setTimeout(resolve, 1));
    // Nobody has called it meanwhile.
    expect(Date.now()).toBe(T * 1000);
  });

  test("does not make a revocation end sooner", async () => {
    const ledger = newLedger();
    expect(await ledger.reasons(call())).toEqual([null]);
    const { epoch, version } = await known(ledger);
    const notices = (until: number | null) => [{ name: AGENT, until }];
    await tell(ledger, { epoch, version: version + 1, since: version, notices: notices(null) });
    await tell(ledger, { notices: notices(T + 60) });
    setClock(T + 100);
    expect(await ledger.reasons(call())).toEqual(["revoked.agent"]);
    // That of its own directory does.
    setClock(T);
    await tell(ledger, { epoch, version: version + 2, since: version + 1, notices: notices(T + 60) });
    setClock(T + 100);
    expect(await ledger.reasons(call())).toEqual([null]);
  });
});
