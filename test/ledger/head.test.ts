import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
import { GENESIS } from "../../src/audit/record.ts";
import { headOf, settle, statusOf } from "../../src/ledger/client.ts";
import type { KnownHead, LedgerHead } from "../../src/ledger/head.ts";
import { ledgerName } from "../../src/ledger/names.ts";
import { MAX_TOLD_HEADS } from "../../src/limits.ts";
import { type Home, newLedger, outcomeOf, unique, useClock, walk } from "./helpers.ts";

/** What a ledger tells of its chain, and whether it remembers what it has told. */

useClock();

const ask = async (ledger: Home, known: KnownHead | null): Promise<LedgerHead> => {
  const head = await headOf(env, ledger.name, known);
  if (!head.ok) throw new Error(head.error);
  return head.value;
};

const NONE = { seq: 0, hash: GENESIS };

/** All that an object has stored, to be put back later. */
const copy = (ledger: Home) =>
  runInDurableObject(ledger.stub, (_, { storage }) => ({
    meta: storage.sql.exec<{ key: string; value: string | number }>("SELECT * FROM meta").toArray(),
    seq: storage.sql.exec<{ seq: number }>("SELECT MAX(seq) AS seq FROM journal_0").one().seq,
  }));

async function restore(ledger: Home, { meta, seq }: Awaited<ReturnType<typeof copy>>): Promise<void> {
  await ledger.sql("DELETE FROM journal_0 WHERE seq > ?", seq);
  await ledger.sql("DELETE FROM meta");
  for (const { key, value } of meta) await ledger.sql("INSERT INTO meta VALUES (?, ?)", key, value);
  await evictDurableObject(ledger.stub);
}

test("the head is that of the last record, of the chain that was enrolled", async () => {
  const ledger = newLedger();
  await ledger.reasons(walk(), walk());
  const last = (await ledger.journal()).at(-1);
  expect(await ask(ledger, null)).toEqual({
    chain: await ledger.incarnation(),
    seq: 2,
    hash: last?.hash,
    agrees: true,
    isInD1: false,
  });
});

test("a ledger agrees with what it has told, also after evictions and where nothing has changed", async () => {
  const ledger = newLedger();
  let known: KnownHead | null = null;
  for (let i = 0; i < 6; i += 1) {
    if (i % 3 > 0) await ledger.decide(walk());
    if (i % 2 > 0) await evictDurableObject(ledger.stub);
    else if (i === 0) await ledger.decide(walk());
    const head: LedgerHead = await ask(ledger, known);
    expect(head.agrees).toBe(true);
    known = head;
  }
});

test("one that nobody asked before has told nothing", async () => {
  const ledger = newLedger();
  await ledger.decide(walk());
  expect((await ask(ledger, { seq: 1, hash: "of another" })).agrees).toBe(false);
  expect((await ask(newLedger(), { seq: 1, hash: "of another" })).agrees).toBe(false);
});

test("a restored copy does not remember what was told after it was made, however far it has gone since", async () => {
  const ledger = newLedger();
  await ledger.decide(walk());
  const first = await ask(ledger, null);
  const second = await ask(ledger, first);
  const before = await copy(ledger);
  await ledger.decide(walk());
  const third = await ask(ledger, second);
  await restore(ledger, before);
  expect((await ledger.stub.status()).seq).toBe(1);
  const reasons = await ledger.reasons(walk(), walk(), walk());
  expect(reasons).toEqual([null, null, null]);
  expect(await ask(ledger, third)).toMatchObject({ chain: third.chain, seq: 4, agrees: false });
  // Nor later, as long as the directory holds on to what it knows.
  expect((await ask(ledger, third)).agrees).toBe(false);
});

test("once the directory has taken the other head over, there is nothing to disagree about", async () => {
  const ledger = newLedger();
  await ledger.decide(walk());
  await ask(ledger, null);
  const taken = await ask(ledger, { seq: 9, hash: "forgotten" });
  expect(taken.agrees).toBe(false);
  expect((await ask(ledger, taken)).agrees).toBe(true);
});

test("answers that were lost are no disagreement, however many", async () => {
  const ledger = newLedger();
  await ledger.decide(walk());
  for (const known of [null, null, NONE]) expect((await ask(ledger, known)).agrees).toBe(true);
  const heard = await ask(ledger, null);
  for (let i = 0; i < 3; i += 1) {
    await ledger.decide(walk());
    expect((await ask(ledger, heard)).agrees).toBe(true);
  }
});

