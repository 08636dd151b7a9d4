import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { exportJWK, generateKeyPair } from "jose";
import { beforeEach, describe, expect, test, vi } from "vitest";
import { GENESIS } from "../../src/audit/record.ts";
import { tokenPrincipal } from "../../src/evidence/access-token/subject.ts";
import { ledgerName, UNVERIFIED } from "../../src/ledger/names.ts";
import {
  CHECKPOINT_RETRY_MS,
  FIRST_CHECKPOINT_MS,
  MAX_CHAINS,
  MAX_CHAINS_FOR_HOLDERS,
  MAX_CHECKPOINT_AGE_MS,
  MAX_CHECKPOINT_BACKLOG,
  MAX_CHECKPOINT_RETRY_MS,
} from "../../src/limits.ts";
import { type Home, many, setClock, T, unique, useClock } from "../ledger/helpers.ts";
import { copyOf, INTERVAL, isProven, lose, newTenant, noD1, type Place, without } from "./helpers.ts";

useClock();
beforeEach(() => void vi.spyOn(console, "error").mockReturnValue());

/** The next alarm, at its time. */
let now = T;
beforeEach(() => {
  now = T;
});
async function nextRound(place: Place): Promise<void> {
  now += INTERVAL;
  setClock(now);
  await place.alarm();
}

const headOf = async (ledger: Home) => {
  const [last] = (await ledger.journal()).slice(-1);
  return { seq: last?.seq ?? 0, hash: last?.hash ?? GENESIS };
};

const headIn = (stored: Awaited<ReturnType<Place["checkpoints"]>>[number] | undefined, chain: string) => {
  const head = stored?.heads?.find((one) => one.chain === chain);
  return head && { seq: head.seq, hash: head.hash };
};

