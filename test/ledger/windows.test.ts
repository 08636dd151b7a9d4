import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import fc from "fast-check";
import { expect, test } from "vitest";
import { lastAcceptable as ectUntil } from "../../src/evidence/ect/verify.ts";
import { lastAcceptable as signatureUntil } from "../../src/evidence/http-signature/times.ts";
import { WindowedTable } from "../../src/ledger/windows.ts";
import {
  CLAIM_HORIZON,
  CLAIM_WINDOW,
  CLOCK_SKEW,
  MAX_ATTESTATION_TTL,
  MAX_MANDATE_LIFETIME,
  MAX_SIGNATURE_WINDOW,
  NODE_HORIZON,
  NODE_WINDOW,
} from "../../src/limits.ts";
import { attempt, claim, mandate, newLedger, setClock, T, useClock, walk } from "./helpers.ts";

useClock();

const SEED = { seed: 20_261_101, numRuns: 500 };

// -- the constants --------------------------------------------------------------------------------------

test("no kind of evidence is acceptable longer than its table is kept", () => {
  const time = fc.integer({ min: 0, max: 2 ** 40 });
  fc.assert(
    fc.property(
      time,
      fc.nat(10 * MAX_MANDATE_LIFETIME),
      fc.nat(MAX_SIGNATURE_WINDOW),
      (iat, life, window) => {
        expect(ectUntil({ iat, exp: iat + life })).toBeLessThanOrEqual(iat + NODE_HORIZON);
        expect(signatureUntil(iat, iat + window)).toBeLessThanOrEqual(iat + CLAIM_HORIZON);
        expect(signatureUntil(iat, null)).toBeLessThanOrEqual(iat + CLAIM_HORIZON);
      },
    ),
    SEED,
  );
  expect(MAX_ATTESTATION_TTL + CLOCK_SKEW).toBeLessThanOrEqual(CLAIM_HORIZON);
});

test("a step is kept as long as its mandate can be used", () => {
  // The earliest step of a mandate is issued with it, less the skew; the mandate is accepted until its end, plus the skew.
  expect(MAX_MANDATE_LIFETIME + 2 * CLOCK_SKEW).toBeLessThanOrEqual(NODE_HORIZON);
});

// -- the tables -----------------------------------------------------------------------------------------

test.each([
  ["claims", CLAIM_WINDOW, CLAIM_HORIZON],
  ["nodes", NODE_WINDOW, NODE_HORIZON],
])("%s: a value has its table as long as it is acceptable", async (_, span, horizon) => {
  const ledger = newLedger();
  await runInDurableObject(ledger.stub, (_, { storage }) => {
    let run = 0;
    fc.assert(
      fc.property(
        // Values and the passing of time, in any order; issue times about the clock, with the skew on both sides.
        fc.array(
          fc.record({
            wait: fc.nat(2 * span),
            age: fc.integer({ min: -CLOCK_SKEW, max: horizon }),
            life: fc.nat(horizon),
          }),
          { maxLength: 30 },
        ),
        (events) => {
          run += 1;
          const options = {
            prefix: `probe${run}`,
            key: "key",
            columns: "key TEXT PRIMARY KEY",
            span,
            horizon,
          };
          const tables = () =>
            storage.sql
              .exec("SELECT name FROM sqlite_master WHERE name GLOB ?", `${options.prefix}_*`)
              .toArray();
          let table = new WindowedTable(storage.sql, options);
          const values: { key: string; until: number }[] = [];
          let now = T;
          for (const [i, { wait, age, life }] of events.entries()) {
            now += wait;
            const issuedAt = now - age;
            const until = issuedAt + life;
            if (until >= now) {
              storage.sql.exec(`INSERT INTO ${table.tableFor(issuedAt)} VALUES (?)`, `${i}`);
              values.push({ key: `${i}`, until });
            }
            table.dropExpired(now);
            if (i % 3 === 0) table = new WindowedTable(storage.sql, options);
            for (const { key } of values.filter(({ until }) => until >= now)) {
              expect(table.find(key)).toEqual({ key });
            }
          }
          // Nothing is kept for ever, and a look-up asks few tables.
          expect(tables().length).toBeLessThanOrEqual(Math.ceil(horizon / span) + 3);
          table.dropExpired(now + 2 * (span + horizon));
          expect([tables(), table.isEmpty]).toEqual([[], true]);
        },
      ),
      { ...SEED, numRuns: 100 },
    );
  });
});

// -- the ledger -----------------------------------------------------------------------------------------

test("a nonce is refused as used until its last second, and as late after it, whenever it was issued", async () => {
  const ledger = newLedger();
  const times = fc.sample(
    fc.record({ pause: fc.nat(1500), age: fc.integer({ min: -30, max: 300 }), life: fc.nat(300) }),
    { ...SEED, numRuns: 25 },
  );
  let now = T;
  for (const { pause, age, life } of times) {
    now += pause;
    setClock(now);
    const issuedAt = now - age;
    const lastAcceptable = Math.max(now, issuedAt + life + CLOCK_SKEW);
    const used = claim({ issuedAt, lastAcceptable });
    expect(await ledger.reasons(attempt({ claims: [used] }))).toEqual([null]);

    now = lastAcceptable;
    setClock(now);
    await ledger.alarm();
    expect(await ledger.reasons(attempt({ claims: [used] }))).toEqual(["replay.nonce"]);

    // From here on it may be forgotten.
    now += 1;
    setClock(now);
    await ledger.alarm();
    const [reason] = await ledger.reasons(attempt({ claims: [used] }));
    expect(["replay.nonce", "replay.too_late"]).toContain(reason);
  }
});

