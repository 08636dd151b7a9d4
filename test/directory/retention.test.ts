import { env } from "cloudflare:workers";
import { beforeEach, expect, test, vi } from "vitest";
import { recordFault } from "../../src/audit/chain.ts";
import { linkHash } from "../../src/audit/record.ts";
import { recordOf } from "../../src/audit/rows.ts";
import { attempt, claim, facts, type Home, outcomeOf, setClock, T, useClock } from "../ledger/helpers.ts";
import { decisions, isProven, newTenant, noD1, type Place, putTenant } from "./helpers.ts";

useClock();
beforeEach(() => void vi.spyOn(console, "error").mockReturnValue());

const DAY = 86_400;

/** Two records a day for five days, in D1, with a checkpoint each day. The clock stands at the end of the last one. */
async function fiveDays(audit: object): Promise<{ place: Place; ledger: Home }> {
  const place = await newTenant(audit);
  const ledger = place.ledger();
  for (let day = 0; day < 5; day += 1) {
    setClock(T + day * DAY);
    await decisions(ledger, 2);
    await ledger.alarm();
    await place.alarm();
  }
  return { place, ledger };
}

/** From the first record that is kept to the head, by hashes, as a checkpoint names them. */
async function expectVerifiable(place: Place, ledger: Home): Promise<void> {
  const last = (await place.checkpoints()).at(-1);
  const head = last?.heads?.[0];
  if (last === undefined || head === undefined) throw new Error("no checkpoint");
  expect(await isProven(last, head.chain)).toBe(true);
  const records = (await ledger.logged()).map(recordOf).filter(({ seq }) => seq >= head.start);
  let hash = head.start_prev;
  for (const [i, record] of records.entries()) {
    expect(record.seq).toBe(head.start + i);
    expect(await recordFault(record, hash)).toBeNull();
    hash = await linkHash(hash, record.digest);
  }
  expect(hash).toBe(head.hash);
  expect(records.at(-1)?.seq).toBe(head.seq);
}

const seqs = async (ledger: Home) => (await ledger.logged()).map(({ seq }) => seq);
const startIn = async (place: Place) => (await place.checkpoints()).at(-1)?.heads?.[0]?.start;

test("records older than the retention go, after a checkpoint has said so, and the chain stays verifiable", async () => {
  const { place, ledger } = await fiveDays({ retentionDays: 2 });
  for (let hour = 1; hour < 4; hour += 1) {
    setClock(T + 4 * DAY + hour * 3600);
    await place.alarm();
    await expectVerifiable(place, ledger);
  }
  // What was written when day 2 began is older than two days by now.
  expect(await seqs(ledger)).toEqual([7, 8, 9, 10]);
  const stored = await place.checkpoints();
  const { retained } = stored.at(-1)?.claims ?? { retained: 0 };
  expect(retained).toBeGreaterThan(1);
  expect(stored.map(({ heads, claims }) => heads === null || claims.number >= retained)).not.toContain(false);
  for (const one of stored) expect(one.heads === null).toBe(one.claims.number < retained);
});

test("nothing goes before D1 has the checkpoint that says so", async () => {
  const { place, ledger } = await fiveDays({});
  await putTenant(place.tenant, { retentionDays: 2 });
  setClock(T + 4 * DAY + 60);
  // It is planned here, and announced by the next one.
  await place.alarm();
  expect(await seqs(ledger)).toHaveLength(10);
  expect(await startIn(place)).toBe(1);
  setClock(T + 4 * DAY + 120);
  await place.with(noD1, (directory) => directory.alarm());
  await place.with(noD1, (directory) => directory.alarm());
  expect(await seqs(ledger)).toHaveLength(10);
  await place.evict();
  // The rows cannot be deleted, the checkpoint can be delivered.
  const AUDIT = {
    prepare: (query: string) => {
      if (query.startsWith("DELETE")) throw new Error("D1_ERROR: Network connection lost.");
      return env.AUDIT.prepare(query);
    },
  } as unknown as D1Database;
  await place.with({ AUDIT }, (directory) => directory.alarm());
  expect(await startIn(place)).toBe(7);
  expect(await seqs(ledger)).toHaveLength(10);
  await expectVerifiable(place, ledger);
  await place.evict();
  await place.alarm();
  expect(await seqs(ledger)).toEqual([7, 8, 9, 10]);
  await expectVerifiable(place, ledger);
});