describe("the schedule", () => {
  test("begins with the first ledger, and every chain is proven by what D1 then has", async () => {
    const place = await newTenant();
    const ledgers = [place.ledger("agent:a"), place.ledger("agent:b"), place.ledger("agent:c")];
    expect(await place.alarmAt()).toBeNull();
    for (const [i, ledger] of ledgers.entries()) await many(ledger, i + 1);
    await place.alarm();
    const [first, ...more] = await place.checkpoints();
    if (first === undefined) throw new Error("no checkpoint");
    expect(more).toEqual([]);
    expect(first.claims).toMatchObject({
      iss: `${env.GATEWAY_URL}/${place.tenant}/mcp`,
      number: 1,
      time: T * 1000,
      size: 3,
      prev: null,
      faults: [],
      retained: 1,
    });
    for (const ledger of ledgers) {
      const chain = await ledger.incarnation();
      expect(headIn(first, chain)).toEqual(await headOf(ledger));
      expect(await isProven(first, chain)).toBe(true);
    }
    expect(first.jws).not.toContain("agent");
    expect(JSON.stringify(first)).not.toContain("agent:");
    expect(await place.alarmAt()).toBe(T * 1000 + INTERVAL * 1000);
  });

  test("has its first alarm soon, and a later enrolment does not put it off", async () => {
    const place = await newTenant();
    await place.stub.enrol("first", unique("chain"));
    expect(await place.alarmAt()).toBe(T * 1000 + FIRST_CHECKPOINT_MS);
    setClock(T + 5);
    await place.stub.enrol("second", unique("chain"));
    expect(await place.alarmAt()).toBe(T * 1000 + FIRST_CHECKPOINT_MS);
  });

  test("links each checkpoint to the one before, also across evictions", async () => {
    const place = await newTenant();
    const ledger = place.ledger();
    for (let i = 0; i < 4; i += 1) {
      await many(ledger, 2);
      if (i === 0) await place.alarm();
      else await nextRound(place);
      if (i === 2) await place.evict();
    }
    const stored = await place.checkpoints();
    const chain = await ledger.incarnation();
    expect(stored.map((one) => headIn(one, chain)?.seq)).toEqual([2, 4, 6, 8]);
    expect((await place.stub.status()).waiting).toBe(0);
  });

  test("makes none while nothing changes, but for one a day", async () => {
    const place = await newTenant();
    await many(place.ledger(), 1);
    await place.alarm();
    await nextRound(place);
    await nextRound(place);
    expect(await place.checkpoints()).toHaveLength(1);
    expect(await place.alarmAt()).toBe((now + INTERVAL) * 1000);
    now = T + MAX_CHECKPOINT_AGE_MS / 1000;
    await nextRound(place);
    expect(await place.checkpoints()).toHaveLength(2);
  });

  test("a clock that is set back takes no time back", async () => {
    const place = await newTenant();
    await many(place.ledger(), 1);
    await place.alarm();
    setClock(T - 3600);
    await many(place.ledger(), 1);
    await place.alarm();
    expect((await place.checkpoints()).map(({ claims }) => claims.time)).toEqual([T * 1000, T * 1000]);
  });

  test("checkpoints that are asked for at once are made one after the other", async () => {
    const place = await newTenant();
    const ledger = place.ledger();
    await many(ledger, 1);
    const made = await Promise.all([
      place.stub.checkpoint(),
      many(ledger, 3).then(() => place.stub.checkpoint()),
      place.stub.checkpoint(),
      place.alarm(),
    ]);
    await place.stub.snapshot();
    const stored = await place.checkpoints();
    expect(stored.length).toBeGreaterThan(0);
    for (const one of made.slice(0, 3))
      expect(stored.map(({ jws }) => jws)).toContain((one as { jws: string }).jws);
  });

  test("those who ask while ledgers are slow to answer are given the next one, whoever else asks", async () => {
    const place = await newTenant();
    const ledger = place.ledger();
    await many(ledger, 1);
    const { promise: answered, resolve: answer } = Promise.withResolvers<void>();
    let asked = 0;
    const LEDGER = {
      getByName: (name: string) => ({
        head: async (known: { seq: number; hash: string } | null) => {
          asked += 1;
          await answered;
          return env.LEDGER.getByName(name).head(known);
        },
        settle: () => env.LEDGER.getByName(name).settle(),
      }),
    } as unknown as Env["LEDGER"];
    const made = await place.with({ LEDGER }, async (directory) => {
      const first = directory.checkpoint();
      await vi.waitFor(() => expect(asked).toBe(1));
      await many(ledger, 1);
      const rest = Array.from({ length: 20 }, (_, i) =>
        i % 2 === 0 ? directory.checkpoint() : directory.snapshot(),
      );
      answer();
      return Promise.all([first, ...rest]);
    });
    expect(asked).toBe(2);
    expect(made.slice(1).map(({ heads }) => heads[0]?.seq)).toEqual(Array(20).fill(2));
  });

  test("a key that is rotated signs from then on, and all are verified with what is published", async () => {
    const place = await newTenant();
    const ledger = place.ledger();
    await many(ledger, 1);
    await place.alarm();
    const { privateKey } = await generateKeyPair("EdDSA", { extractable: true });
    const next = { ...(await exportJWK(privateKey)), kid: "next" };
    const SIGNING_KEYS = JSON.stringify({ keys: [next, ...JSON.parse(env.SIGNING_KEYS).keys] });
    await many(ledger, 1);
    await place.with({ SIGNING_KEYS }, (directory) => directory.snapshot());
    const stored = await place.checkpoints(SIGNING_KEYS);
    expect(stored).toHaveLength(2);
    await expect(place.checkpoints()).rejects.toThrow("checkpoint 2: key_unknown");
  });
});

