import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { expect, test, vi } from "vitest";
import { recordOf } from "../../src/audit/rows.ts";
import { settle } from "../../src/ledger/client.ts";
import {
  DRAIN_BATCH,
  DRAIN_DELAY_MS,
  DRAIN_RETRY_MS,
  JOURNAL_WINDOW,
  LOST_ALARM_MS,
  MAX_BATCH_BYTES,
  MAX_DRAIN_MS,
  MAX_DRAIN_RETRY_MS,
  MAX_JOURNAL_BACKLOG,
  MAX_PRED,
} from "../../src/limits.ts";
import {
  chainFault,
  type Home,
  mandate,
  many,
  newLedger,
  outcomeOf,
  setClock,
  T,
  useClock,
  walk,
  withAudit,
} from "./helpers.ts";

useClock();

/** Whole, and what an auditor with the rows alone would say. */
async function expectLogged(ledger: Home, count: number): Promise<void> {
  const rows = await ledger.logged();
  expect(rows).toHaveLength(count);
  expect(await chainFault(rows.map(recordOf))).toBeNull();
}

/** What waits to be set aside. */
const refused = (ledger: Home) => ledger.sql("SELECT * FROM refused");

const alarmAt = (ledger: Home) =>
  runInDurableObject(ledger.stub, async (_, { storage }) => ((await storage.getAlarm()) ?? 0) - T * 1000);

// -- the good days --------------------------------------------------------------------------------------

test("the alarm moves everything to D1, and a record there can be verified from its row alone", async () => {
  const ledger = newLedger();
  const asked = walk();
  await ledger.reasons(asked, walk(mandate(), { pred: ["unknown"] }));
  await many(ledger, 2);
  await ledger.stub.outcome(outcomeOf(asked));
  expect(await ledger.alarm()).toBe(true);
  await expectLogged(ledger, 5);
});

test("journal tables that D1 has are dropped, whole, and the two newest are kept", async () => {
  const ledger = newLedger();
  await many(ledger, 2 * JOURNAL_WINDOW + 30);
  await ledger.alarm();
  await expectLogged(ledger, 2 * JOURNAL_WINDOW + 30);
  const tables = Object.entries(await ledger.rows()).filter(([name]) => name.startsWith("journal"));
  expect(tables).toEqual([
    ["journal_1", JOURNAL_WINDOW],
    ["journal_2", 30],
  ]);
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
      many(ledger, 110),
      ledger.alarm(),
      many(ledger, 110),
      runDurableObjectAlarm(ledger.stub),
    ]);
  }
  await ledger.alarm();
  await expectLogged(ledger, 880);
  expect(await refused(ledger)).toEqual([]);
  expect((await ledger.rows()).journal_0).toBeUndefined();
});

test("drains that are asked for at once send nothing twice", async () => {
  const ledger = newLedger();
  await many(ledger, 20);
  const sent = await withAudit(
    ledger,
    (send) => send,
    async (instance) => {
      await Promise.all([instance.settle(), instance.alarm(), instance.settle(), instance.settle()]);
    },
  );
  expect(sent).toEqual([20]);
  await expectLogged(ledger, 20);
});

test("who waits for a drain while another one is under way waits for the next, whoever else does", async () => {
  const ledger = newLedger();
  await many(ledger, 3);
  let open = (): void => {};
  const held = new Promise<void>((resolve) => {
    open = resolve;
  });
  const sent = await withAudit(
    ledger,
    (send, before) => (before > 0 ? send : () => held.then(send)),
    async (instance) => {
      const first = instance.settle();
      await scheduler.wait(1);
      await instance.decide(walk());
      const rest = Array.from({ length: 50 }, () => instance.settle());
      await scheduler.wait(1);
      open();
      await Promise.all([first, ...rest]);
    },
  );
  expect(sent).toEqual([3, 1]);
});

test("records that a caller has made long go in batches that D1 takes", async () => {
  const ledger = newLedger();
  const root = mandate();
  const pred = Array.from({ length: MAX_PRED - 1 }, (_, i) => `${"😀".repeat(60)}${i}`);
  const foreignParents = pred.map((jti) => ({ jti, earliestChild: 0, level: 3 as const, denied: false }));
  for (let i = 0; i < 11; i += 1)
    await ledger.decide(walk(root, { pred: [root.jti, ...pred], foreignParents }));
  const bytes = (await ledger.journal()).map((record) => new Blob([JSON.stringify(record)]).size);
  expect(Math.min(...bytes)).toBeGreaterThan(MAX_BATCH_BYTES / 5);
  const batches = await withAudit(
    ledger,
    (send) => send,
    (instance) => instance.alarm(),
  );
  expect(batches).toEqual([4, 4, 3]);
  await expectLogged(ledger, 11);
});

test("an alarm does not chase a journal that grows while it drains", async () => {
  const ledger = newLedger();
  await many(ledger, 3);
  const batches = await withAudit(
    ledger,
    (send, sent, instance) => async () => {
      if (sent < 10) await instance.decide(walk());
      return send();
    },
    (instance) => instance.alarm(),
  );
  expect(batches).toEqual([3]);
  expect(await alarmAt(ledger)).toBe(DRAIN_DELAY_MS);
});

