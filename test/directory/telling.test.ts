/** How the directory tells ledgers what was revoked, when there are many of them and some do not answer. */

import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, test, vi } from "vitest";
import { Informed } from "../../src/directory/informed.ts";
import { Registry } from "../../src/directory/registry.ts";
import type { Revocation } from "../../src/directory/revocation.ts";
import { Revocations } from "../../src/directory/revocations.ts";
import { ledgerName } from "../../src/ledger/names.ts";
import type { Bulletin } from "../../src/ledger/revoked.ts";
import {
  LEDGERS_TOLD_IN_ONE_GO,
  MAX_LIFTED_SHOWN,
  MAX_REVOCATIONS,
  MAX_REVOCATIONS_RETRY_MS,
  REVOCATIONS_RETRY_MS,
} from "../../src/limits.ts";
import { setClock, T, useClock } from "../ledger/helpers.ts";
import { newTenant, type Place } from "./helpers.ts";

useClock();
beforeEach(() => void vi.spyOn(console, "error").mockReturnValue());

const BY = "agent:admin";
const agent = (name: string): Revocation => ({
  revoked: { kind: "agent", name },
  reason: null,
  until: null,
});

/** A tenant with so many ledgers that have enrolled and done nothing since. */
async function withLedgers(count: number): Promise<{ place: Place; names: readonly string[] }> {
  const place = await newTenant();
  const names = Array.from({ length: count }, (_, i) => ledgerName(place.tenant, `agent:${i}`, 0));
  await place.with({}, async (directory) => {
    for (const name of names) await directory.enrol(name, name);
  });
  return { place, names };
}

/** Ledgers that follow, but for some; and what was told to whom, in order, one list for each invocation. */
function audience(place: Place, dead: ReadonlySet<string> = new Set()) {
  const told: string[][] = [];
  const getByName = (name: string) => ({
    revoke: async ({ epoch, version }: Bulletin) => {
      told.at(-1)?.push(name);
      if (dead.has(name)) throw new Error("the object cannot be reached");
      return { epoch, version };
    },
    head: async () => {
      throw new Error("the object cannot be reached");
    },
  });
  const directory = {
    tellSome: async () => {
      told.push([]);
      return await place.stub.tellSome();
    },
  };
  const bindings = {
    LEDGER: { getByName },
    DIRECTORY: { getByName: () => directory },
  } as unknown as Partial<Env>;
  return { told, bindings };
}

describe("many ledgers", () => {
  test("are told by several invocations, none of which asks more than it may, and all are waited for", async () => {
    const { place, names } = await withLedgers(2 * LEDGERS_TOLD_IN_ONE_GO + 50);
    const { told, bindings } = audience(place);
    const revoking = await place.with(bindings, (directory) => directory.revoke(agent("a"), BY));
    expect(revoking).toMatchObject({ effective: true, waiting: 0 });
    expect(told.map(({ length }) => length)).toEqual([LEDGERS_TOLD_IN_ONE_GO, LEDGERS_TOLD_IN_ONE_GO, 50]);
    expect(told.flat().sort()).toEqual([...names].sort());
  });

  test("cost a directory that they ask each minute the same in small and in large", async () => {
    const read = (ledgers: number, revocations: number) =>
      runInDurableObject(env.DIRECTORY.getByName(`cost-${ledgers}`), (_, storage) => {
        const cursors: { rowsRead: number; rowsWritten: number }[] = [];
        const { sql, kv } = storage.storage;
        const exec: SqlStorage["exec"] = (query, ...bindings) => {
          const cursor = sql.exec(query, ...bindings);
          cursors.push(cursor);
          return cursor as never;
        };
        const transactionSync = <R>(work: () => R): R => storage.storage.transactionSync(work);
        const counted = { sql: { exec }, kv, transactionSync } as unknown as DurableObjectStorage;
        const registry = new Registry(counted.sql);
        const all = new Revocations(counted);
        const informed = new Informed(counted.sql, all);
        for (let i = 0; i < revocations; i += 1) all.revoke(agent(`${i}`), BY, T * 1000);
        for (let i = 0; i < ledgers; i += 1) {
          registry.enrol(`ledger-${i}`, `chain-${i}`, T);
          informed.enrol(`ledger-${i}`, null);
        }
        cursors.length = 0;
        registry.enrol("ledger-1", "chain-1", T);
        registry.hasOther("ledger-1", "chain-1");
        informed.enrol("ledger-1", all.known);
        const sum = (of: (cursor: { rowsRead: number; rowsWritten: number }) => number) =>
          cursors.reduce((total, cursor) => total + of(cursor), 0);
        return { read: sum(({ rowsRead }) => rowsRead), written: sum(({ rowsWritten }) => rowsWritten) };
      });
    const small = await read(3, 3);
    expect(await read(500, 300)).toEqual(small);
    expect(small.written).toBe(0);
  });
});