describe("named in the checkpoint, with the head that was last known:", () => {
  test("a ledger that does not answer, until it does", async () => {
    const place = await newTenant();
    const [near, far] = [place.ledger("agent:near"), place.ledger("agent:far")];
    await many(near, 1);
    await many(far, 2);
    await place.alarm();
    const [chain, known] = [await far.incarnation(), await headOf(far)];
    await many(near, 1);
    await many(far, 3);
    await place.with(without(far.name), (directory) => directory.snapshot());
    await nextRound(place);
    const [, during, after] = await place.checkpoints();
    expect(during?.claims.faults).toEqual([{ chain, fault: "unreachable" }]);
    expect(headIn(during, chain)).toEqual(known);
    expect(headIn(during, await near.incarnation())).toEqual(await headOf(near));
    expect(after?.claims.faults).toEqual([]);
    expect(headIn(after, chain)).toEqual(await headOf(far));
  });

  test("one that never answered", async () => {
    const place = await newTenant();
    const ledger = place.ledger();
    await many(ledger, 1);
    const chain = await ledger.incarnation();
    const made = await place.with(without(ledger.name), (directory) => directory.checkpoint());
    expect(made.heads).toEqual([{ chain, seq: 0, hash: GENESIS, start: 1, start_prev: GENESIS }]);
    await nextRound(place);
    const [first, second] = await place.checkpoints();
    expect(first?.claims.faults).toEqual([{ chain, fault: "unreachable" }]);
    expect(second?.claims.faults).toEqual([]);
  });

  test("one that was lost, for ever, beside the one that was made anew under its name", async () => {
    const place = await newTenant();
    const ledger = place.ledger();
    await many(ledger, 3);
    await place.alarm();
    const [before, known] = [await ledger.incarnation(), await headOf(ledger)];
    await lose(ledger);
    await nextRound(place);
    await many(ledger, 2);
    await nextRound(place);
    await place.evict();
    await many(ledger, 1);
    await nextRound(place);
    const after = await ledger.incarnation();
    expect(after).not.toBe(before);
    const stored = await place.checkpoints();
    const fault = { chain: before, fault: "lost" };
    expect(stored.map(({ claims }) => claims.faults)).toEqual([[], [fault], [fault], [fault]]);
    expect(stored.map((one) => headIn(one, before))).toEqual([known, known, known, known]);
    expect(stored.map((one) => headIn(one, after)?.seq)).toEqual([undefined, undefined, 2, 3]);
    const { chains } = await place.stub.status();
    expect(chains).toHaveLength(2);
    expect(chains).toContainEqual({
      ledger: ledger.name,
      chain: before,
      seq: 3,
      fault: "lost",
      status: null,
    });
    expect(chains.find(({ chain }) => chain === after)).toMatchObject({
      seq: 3,
      fault: null,
      status: { seq: 3 },
    });
  });

  test("one that was lost and made anew before anybody asked", async () => {
    const place = await newTenant();
    const ledger = place.ledger();
    await many(ledger, 1);
    const before = await ledger.incarnation();
    await lose(ledger);
    await many(ledger, 1);
    await place.alarm();
    const [stored] = await place.checkpoints();
    expect(stored?.claims).toMatchObject({ size: 2, faults: [{ chain: before, fault: "lost" }] });
  });

  test.each([
    ["behind what was told", 0],
    ["at the same number", 2],
    ["and beyond it", 5],
  ])("one that goes on from a copy, %s", async (_, more) => {
    const place = await newTenant();
    const ledger = place.ledger();
    await many(ledger, 2);
    await place.alarm();
    const restore = await copyOf(ledger);
    await many(ledger, 2);
    await nextRound(place);
    const [chain, known] = [await ledger.incarnation(), await headOf(ledger)];
    await restore();
    if (more > 0) await many(ledger, more);
    await nextRound(place);
    await many(ledger, 7);
    await nextRound(place);
    const stored = await place.checkpoints();
    const fault = { chain, fault: "forked" };
    // A head never goes back, and never over to another history.
    expect(stored.map(({ claims }) => claims.faults)).toEqual([[], [], [fault]]);
    expect(stored.map((one) => headIn(one, chain)).slice(1)).toEqual([known, known]);
  });

  test("one whose copy has caught up before it was asked again", async () => {
    const place = await newTenant();
    const ledger = place.ledger();
    await many(ledger, 2);
    const restore = await copyOf(ledger);
    await place.alarm();
    await restore();
    await many(ledger, 4);
    await nextRound(place);
    expect((await place.checkpoints()).at(-1)?.claims.faults).toEqual([
      { chain: await ledger.incarnation(), fault: "forked" },
    ]);
  });

  test("none where only the answer of a ledger was lost, or the directory ended before it wrote it down", async () => {
    const place = await newTenant();
    const ledger = place.ledger();
    await many(ledger, 1);
    await place.alarm();
    const known = await headOf(ledger);
    await many(ledger, 1);
    await ledger.stub.head(known);
    await many(ledger, 1);
    await ledger.stub.head(known);
    await place.evict();
    await nextRound(place);
    const last = (await place.checkpoints()).at(-1);
    expect(last?.claims.faults).toEqual([]);
    expect(headIn(last, await ledger.incarnation())?.seq).toBe(3);
  });

  test("none where a ledger began while the others were asked", async () => {
    const place = await newTenant();
    const [early, late] = [place.ledger("agent:early"), place.ledger("agent:late")];
    await many(early, 1);
    const LEDGER = {
      getByName: (name: string) => ({
        head: async (known: { seq: number; hash: string } | null) => {
          const told = await env.LEDGER.getByName(name).head(known);
          await many(late, 1);
          return told;
        },
      }),
    } as unknown as Env["LEDGER"];
    const made = await place.with({ LEDGER }, (directory) => directory.checkpoint());
    expect(made.heads).toContainEqual({
      chain: await late.incarnation(),
      seq: 0,
      hash: GENESIS,
      start: 1,
      start_prev: GENESIS,
    });
    await nextRound(place);
    expect((await place.checkpoints()).map(({ claims }) => claims.faults)).toEqual([[], []]);
  });
});