test.each([
  ["early", 0, 0.5],
  ["late", 1, 1.5],
])("ledgers that begin together come to D1 at times of their own: %s", async (_, random, share) => {
  vi.spyOn(Math, "random").mockReturnValue(random);
  const ledger = newLedger();
  await ledger.decide(walk());
  expect(await alarmAt(ledger)).toBe(share * DRAIN_DELAY_MS);
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

test("a batch whose answer is lost, or that arrives late, is not doubled", async () => {
  const ledger = newLedger();
  await many(ledger, 20);
  const late: (() => Promise<unknown>)[] = [];
  const lose = (arrives: boolean) =>
    withAudit(
      ledger,
      (send) => async () => {
        if (arrives) await send();
        else late.push(send);
        throw new Error("deadline passed");
      },
      (instance) => instance.alarm(),
    );
  for (const arrives of [false, true, true]) expect(await lose(arrives)).toEqual([20]);
  expect(await ledger.stub.status()).toMatchObject({ backlog: 20, oldest: T * 1000 });
  await ledger.alarm();
  for (const send of late) await send();
  await expectLogged(ledger, 20);
  expect(await ledger.stub.status()).toMatchObject({ backlog: 0, oldest: null, setAside: 0 });
});

test("where what D1 has taken cannot be noted, it is sent again, and nothing is forgotten", async () => {
  const ledger = newLedger();
  const open = walk(mandate(), {}, { outcomeBy: (T + 3600) * 1000 });
  await ledger.decide(open);
  await many(ledger, 2 * JOURNAL_WINDOW + 9);
  await env.AUDIT.exec(
    `CREATE TRIGGER picky BEFORE INSERT ON audit_records WHEN NEW.seq = 7 BEGIN SELECT RAISE(ABORT, 'not this one'); END`,
  );
  // It fails after some of it was written: when the table is dropped, what is open in it is kept first.
  await ledger.sql(
    "CREATE TRIGGER broken BEFORE INSERT ON open_calls BEGIN SELECT RAISE(ABORT, 'broken'); END",
  );
  for (let i = 0; i < 2; i += 1) await ledger.alarm();
  await ledger.sql("DROP TRIGGER broken");
  expect(await ledger.rows()).toMatchObject({ journal_0: JOURNAL_WINDOW, refused: 0, open_calls: 0 });
  await ledger.alarm();
  await env.AUDIT.exec("DROP TRIGGER picky");
  expect(await ledger.logged()).toHaveLength(2 * JOURNAL_WINDOW + 9);
  expect(await ledger.stub.status()).toMatchObject({
    backlog: 0,
    setAside: 1,
    open: 2 * JOURNAL_WINDOW + 10,
  });
  await ledger.stub.outcome(outcomeOf(open));
  await ledger.alarm();
  expect((await ledger.logged()).at(-1)).toMatchObject({ decision: open.decision, status: 200 });
});

test("an alarm that the platform has given up is set again, and one that is only late is not", async () => {
  const ledger = newLedger();
  await ledger.decide(walk());
  await runInDurableObject(ledger.stub, (_, { storage }) => storage.deleteAlarm());
  setClock(T + (DRAIN_DELAY_MS + LOST_ALARM_MS) / 1000);
  await ledger.decide(walk());
  expect(await alarmAt(ledger)).toBe(-T * 1000);
  setClock(T + (DRAIN_DELAY_MS + LOST_ALARM_MS) / 1000 + 1);
  await ledger.decide(walk());
  expect(await alarmAt(ledger)).toBe(2 * DRAIN_DELAY_MS + LOST_ALARM_MS + 1000);
});

test("a drain that takes too long goes on with the next alarm", async () => {
  const ledger = newLedger();
  await many(ledger, DRAIN_BATCH + 5);
  await withAudit(
    ledger,
    (send) => async () => {
      setClock(T + MAX_DRAIN_MS / 1000 + 1);
      return send();
    },
    (instance) => instance.alarm(),
  );
  await expectLogged(ledger, DRAIN_BATCH);
  setClock(T);
  await ledger.alarm();
  await expectLogged(ledger, DRAIN_BATCH + 5);
});

test("to settle is to have everything in D1 that is decided and reported, or to say that it is not", async () => {
  const ledger = newLedger();
  const asked = walk();
  await ledger.decide(asked);
  await ledger.stub.outcome(outcomeOf(asked));
  await whileDown(async () => {
    expect(await settle(env, ledger.name)).toEqual({ ok: false, error: "ledger.unavailable" });
  });
  expect((await settle(env, ledger.name)).ok).toBe(true);
  await expectLogged(ledger, 2);
  expect(await ledger.stub.status()).toEqual({
    chain: await ledger.incarnation(),
    seq: 2,
    backlog: 0,
    oldest: null,
    setAside: 0,
    open: 0,
  });
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
  await ledger.decide(walk(mandate({ exp: T + 60 }), {}, { outcomeBy: (T + 3600) * 1000 }));
  await whileDown(async () => {
    setClock(T + 600);
    await ledger.alarm();
  });
  expect(await ledger.rows()).toMatchObject({ runs: 0, mandates: 0, journal_0: 1 });
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
