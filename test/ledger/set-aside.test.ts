import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, expect, test } from "vitest";
import { recordOf } from "../../src/audit/rows.ts";
import { DRAIN_BATCH, DRAIN_RETRY_MS, SHELF_RETRY_MS } from "../../src/limits.ts";
import {
  chainFault,
  type Home,
  many,
  newLedger,
  setClock,
  T,
  unique,
  useClock,
  walk,
  withAudit,
} from "./helpers.ts";

/** Records that D1 refuses: nothing of them is lost, doubled, or in the way of others. */

useClock();

afterEach(async () => {
  await env.AUDIT.exec("DROP TRIGGER IF EXISTS picky");
  await env.AUDIT.exec("DROP TRIGGER IF EXISTS pickier");
});

/** Lets a table of D1 refuse the rows that a condition holds for. */
const refuse = (trigger: "picky" | "pickier", table: string, condition: string) =>
  env.AUDIT.exec(
    `CREATE TRIGGER ${trigger} BEFORE INSERT ON ${table} WHEN ${condition} BEGIN SELECT RAISE(ABORT, 'not this one'); END`,
  );

const idIn = (ids: readonly string[]) => `NEW.id IN (${ids.map((id) => `'${id}'`).join(", ")})`;

/** What lies in D1 beside the log. */
const aside = async (ledger: Home) => {
  const query = env.AUDIT.prepare("SELECT * FROM audit_set_aside WHERE chain = ? ORDER BY seq");
  const { results } = await query
    .bind(await ledger.incarnation())
    .all<{ hash: string; tenant: string; seq: number; record: string; error: string }>();
  return results.map((row) => ({ ...row, record: JSON.parse(row.record) }));
};

/** What the ledger still has of it itself. */
const shelf = async (ledger: Home) => {
  const rows = await ledger.sql<{ record: string }>("SELECT record FROM refused ORDER BY id");
  return rows.map(({ record }) => JSON.parse(record));
};

/** Log and what is set aside are the chain together, each record once. */
const fault = async (ledger: Home) => {
  const kept = [...(await aside(ledger)).map(({ record }) => record), ...(await shelf(ledger))];
  const all = [...(await ledger.logged()).map(recordOf), ...kept];
  return chainFault(all.sort((a, b) => a.seq - b.seq));
};

test("a record that D1's log refuses is set aside in D1 and blocks no other", async () => {
  const ledger = newLedger();
  const calls = Array.from({ length: 21 }, () => walk());
  await Promise.all(calls.map((call) => ledger.decide(call)));
  const bad = [4, 5, 20].map((i) => calls[i]?.decision ?? "");
  await refuse("picky", "audit_records", idIn(bad));
  await ledger.alarm();

  const kept = await aside(ledger);
  expect(kept.map(({ record }) => record.id)).toEqual(bad);
  for (const { record, error, hash, seq, tenant } of kept) {
    expect(error).toContain("not this one");
    expect([hash, seq, tenant]).toEqual([record.hash, record.seq, record.tenant]);
  }
  expect(await shelf(ledger)).toEqual([]);
  expect(await ledger.logged()).toHaveLength(18);
  expect(await fault(ledger)).toBeNull();
  expect(await ledger.stub.status()).toMatchObject({ seq: 21, backlog: 0, oldest: null, setAside: 3 });

  await ledger.decide(walk());
  await ledger.alarm();
  expect(await aside(ledger)).toHaveLength(3);
  expect(await ledger.logged()).toHaveLength(19);
});

test("a record that both refuse stays with the ledger, and is tried again now and then", async () => {
  const ledger = newLedger();
  const calls = [walk(), walk(), walk(), walk()];
  await ledger.reasons(...calls);
  const bad = [calls[1]?.decision ?? "", calls[2]?.decision ?? ""];
  await refuse("picky", "audit_records", idIn(bad));
  await refuse("pickier", "audit_set_aside", "NEW.seq = 3");
  await ledger.alarm();
  expect((await aside(ledger)).map(({ seq }) => seq)).toEqual([2]);
  expect((await shelf(ledger)).map(({ seq }) => seq)).toEqual([3]);
  expect(await fault(ledger)).toBeNull();
  expect(await ledger.stub.status()).toMatchObject({ backlog: 0, setAside: 2 });

  // It is not sent again with every drain.
  const batches = async () => {
    await ledger.decide(walk());
    return withAudit(
      ledger,
      (send) => send,
      (instance) => instance.alarm(),
    );
  };
  expect(await batches()).toEqual([1]);
  setClock(T + SHELF_RETRY_MS / 1000);
  expect((await batches()).slice(1)).toEqual([1]);
  expect((await shelf(ledger)).map(({ seq }) => seq)).toEqual([3]);

  await env.AUDIT.exec("DROP TRIGGER pickier");
  await evictDurableObject(ledger.stub);
  await ledger.alarm();
  expect((await aside(ledger)).map(({ seq }) => seq)).toEqual([2, 3]);
  expect(await shelf(ledger)).toEqual([]);
  expect(await fault(ledger)).toBeNull();
  expect((await ledger.stub.status()).setAside).toBe(2);
});