describe("what fails", () => {
  test("D1: checkpoints wait, also through an eviction, and arrive in order and once", async () => {
    const place = await newTenant();
    const ledger = place.ledger();
    await many(ledger, 1);
    await place.alarm();
    for (let i = 0; i < 3; i += 1) {
      await many(ledger, 1);
      now += INTERVAL;
      setClock(now);
      await place.with(noD1, (directory) => directory.alarm());
      await place.with(noD1, (directory) => directory.alarm());
      if (i === 1) await place.evict();
    }
    expect(await place.checkpoints()).toHaveLength(1);
    expect(await place.stub.status()).toMatchObject({ waiting: 3, checkpoint: { number: 4 } });
    await place.alarm();
    expect((await place.checkpoints()).map(({ claims }) => claims.number)).toEqual([1, 2, 3, 4]);
    expect(await place.stub.status()).toMatchObject({ waiting: 0, problem: null });
    // The last one alone is kept, for the link.
    const kept = await runInDurableObject(place.stub, (_, { storage }) =>
      storage.sql.exec<{ number: number }>("SELECT number FROM checkpoints").toArray(),
    );
    expect(kept).toEqual([{ number: 4 }]);
  });

  test("D1, after it has taken one that the directory does not know of", async () => {
    const place = await newTenant();
    const ledger = place.ledger();
    await many(ledger, 1);
    await place.alarm();
    await many(ledger, 1);
    now += INTERVAL;
    setClock(now);
    const AUDIT = {
      prepare: (query: string) => ({
        bind: (...values: unknown[]) => ({
          run: async () => {
            await env.AUDIT.prepare(query)
              .bind(...values)
              .run();
            throw new Error("D1_ERROR: Network connection lost.");
          },
        }),
      }),
    } as unknown as D1Database;
    await place.with({ AUDIT }, (directory) => directory.alarm());
    expect((await place.stub.status()).waiting).toBe(1);
    await place.alarm();
    expect(await place.checkpoints()).toHaveLength(2);
    expect((await place.stub.status()).waiting).toBe(0);
  });

  test("D1 that has another checkpoint of this number keeps it, and that shows", async () => {
    const place = await newTenant();
    const ledger = place.ledger();
    await many(ledger, 1);
    await place.alarm();
    await many(ledger, 1);
    await env.AUDIT.prepare("INSERT INTO checkpoints VALUES (?, 2, 0, 'another', '[]')")
      .bind(place.tenant)
      .run();
    await nextRound(place);
    expect(await place.stub.status()).toMatchObject({
      waiting: 1,
      problem: expect.stringContaining("NOT NULL"),
    });
    const row = await env.AUDIT.prepare("SELECT jws FROM checkpoints WHERE tenant = ? AND number = 2")
      .bind(place.tenant)
      .first();
    expect(row).toEqual({ jws: "another" });
  });

  test.each<[string, Partial<Env>]>([
    ["absent", { SIGNING_KEYS: undefined as unknown as string }],
    ["malformed", { SIGNING_KEYS: "{}" }],
  ])(
    "signing keys that are %s: no checkpoint without a signature, and one when they are there",
    async (_, keys) => {
      const place = await newTenant();
      await many(place.ledger(), 1);
      await place.with(keys, (directory) => directory.alarm());
      expect(await place.stub.status()).toMatchObject({
        checkpoint: null,
        problem: expect.stringContaining("SIGNING_KEYS"),
      });
      expect(await place.alarmAt()).toBe(T * 1000 + CHECKPOINT_RETRY_MS);
      await place.alarm();
      expect(await place.checkpoints()).toHaveLength(1);
    },
  );

  test("a tenant document that was never read puts checkpoints off; one that was, does not", async () => {
    const TENANTS = { get: () => Promise.reject(new Error("KV is down")) } as unknown as KVNamespace;
    const place = await newTenant();
    const ledger = place.ledger();
    await many(ledger, 1);
    await place.with({ TENANTS }, (directory) => directory.alarm());
    expect(await place.stub.status()).toMatchObject({ checkpoint: null });
    await place.alarm();
    await many(ledger, 1);
    // Beyond all that an isolate remembers.
    now += 3600;
    setClock(now);
    await place.with({ TENANTS }, (directory) => directory.alarm());
    const stored = await place.checkpoints();
    expect(stored.map(({ claims }) => claims.iss)).toEqual(
      Array(2).fill(`${env.GATEWAY_URL}/${place.tenant}/mcp`),
    );
  });

  test("the alarm comes again, later and later, whatever fails", async () => {
    const place = await newTenant();
    await many(place.ledger(), 1);
    const pauses: number[] = [];
    for (let i = 0; i < 9; i += 1) {
      await place.with({ ...noD1, SIGNING_KEYS: "" }, (directory) => directory.alarm());
      pauses.push(((await place.alarmAt()) ?? 0) - T * 1000);
    }
    expect(pauses.slice(0, 3)).toEqual([1, 2, 4].map((n) => n * CHECKPOINT_RETRY_MS));
    expect(pauses.slice(-2)).toEqual([MAX_CHECKPOINT_RETRY_MS, MAX_CHECKPOINT_RETRY_MS]);
    await place.alarm();
    expect(await place.alarmAt()).toBe((T + INTERVAL) * 1000);
  });

  test("D1 for so long that too many wait: no more are made until they are gone", async () => {
    const place = await newTenant();
    await many(place.ledger(), 1);
    await place.alarm();
    await runInDurableObject(place.stub, (_, { storage }) =>
      storage.sql.exec(
        `INSERT INTO checkpoints SELECT value, time, jws, heads FROM checkpoints,
          (WITH n AS (SELECT 2 AS value UNION ALL SELECT value + 1 FROM n WHERE value <= ?) SELECT value FROM n)`,
        MAX_CHECKPOINT_BACKLOG,
      ),
    );
    await place.with(noD1, (directory) =>
      expect(directory.checkpoint()).rejects.toThrow("too many checkpoints wait"),
    );
  });

  /** Has one, and so many in all. */
  const crowded = async (name: string, chains: number) => {
    const place = await newTenant();
    await place.stub.enrol(name, "chain-one");
    await runInDurableObject(place.stub, (_, { storage }) =>
      storage.sql.exec(
        `INSERT INTO ledgers SELECT value, value, 1 FROM
          (WITH n AS (SELECT 2 AS value UNION ALL SELECT value + 1 FROM n WHERE value < ?) SELECT value FROM n)`,
        chains,
      ),
    );
    return place;
  };

  test("subjects of an authorization server cannot take the room of agents", async () => {
    const holder = (sub: string) =>
      ledgerName("acme", tokenPrincipal({ iss: "https://auth.example", sub }), 0);
    const place = await crowded(holder("one"), MAX_CHAINS_FOR_HOLDERS);
    await runInDurableObject(place.stub, async (directory) => {
      await expect(directory.enrol(holder("two"), "chain-two")).rejects.toThrow("too many chains");
      await directory.enrol(holder("one"), "chain-one");
      await directory.enrol(ledgerName("acme", "agent:oauth:", 0), "chain-agent");
      await directory.enrol(ledgerName("acme", UNVERIFIED, 0), "chain-strangers");
    });
  });

  test("a tenant with too many chains takes no more, and knows those it has", async () => {
    const place = await crowded("one", MAX_CHAINS);
    await runInDurableObject(place.stub, async (directory) => {
      await expect(directory.enrol("two", "chain-two")).rejects.toThrow("too many chains");
      await directory.enrol("one", "chain-one");
    });
  });
});