describe("ledgers that do not answer", () => {
  test("are told last, and again whenever something is revoked", async () => {
    const { place, names } = await withLedgers(90);
    const dead = new Set(names.slice(0, 70));
    const { told, bindings } = audience(place, dead);
    await place.with(bindings, async (directory) => {
      expect(await directory.revoke(agent("a"), BY)).toMatchObject({ effective: false, waiting: 70 });
      told.length = 0;
      expect(await directory.revoke(agent("b"), BY)).toMatchObject({ effective: false, waiting: 70 });
    });
    const order = told.flat();
    expect(order.slice(0, 20).some((name) => dead.has(name))).toBe(false);
    expect(new Set(order)).toEqual(new Set(names));
  });

  test("are told ever more rarely, until something else is revoked", async () => {
    const { place, names } = await withLedgers(1);
    const { told, bindings } = audience(place, new Set(names));
    const pauses: number[] = [];
    await place.with(bindings, async (directory) => {
      await directory.revoke(agent("a"), BY);
      const ring = async () => {
        await directory.alarm();
        pauses.push(((await place.alarmAt()) ?? 0) - Date.now());
      };
      for (let i = 0; i < 3; i += 1) await ring();
      expect(pauses).toEqual([1, 2, 4].map((times) => times * REVOCATIONS_RETRY_MS));
      for (let i = 0; i < 9; i += 1) await ring();
      expect(Math.max(...pauses)).toBeLessThanOrEqual(MAX_REVOCATIONS_RETRY_MS);
      pauses.length = 0;
      await directory.revoke(agent("b"), BY);
      await ring();
      expect(pauses).toEqual([REVOCATIONS_RETRY_MS]);
    });
    expect(told.flat()).toHaveLength(15);
  });
});

test("what is lifted all the time fills neither the list nor what a ledger is told", async () => {
  const { place } = await withLedgers(0);
  await place.with({}, async (directory) => {
    const all = (directory as unknown as { ctx: DurableObjectState }).ctx.storage;
    const revocations = new Revocations(all);
    revocations.revoke(agent("stays"), BY, T * 1000);
    const first = revocations.known.version;
    for (let i = 0; i < MAX_LIFTED_SHOWN + 200; i += 1) {
      const number = revocations.revoke(agent(`${i}`), BY, T * 1000);
      revocations.lift(number ?? 0, BY, T * 1000);
    }
    revocations.revoke(agent("last"), BY, T * 1000);
    expect(await directory.revocations()).toHaveLength(MAX_LIFTED_SHOWN + 2);
    const whole = revocations.bulletin(null);
    expect([whole.notices.length, whole.lifted.length]).toEqual([2, 0]);
    // One that has missed some is told all that there are, and takes nothing else to be in force.
    expect(revocations.bulletin(first)).toEqual(whole);
    const recent = revocations.bulletin(revocations.known.version - 10);
    expect(recent.since).not.toBeNull();
    expect(recent.lifted.length).toBeLessThan(MAX_REVOCATIONS);
  });
  setClock(T);
});
