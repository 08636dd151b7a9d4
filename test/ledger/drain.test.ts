import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
import {
  DRAIN_BATCH,
  DRAIN_DELAY_MS,
  DRAIN_RETRY_MS,
  JOURNAL_WINDOW,
  MAX_DRAIN_RETRY_MS,
  MAX_JOURNAL_BACKLOG,
} from "../../src/limits.ts";
import {
  chainFault,
  type Home,
  mandate,
  many,
  newLedger,
  outcomeOf,
  recordOf,
  setClock,
  T,
  useClock,
  walk,
} from "./helpers.ts";

useClock();

/** Whole, and what an auditor with the rows alone would say. */
async function expectLogged(ledger: Home, count: number): Promise<void> {
  const rows = await ledger.logged();
  expect(rows).toHaveLength(count);
  expect(await chainFault(rows.map(recordOf))).toBeNull();
}

const refused = (ledger: Home) => ledger.sql<{ record: string; error: string }>("SELECT * FROM refused");

const alarmAt = (ledger: Home) =>
  runInDurableObject(ledger.stub, async (_, { storage }) => ((await storage.getAlarm()) ?? 0) - T * 1000);

// -- the good days --------------------------------------------------------------------------------------

test("the alarm moves everything to D1, and a record there can be verified from its row alone", async () => {
  const ledger = newLedger();
  const asked = walk(mandate(), { pred: ["unknown"] });
  await ledger.decide(asked);
  await many(ledger, 3);
  await ledger.stub.outcome(outcomeOf(asked));
  expect(await ledger.alarm()).toBe(true);
  await expectLogged(ledger, 5);
});

test("journal tables that D1 has are dropped, whole, and the newest is kept", async () => {
  const ledger = newLedger();
  await many(ledger, 2 * JOURNAL_WINDOW + 30);
  await ledger.alarm();
  await expectLogged(ledger, 2 * JOURNAL_WINDOW + 30);
  const tables = Object.entries(await ledger.rows()).filter(([name]) => name.startsWith("journal"));
  expect(tables).toEqual([["journal_2", 30]]);
});

test("an alarm with nothing new changes nothing", async () => {
  const ledger = newLedger();
  await many(ledger, 3);
  await ledger.alarm();
  const [rows, logged] = [await ledger.rows(), await ledger.logged()];
  await ledger.alarm();
  await evictDurableObject(ledger.stub);
  await ledger.alarm();
  expect(await ledger.rows()).toEqual(rows);
  expect(await ledger.logged()).toEqual(logged);
});

test("a batch that D1 took and the ledger does not know of is repeated without harm", async () => {
  const ledger = newLedger();
  await many(ledger, 20);
  await ledger.alarm();
  // As if it had stopped between the two.
  await ledger.sql("UPDATE meta SET value = 5 WHERE key = 'drained'");
  await evictDurableObject(ledger.stub);
  await many(ledger, 2);
  await ledger.alarm();
  await expectLogged(ledger, 22);
  expect(await refused(ledger)).toEqual([]);
});

test("commits that come while it drains are neither lost nor sent twice", async () => {
  const ledger = newLedger();
  for (let round = 0; round < 4; round += 1) {
    await Promise.all([
      many(ledger, 150),
      ledger.alarm(),
      many(ledger, 150),
      runDurableObjectAlarm(ledger.stub),
    ]);
  }
  await ledger.alarm();
  await expectLogged(ledger, 1200);
  expect(await refused(ledger)).toEqual([]);
  expect((await ledger.rows()).journal_0).toBeUndefined();
});

test("an alarm does not chase a journal that grows while it drains", async () => {
  const ledger = newLedger();
  await many(ledger, 3);
  const batches: number[] = [];
  await runInDurableObject(ledger.stub, async (instance) => {
    const bind = (texts: string) => ({
      run: async () => {
        batches.push((JSON.parse(texts) as unknown[]).length);
        if (batches.length < 10) await instance.decide(walk());
      },
    });
    const object = instance as unknown as { env: Env };
    const real = object.env;
    object.env = { ...real, AUDIT: { prepare: () => ({ bind }) } as unknown as D1Database };
    await instance.alarm();
    object.env = real;
  });
  expect(batches).toEqual([3]);
  expect(await alarmAt(ledger)).toBe(DRAIN_DELAY_MS);
});

// -- D1 is down -----------------------------------------------------------------------------------------

async function whileDown(work: () => Promise<void>): Promise<void> {
  await env.AUDIT.exec("ALTER TABLE audit_records RENAME TO away");
  try {
    await work();
  } finally {
    await env.AUDIT.exec("ALTER TABLE away RENAME TO audit_records");
  }
}

test("with D1 down calls are admitted and the journal grows; later it drains whole", async () => {
  const ledger = newLedger();
  const count = 2 * DRAIN_BATCH + 7;
  await whileDown(async () => {
    await many(ledger, count - 1);
    await ledger.alarm();
    await evictDurableObject(ledger.stub);
    await ledger.alarm();
    expect(await ledger.reasons(walk())).toEqual([null]);
    expect(await ledger.journal()).toHaveLength(count);
  });
  await ledger.alarm();
  await expectLogged(ledger, count);
  expect(await refused(ledger)).toEqual([]);
});