test("a chain that stands still keeps its head", async () => {
  const { place, ledger } = await fiveDays({ retentionDays: 1 });
  for (let round = 1; round < 4; round += 1) {
    setClock(T + 30 * DAY + round * 60);
    await place.alarm();
  }
  expect(await seqs(ledger)).toEqual([10]);
  await expectVerifiable(place, ledger);
  setClock(T + 31 * DAY);
  await decisions(ledger, 2);
  await ledger.alarm();
  await place.alarm();
  await expectVerifiable(place, ledger);
});

test("a row that is made to look old takes nothing with it", async () => {
  const { place, ledger } = await fiveDays({ retentionDays: 30 });
  await env.AUDIT.prepare("UPDATE audit_records SET time = 1 WHERE chain = ? AND seq = 9")
    .bind(await ledger.incarnation())
    .run();
  for (let hour = 1; hour < 4; hour += 1) {
    setClock(T + 4 * DAY + hour * 3600);
    await place.alarm();
  }
  expect(await seqs(ledger)).toHaveLength(10);
  expect(await startIn(place)).toBe(1);
});

test("a retention that is made shorter and longer again brings nothing back, and takes no more", async () => {
  const { place, ledger } = await fiveDays({ retentionDays: 30 });
  const looks = async (day: number) => {
    for (let hour = 1; hour < 4; hour += 1) {
      setClock(T + day * DAY + hour * 3600);
      await place.alarm();
      await expectVerifiable(place, ledger);
    }
  };
  await putTenant(place.tenant, { retentionDays: 1 });
  await looks(4);
  expect(await seqs(ledger)).toEqual([9, 10]);
  await putTenant(place.tenant, { retentionDays: 30 });
  await looks(20);
  expect(await seqs(ledger)).toEqual([9, 10]);
  expect(await startIn(place)).toBe(9);
  await looks(40);
  expect(await seqs(ledger)).toEqual([10]);
});

test("a call that ends after its decision has gone has its outcome all the same", async () => {
  const place = await newTenant({ retentionDays: 1 });
  const ledger = place.ledger();
  const mine = facts({ tenant: place.tenant });
  const asked = attempt({ claims: [claim()], facts: mine, outcomeBy: (T + 10 * DAY) * 1000 });
  await ledger.decide(asked);
  for (let day = 0; day < 4; day += 1) {
    for (const hour of [0, 1, 2]) {
      setClock(T + day * DAY + hour * 3600);
      await decisions(ledger, 1);
      await ledger.alarm();
      await place.alarm();
    }
  }
  expect(await seqs(ledger)).not.toContain(1);
  await ledger.stub.outcome({ ...outcomeOf(asked), facts: mine });
  await ledger.alarm();
  setClock(T + 3 * DAY + 4 * 3600);
  await place.alarm();
  expect((await ledger.logged()).at(-1)).toMatchObject({ kind: "outcome", decision: asked.decision });
  await expectVerifiable(place, ledger);
});

test("D1 is looked through once an hour, also by an object that ends in between", async () => {
  const { place } = await fiveDays({ retentionDays: 30 });
  let looked = 0;
  const AUDIT = {
    prepare: (query: string) => {
      if (query.includes("time <")) looked += 1;
      return env.AUDIT.prepare(query);
    },
  } as unknown as D1Database;
  for (let minute = 1; minute <= 120; minute += 10) {
    setClock(T + 5 * DAY + minute * 60);
    await place.with({ AUDIT }, (directory) => directory.alarm());
    await place.evict();
  }
  expect(looked).toBe(2);
});

test("without a retention nothing goes, nor while the tenant document cannot be read", async () => {
  const { place, ledger } = await fiveDays({});
  setClock(T + 4000 * DAY);
  await place.alarm();
  await place.alarm();
  expect(await seqs(ledger)).toHaveLength(10);

  const strict = await fiveDays({ retentionDays: 3 });
  await strict.place.evict();
  const TENANTS = { get: () => Promise.reject(new Error("KV is down")) } as unknown as KVNamespace;
  for (let round = 1; round < 4; round += 1) {
    setClock(T + 40 * DAY + round * 60);
    await strict.place.with({ TENANTS }, (directory) => directory.alarm());
  }
  const left = await seqs(strict.ledger);
  expect(left.at(0)).toBeLessThan(9);
  expect(left.at(-1)).toBe(10);
});