test("a question that comes after later ones is no disagreement, then or afterwards", async () => {
  const ledger = newLedger();
  const next = async (known: KnownHead | null) => {
    await ledger.decide(walk());
    return ask(ledger, known);
  };
  const first = await next(null);
  // Nobody has waited for the answers to these two, which come while `second` is what the directory knows.
  const second = await next(first);
  expect((await next(first)).agrees).toBe(true);
  const third = await next(second);
  expect(third.agrees).toBe(true);
  await next(first);
  expect((await next(third)).agrees).toBe(true);
});

test("what is remembered of it is bounded", async () => {
  const ledger = newLedger();
  await ledger.decide(walk());
  const heard = await ask(ledger, null);
  const unheard: LedgerHead[] = [];
  for (let i = 0; i < 2 * MAX_TOLD_HEADS; i += 1) {
    await ledger.decide(walk());
    unheard.push(await ask(ledger, heard));
  }
  const [row] = await ledger.sql<{ value: string }>("SELECT value FROM meta WHERE key = 'told'");
  expect(JSON.parse(row?.value ?? "[]")).toHaveLength(1 + MAX_TOLD_HEADS);
  expect((await ask(ledger, unheard[0] ?? null)).agrees).toBe(false);
  expect((await ask(ledger, unheard.at(-MAX_TOLD_HEADS) ?? null)).agrees).toBe(true);
});

test("a head covers what was reported before, and says whether D1 has it", async () => {
  const ledger = newLedger();
  const asked = walk();
  await ledger.decide(asked);
  await ledger.stub.outcome(outcomeOf(asked));
  expect(await ask(ledger, null)).toMatchObject({ seq: 2, isInD1: false });
  await ledger.stub.settle();
  expect(await ask(ledger, null)).toMatchObject({ seq: 2, isInD1: true });
  await ledger.sql("INSERT INTO refused (record, error) VALUES ('{}', 'refused')");
  expect(await ask(ledger, null)).toMatchObject({ seq: 2, isInD1: false });
});

test("a directory that has forgotten what it was told is not agreed with", async () => {
  const ledger = newLedger();
  await ledger.decide(walk());
  const first = await ask(ledger, null);
  await ledger.decide(walk());
  const second = await ask(ledger, first);
  await ask(ledger, second);
  for (const known of [null, first]) expect((await ask(ledger, known)).agrees).toBe(false);
});

test("to ask again while nothing changes writes nothing", async () => {
  const ledger = newLedger();
  await ledger.decide(walk());
  const heard = await ask(ledger, await ask(ledger, null));
  const written = () =>
    runInDurableObject(ledger.stub, (_, { storage }) => storage.sql.exec("SELECT * FROM meta").toArray());
  const before = await written();
  await ask(ledger, heard);
  expect(await written()).toEqual(before);
});

test("a ledger that has not begun says so, and does not begin by being asked", async () => {
  const name = ledgerName(unique("tenant"), "agent:scout", 0);
  const empty = { chain: "", seq: 0 };
  expect(await headOf(env, name, null)).toEqual({
    ok: true,
    value: { ...empty, hash: GENESIS, agrees: true, isInD1: true },
  });
  expect(await headOf(env, name, { seq: 3, hash: "lost" })).toMatchObject({
    value: { ...empty, agrees: false },
  });
  expect(await settle(env, name)).toEqual({ ok: true, value: undefined });
  expect(await statusOf(env, name)).toEqual({
    ok: true,
    value: { ...empty, backlog: 0, oldest: null, setAside: 0, open: 0 },
  });
  const tables = await runInDurableObject(env.LEDGER.getByName(name), (_, { storage }) =>
    storage.sql.exec("SELECT name FROM sqlite_master WHERE name NOT LIKE '%cf%'").toArray(),
  );
  expect(tables).toEqual([]);
});

test("one whose enrolment was not answered names the chain that it enrolled", async () => {
  const ledger = newLedger();
  await ledger.decide(walk());
  const chain = await ledger.incarnation();
  await ledger.sql("DELETE FROM meta WHERE key = 'enrolled'");
  await evictDurableObject(ledger.stub);
  expect(await ask(ledger, null)).toMatchObject({ chain, seq: 0, agrees: true });
});