test("it comes back to D1 at growing intervals, which calls do not shorten, and then at the usual one", async () => {
  const ledger = newLedger();
  await ledger.decide(walk());
  expect(await alarmAt(ledger)).toBe(DRAIN_DELAY_MS);
  const delays: number[] = [];
  await whileDown(async () => {
    for (let i = 0; i < 7; i += 1) {
      await ledger.alarm();
      await ledger.decide(walk());
      delays.push(await alarmAt(ledger));
    }
  });
  expect(delays.slice(0, 2)).toEqual([DRAIN_RETRY_MS, 2 * DRAIN_RETRY_MS]);
  expect(delays.at(-1)).toBe(MAX_DRAIN_RETRY_MS);
  await ledger.alarm();
  await ledger.decide(walk());
  expect(await alarmAt(ledger)).toBe(DRAIN_DELAY_MS);
});

test("what has expired is dropped while D1 is down", async () => {
  const ledger = newLedger();
  await ledger.decide(walk(mandate({ exp: T + 60 })));
  await whileDown(async () => {
    setClock(T + 600);
    await ledger.alarm();
  });
  expect(await ledger.rows()).toMatchObject({ runs: 0, mandates: 0, journal_0: 1 });
});

// -- D1 refuses a record --------------------------------------------------------------------------------

test("a record that D1 refuses is shelved and blocks no other", async () => {
  const ledger = newLedger();
  const calls = Array.from({ length: 21 }, () => walk());
  await Promise.all(calls.map((call) => ledger.decide(call)));
  const bad = [calls[4]?.decision, calls[5]?.decision, calls[20]?.decision];
  await env.AUDIT.exec(
    `CREATE TRIGGER picky BEFORE INSERT ON audit_records WHEN NEW.id IN (${bad.map((id) => `'${id}'`)}) BEGIN SELECT RAISE(ABORT, 'not this one'); END`,
  );
  await ledger.alarm();
  await env.AUDIT.exec("DROP TRIGGER picky");

  const shelf = await refused(ledger);
  expect(shelf.map(({ record }) => JSON.parse(record).id)).toEqual(bad);
  for (const { error } of shelf) expect(error).toContain("not this one");
  // Nothing is missing but what lies on the shelf: log and shelf together are the chain.
  const rows = await ledger.logged();
  expect(rows).toHaveLength(18);
  const all = [...rows.map(recordOf), ...shelf.map(({ record }) => JSON.parse(record))];
  expect(await chainFault(all.sort((a, b) => a.seq - b.seq))).toBeNull();

  await ledger.decide(walk());
  await ledger.alarm();
  expect(await refused(ledger)).toHaveLength(3);
  expect(await ledger.logged()).toHaveLength(19);
});

test.each([
  ["at the same place of the chain", (id: string, seq: number) => [`forged ${id}`, seq]],
  ["with the same id", (id: string) => [id, 1_000]],
] as const)("another record %s is not taken for the same one", async (_, forged) => {
  const ledger = newLedger();
  const calls = [walk(), walk(), walk()];
  await ledger.reasons(...calls);
  const [id, seq] = forged(calls[1]?.decision ?? "", 2);
  await env.AUDIT.prepare(
    `INSERT INTO audit_records (id, kind, decision, tenant, chain, seq, time, principal, checks, prev_hash, hash, v)
      VALUES (?, 'decision', 'x', 'acme', ?, ?, 0, 'x', '[]', 'x', 'forged', 1)`,
  )
    .bind(id, await ledger.incarnation(), seq)
    .run();
  await ledger.alarm();
  expect((await refused(ledger)).map(({ record }) => JSON.parse(record).seq)).toEqual([2]);
  expect((await ledger.logged()).map(({ seq, hash }) => [seq, hash === "forged"])).toEqual(
    seq === 2
      ? [
          [1, false],
          [2, true],
          [3, false],
        ]
      : [
          [1, false],
          [3, false],
          [1_000, true],
        ],
  );
});

// -- the cap --------------------------------------------------------------------------------------------

test("beyond the cap on what waits for D1 calls are refused, and admitted again after a drain", async () => {
  const ledger = newLedger();
  const known = walk();
  await ledger.decide(known);
  const waiting = async (backlog: number) => {
    await ledger.sql("INSERT OR REPLACE INTO meta VALUES ('drained', ?)", 1 - backlog);
    await evictDurableObject(ledger.stub);
  };
  await waiting(MAX_JOURNAL_BACKLOG);
  const rows = await ledger.rows();
  expect(await ledger.decide(walk())).toEqual({
    verdict: "denied",
    reason: "ledger.backlog_full",
    stepRecorded: false,
  });
  // A denial stays what it is, and who asks again about an admitted call is told so.
  expect(await ledger.reasons(walk(mandate(), {}, { denial: "capability.missing" }))).toEqual([
    "capability.missing",
  ]);
  expect((await ledger.decide(known)).verdict).toBe("admitted");
  expect((await ledger.decide(known, true)).verdict).toBe("admitted");
  expect(await ledger.rows()).toEqual(rows);

  await waiting(MAX_JOURNAL_BACKLOG - 1);
  const last = walk();
  expect(await ledger.reasons(last, walk())).toEqual([null, "ledger.backlog_full"]);
  // The outcome of what was admitted is taken all the same.
  await ledger.stub.outcome(outcomeOf(last));
  await ledger.alarm();
  await ledger.sql("UPDATE meta SET value = 0 WHERE key = 'drained'");
  await evictDurableObject(ledger.stub);
  await ledger.alarm();
  await expectLogged(ledger, 3);
  expect(await ledger.reasons(walk())).toEqual([null]);
});