test.each([
  ["a nonce", "replay.too_late", (at: number) => attempt({ claims: [claim({ lastAcceptable: at })] })],
  [
    "an attestation",
    "attestation.claim_too_late",
    (at: number) => attempt({ claims: [claim({ kind: "attestation", lastAcceptable: at })] }),
  ],
  ["a step", "replay.too_late", (at: number) => walk(mandate(), { lastAcceptable: at })],
  ["a mandate with a step", "act.expired", (at: number) => walk(mandate({ exp: at - CLOCK_SKEW }))],
  [
    "a mandate without a step",
    "act.expired",
    (at: number) => attempt({ mandate: mandate({ exp: at - CLOCK_SKEW }), claims: [claim()] }),
  ],
])("%s is judged by the ledger's own clock", async (_, reason, make) => {
  const ledger = newLedger();
  expect(await ledger.reasons(make(T))).toEqual([null]);
  expect(await ledger.reasons(make(T - 1))).toEqual([reason]);
});

test("a step under a mandate that has ended opens no run and is not recorded", async () => {
  const ledger = newLedger();
  expect(await ledger.decide(walk(mandate({ exp: T - CLOCK_SKEW - 1 })))).toEqual({
    verdict: "denied",
    reason: "act.expired",
    stepRecorded: false,
  });
  expect(await ledger.rows()).toMatchObject({ runs: 0, mandates: 0, journal_0: 1 });
});

test("what claims to be acceptable longer than it would be remembered is late by then", async () => {
  const ledger = newLedger();
  const far = T + 10 * NODE_HORIZON;
  const nonce = (issuedAt: number) => attempt({ claims: [claim({ issuedAt, lastAcceptable: far })] });
  const root = mandate({ exp: far });
  const ect = (iat: number) => walk(root, { iat, pred: [], lastAcceptable: far });
  expect(
    await ledger.reasons(
      nonce(T - CLAIM_HORIZON),
      nonce(T - CLAIM_HORIZON - 1),
      ect(T - NODE_HORIZON),
      ect(T - NODE_HORIZON - 1),
    ),
  ).toEqual([null, "replay.too_late", null, "replay.too_late"]);
});

// -- the clock set back ---------------------------------------------------------------------------------

test.each([false, true])("a clock set back admits nothing again (evicted in between: %s)", async (evict) => {
  const ledger = newLedger();
  const root = mandate({ exp: T + 300 });
  const [nonce, ect] = [attempt({ claims: [claim()] }), walk(root)];
  const again = () => [
    { ...nonce, decision: crypto.randomUUID() },
    { ...ect, decision: crypto.randomUUID() },
  ];
  expect(await ledger.reasons(nonce, ect)).toEqual([null, null]);

  // Nothing but the purge says how late it was.
  setClock(T + NODE_WINDOW + NODE_HORIZON + CLAIM_WINDOW);
  await ledger.alarm();
  expect(Object.keys(await ledger.rows()).filter((table) => /^(claims|nodes)/.test(table))).toEqual([]);
  setClock(T);
  if (evict) await evictDurableObject(ledger.stub);
  expect(await ledger.reasons(...again())).toEqual(["replay.too_late", "replay.too_late"]);
});

test.each([false, true])(
  "a time once written in the journal holds (evicted in between: %s)",
  async (evict) => {
    const ledger = newLedger();
    const nonce = claim({ lastAcceptable: T + 30 });
    setClock(T + 31);
    await ledger.decide(walk());
    setClock(T);
    if (evict) await evictDurableObject(ledger.stub);
    expect(await ledger.reasons(attempt({ claims: [nonce] }))).toEqual(["replay.too_late"]);
    const times = (await ledger.journal()).map(({ time }) => time);
    expect(times).toEqual(times.toSorted((a, b) => a - b));
  },
);

// -- what an idle ledger keeps --------------------------------------------------------------------------

test("an idle ledger wakes until everything has expired, and then sleeps", async () => {
  const ledger = newLedger();
  await ledger.decide(walk(mandate({ exp: T + 60 }), {}, { claims: [claim({ kind: "attestation" })] }));
  const waking = async () => runInDurableObject(ledger.stub, (_, { storage }) => storage.getAlarm());
  let [now, wakings] = [T, 0];
  for (let at = await waking(); at !== null; at = await waking()) {
    now = Math.max(now, Math.ceil(at / 1000));
    setClock(now);
    wakings += 1;
    await ledger.alarm();
    if (wakings === 3) await evictDurableObject(ledger.stub);
  }
  expect(wakings).toBeLessThan(200);
  expect(await ledger.rows()).toMatchObject({ runs: 0, mandates: 0 });
  expect(Object.keys(await ledger.rows()).filter((table) => /^(claims|nodes)/.test(table))).toEqual([]);
});