describe("a snapshot", () => {
  test("is in D1 with every record that it covers", async () => {
    const place = await newTenant();
    const ledgers = [place.ledger("agent:a"), place.ledger("agent:b")];
    for (const ledger of ledgers) await many(ledger, 5);
    const made = await place.stub.snapshot();
    expect(made.heads.map(({ seq }) => seq)).toEqual([5, 5]);
    expect((await place.checkpoints()).map(({ jws }) => jws)).toEqual([made.jws]);
    for (const ledger of ledgers) expect(await ledger.logged()).toHaveLength(5);
    // Nothing has changed, so it is the same one.
    expect(await place.stub.snapshot()).toEqual(made);
  });

  test("covers no record that D1 does not have, while the ledgers go on", async () => {
    const place = await newTenant();
    const ledger = place.ledger();
    await many(ledger, 1);
    // Between its settling and its head.
    const LEDGER = {
      getByName: (name: string) => ({
        settle: () => env.LEDGER.getByName(name).settle(),
        head: async (known: { seq: number; hash: string } | null) => {
          await many(ledger, 3);
          return env.LEDGER.getByName(name).head(known);
        },
      }),
    } as unknown as Env["LEDGER"];
    const made = await place.with({ LEDGER }, (directory) => directory.snapshot());
    expect(made.heads[0]?.seq).toBe(4);
    expect(await ledger.logged()).toHaveLength(4);
  });

  test("does not fail for a ledger that cannot be reached, which it names", async () => {
    const place = await newTenant();
    const [near, far] = [place.ledger("agent:near"), place.ledger("agent:far")];
    await many(near, 2);
    await many(far, 2);
    const made = await place.with(without(far.name), (directory) => directory.snapshot());
    expect(await near.logged()).toHaveLength(2);
    expect((await place.checkpoints()).at(-1)?.claims.faults).toEqual([
      { chain: await far.incarnation(), fault: "unreachable" },
    ]);
    expect(made.number).toBe(1);
  });

  test("fails while D1 does not take the checkpoint, or a ledger that answers cannot hand its records on", async () => {
    const place = await newTenant();
    const ledger = place.ledger();
    await many(ledger, 2);
    await place.with(noD1, (directory) =>
      expect(directory.snapshot()).rejects.toThrow("Network connection lost"),
    );
    const LEDGER = {
      getByName: (name: string) => ({
        settle: () => Promise.reject(new Error("D1_ERROR")),
        head: (known: { seq: number; hash: string } | null) => env.LEDGER.getByName(name).head(known),
      }),
    } as unknown as Env["LEDGER"];
    await place.with({ LEDGER }, (directory) =>
      expect(directory.snapshot()).rejects.toThrow("could not hand its records"),
    );
    expect((await place.stub.snapshot()).heads.map(({ seq }) => seq)).toEqual([2]);
    expect(await ledger.logged()).toHaveLength(2);
  });
});