test("where D1 goes away between the two, a refused record is neither lost nor doubled", async () => {
  const ledger = newLedger();
  const calls = [walk(), walk(), walk()];
  await ledger.reasons(...calls);
  await refuse("picky", "audit_records", idIn([calls[1]?.decision ?? ""]));
  for (const arrives of [false, true]) {
    const cut = (send: () => Promise<D1Result>) => async () => {
      if (arrives) await send();
      throw new Error("D1_ERROR: Network connection lost.");
    };
    // What is set aside comes last: the batch, its halves and theirs come first.
    await withAudit(
      ledger,
      (send, sent) => (sent < 5 && !arrives ? send : cut(send)),
      (instance) => instance.alarm(),
    );
    expect(await shelf(ledger)).toHaveLength(1);
    expect(await aside(ledger)).toHaveLength(arrives ? 1 : 0);
    await evictDurableObject(ledger.stub);
    // The log would take it now; but it has its place.
    await env.AUDIT.exec("DROP TRIGGER IF EXISTS picky");
  }
  await ledger.alarm();
  expect(await shelf(ledger)).toEqual([]);
  expect((await aside(ledger)).map(({ seq }) => seq)).toEqual([2]);
  expect((await ledger.logged()).map(({ seq }) => seq)).toEqual([1, 3]);
  expect((await ledger.stub.status()).setAside).toBe(1);
});

test("a ledger that nobody calls any more sends it again by itself", async () => {
  const ledger = newLedger();
  const asked = walk();
  await ledger.decide(asked);
  await refuse("picky", "audit_records", idIn([asked.decision]));
  await withAudit(
    ledger,
    (send, sent) =>
      sent === 0 ? send : () => Promise.reject(new Error("D1_ERROR: Network connection lost.")),
    (instance) => instance.alarm(),
  );
  expect(await ledger.stub.status()).toMatchObject({ backlog: 0, setAside: 1 });
  const alarmAt = () => runInDurableObject(ledger.stub, (_, { storage }) => storage.getAlarm());
  expect(await alarmAt()).toBe(T * 1000 + DRAIN_RETRY_MS);
  await evictDurableObject(ledger.stub);
  await ledger.alarm();
  expect(await aside(ledger)).toHaveLength(1);

  await refuse("pickier", "audit_set_aside", "1");
  await ledger.sql("INSERT INTO refused (record, error) VALUES ('{}', 'refused')");
  await ledger.alarm();
  expect(await alarmAt()).toBe(T * 1000 + SHELF_RETRY_MS);
  // Wherever the clock goes, it is not waited for longer than that.
  setClock(T - 3600);
  await ledger.alarm();
  expect(await alarmAt()).toBe((T - 3600) * 1000 + SHELF_RETRY_MS);
});

test("so many that are refused altogether keep no others, and no drain, waiting", async () => {
  const ledger = newLedger();
  await ledger.decide(walk());
  await ledger.alarm();
  const chain = await ledger.incarnation();
  const text = (chain: string) =>
    `json_object('hash', '${chain} ' || i, 'tenant', 'acme', 'chain', '${chain}', 'seq', i)`;
  const lay = (chain: string, count: number) =>
    ledger.sql(
      `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
        INSERT INTO refused (record, error) SELECT ${text(chain)}, 'refused' FROM n`,
      count,
    );
  await refuse("pickier", "audit_set_aside", "NEW.chain = 'bad'");
  await lay("bad", DRAIN_BATCH + 10);
  await lay(chain, 10_000);
  await evictDurableObject(ledger.stub);
  let now = T;
  for (let round = 0; round < 4; round += 1) {
    const batches = await withAudit(
      ledger,
      (send) => send,
      (instance) => instance.settle(),
    );
    // What one invocation may ask of D1.
    expect(batches.length).toBeLessThan(1_000);
    now += SHELF_RETRY_MS / 1000;
    setClock(now);
  }
  expect(await aside(ledger)).toHaveLength(10_000);
  expect(await shelf(ledger)).toHaveLength(DRAIN_BATCH + 10);
  await env.AUDIT.exec("DROP TRIGGER pickier");
  await ledger.stub.settle();
  expect(await shelf(ledger)).toEqual([]);
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
  expect((await aside(ledger)).map((row) => [row.seq, row.record.decision])).toEqual([
    [2, calls[1]?.decision],
  ]);
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

test("a chain that a restored copy writes again beside the log is set aside, not taken for repeated", async () => {
  const ledger = newLedger();
  await many(ledger, 3);
  await ledger.alarm();
  const head = (await ledger.journal())[1];
  // The copy knows of two records, and of neither that D1 has a third.
  await ledger.sql("DELETE FROM journal_0 WHERE seq > 2");
  await ledger.sql("UPDATE meta SET value = 2 WHERE key = 'drained'");
  await evictDurableObject(ledger.stub);
  const other = walk(undefined, { jti: unique("other") });
  await ledger.decide(other);
  await ledger.alarm();
  const [row] = await aside(ledger);
  expect(row?.record).toMatchObject({ decision: other.decision, seq: 3, prev_hash: head?.hash });
  expect(await ledger.logged()).toHaveLength(3);
});
