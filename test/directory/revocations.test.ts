/** Revocations of a tenant: one is called effective when no ledger admits anything against it any more, and not before. */

import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, test, vi } from "vitest";
import type { Revocation, Revoking } from "../../src/directory/revocation.ts";
import type { Ledger } from "../../src/ledger/ledger.ts";
import { isQuestion } from "../../src/ledger/protocol.ts";
import { type Bulletin, type Revoked, revokedName } from "../../src/ledger/revoked.ts";
import {
  LIFTED_SHOWN_MS,
  MAX_REVOCATIONS,
  REVOCATIONS_HOLD_MS,
  REVOCATIONS_RETRY_MS,
  REVOCATIONS_STALE_MS,
} from "../../src/limits.ts";
import { attempt, type Home, setClock, T, useClock } from "../ledger/helpers.ts";
import { lose, newTenant, type Place } from "./helpers.ts";

useClock();
beforeEach(() => void vi.spyOn(console, "error").mockReturnValue());

const scout: Revoked = { kind: "agent", name: "scout" };
const other: Revoked = { kind: "key", thumbprint: "k" };
const asked = (revoked: Revoked = scout, more: Partial<Revocation> = {}): Revocation => ({
  revoked,
  reason: null,
  until: null,
  ...more,
});
const BY = "agent:admin";

const revoke = async (place: Place, revocation = asked()): Promise<Revoking> => {
  const revoking = await place.stub.revoke(revocation, BY);
  if (revoking === null) throw new Error("there is room");
  return revoking;
};
const shown = async ({ stub }: Place) => await stub.revocations();

/** Why a call that rests on these is refused; null where it is not. */
async function reason(ledger: Home, ...revoked: Revoked[]): Promise<string | null> {
  const revocable = (revoked.length === 0 ? [scout] : revoked).map(revokedName);
  const ruled = await ledger.stub.decide(attempt({ revocable }));
  return isQuestion(ruled) ? "question" : ruled.reason;
}

/** Ledgers that have admitted something. */
async function begun(place: Place, count: number): Promise<Home[]> {
  const ledgers = Array.from({ length: count }, (_, i) => place.ledger(`agent:${i}`));
  for (const ledger of ledgers) expect(await reason(ledger)).toBeNull();
  return ledgers;
}

/** Ledgers that are not told: `way` says how. */
const deaf = (
  names: readonly string[],
  way: (tell: () => Promise<unknown>) => Promise<unknown>,
): Pick<Env, "LEDGER"> => {
  const getByName = (name: string) => {
    const stub: DurableObjectStub<Ledger> = env.LEDGER.getByName(name);
    if (!names.includes(name)) return stub;
    return {
      head: (known: never) => stub.head(known),
      revoke: (bulletin: Bulletin) => way(async () => await stub.revoke(bulletin)),
    };
  };
  return { LEDGER: { getByName } as unknown as Env["LEDGER"] };
};
const unreachable = () => Promise.reject(new Error("the object cannot be reached"));

test("it is effective when all ledgers have it, and they all refuse", async () => {
  const place = await newTenant();
  const ledgers = await begun(place, 3);
  const revoking = await revoke(place, asked(scout, { reason: "lost laptop", until: T + 3600 }));
  expect(revoking).toEqual({
    number: 1,
    revoked: scout,
    reason: "lost laptop",
    until: T + 3600,
    by: BY,
    at: T * 1000,
    lifted: null,
    effective: true,
    waiting: 0,
  });
  for (const ledger of ledgers) expect(await reason(ledger)).toBe("revoked.agent");
  expect(await shown(place)).toEqual([revoking]);
});

test("where there is no ledger there is nothing to wait for, and one that begins then knows it", async () => {
  const place = await newTenant();
  expect(await revoke(place)).toMatchObject({ effective: true, waiting: 0 });
  const ledger = place.ledger();
  expect(await reason(ledger)).toBe("revoked.agent");
  expect(await reason(ledger, other)).toBeNull();
  expect(await revoke(place, asked(other))).toMatchObject({ number: 2, effective: true, waiting: 0 });
  expect(await reason(ledger, other)).toBe("revoked.key");
});

test("a ledger that does not answer is waited for, and told again until it does", async () => {
  const place = await newTenant();
  const [one, two] = (await begun(place, 2)) as [Home, Home];
  const first = await place.with(deaf([two.name], unreachable), (directory) => directory.revoke(asked(), BY));
  expect(first).toMatchObject({ effective: false, waiting: 1 });
  expect([await reason(one), await reason(two)]).toEqual(["revoked.agent", null]);
  await place.with(deaf([two.name], unreachable), (directory) => directory.alarm());
  expect(await shown(place)).toMatchObject([{ effective: false, waiting: 1 }]);
  expect(await place.alarmAt()).toBe(T * 1000 + REVOCATIONS_RETRY_MS);
  await place.evict();
  await place.alarm();
  expect(await shown(place)).toMatchObject([{ effective: true, waiting: 0 }]);
  expect(await reason(two)).toBe("revoked.agent");
});

test("who asks again is told how it stands, and nothing is written twice", async () => {
  const place = await newTenant();
  const [one, two] = (await begun(place, 2)) as [Home, Home];
  await place.with(deaf([two.name], unreachable), (directory) => directory.revoke(asked(), BY));
  expect(await revoke(place)).toMatchObject({ number: 1, effective: true });
  expect(await shown(place)).toHaveLength(1);
  expect([await reason(one), await reason(two)]).toEqual(["revoked.agent", "revoked.agent"]);
});

test("an answer that is lost leaves it waiting, though the ledger has it", async () => {
  const place = await newTenant();
  const [one] = (await begun(place, 1)) as [Home];
  const lost = deaf([one.name], async (tell) => {
    await tell();
    throw new Error("the answer is lost");
  });
  const revoking = await place.with(lost, (directory) => directory.revoke(asked(), BY));
  expect(revoking).toMatchObject({ effective: false, waiting: 1 });
  expect(await reason(one)).toBe("revoked.agent");
  expect(await revoke(place)).toMatchObject({ effective: true });
});

test("one of the same lasts as long as both, and none is cut short by another", async () => {
  const place = await newTenant();
  const [one] = (await begun(place, 1)) as [Home];
  await revoke(place, asked(scout, { until: T + 10 }));
  expect(await revoke(place, asked(scout, { until: T + 20 }))).toMatchObject({ number: 1, until: T + 20 });
  expect(await revoke(place, asked(scout, { until: T + 15 }))).toMatchObject({ number: 1, until: T + 20 });
  setClock(T + 20);
  expect(await reason(one)).toBe("revoked.agent");
  expect(await revoke(place)).toMatchObject({ number: 1, until: null });
  setClock(T + 500);
  expect(await reason(one)).toBe("revoked.agent");
});

test("one whose time is over is not effective: it holds nowhere", async () => {
  const place = await newTenant();
  const [one] = (await begun(place, 1)) as [Home];
  expect(await revoke(place, asked(scout, { until: T - 1 }))).toMatchObject({ effective: false, waiting: 0 });
  expect(await reason(one)).toBeNull();
  expect(await revoke(place, asked(scout, { until: T }))).toMatchObject({ effective: true });
  expect(await reason(one)).toBe("revoked.agent");
});

test("one that is lifted is, everywhere, and it can be revoked again", async () => {
  const place = await newTenant();
  const [one, two] = (await begun(place, 2)) as [Home, Home];
  const { number } = await revoke(place);
  const lifted = await place.with(deaf([two.name], unreachable), (directory) => directory.lift(number, BY));
  expect(lifted).toMatchObject({ lifted: { by: BY, at: T * 1000 }, effective: false, waiting: 1 });
  expect([await reason(one), await reason(two)]).toEqual([null, "revoked.agent"]);
  expect(await place.stub.lift(number, BY)).toMatchObject({ effective: true });
  expect(await reason(two)).toBeNull();
  expect(await place.stub.lift(99, BY)).toBeNull();
  const again = await revoke(place);
  expect(again.number).toBeGreaterThan(number);
  expect([await reason(one), await reason(two)]).toEqual(["revoked.agent", "revoked.agent"]);
  expect(await shown(place)).toHaveLength(1);
});

test("what was lifted long ago is forgotten, and a ledger that has missed it is told all", async () => {
  const place = await newTenant();
  const [one] = (await begun(place, 1)) as [Home];
  const { number } = await revoke(place);
  await place.with(deaf([one.name], unreachable), (directory) => directory.lift(number, BY));
  const now = T + LIFTED_SHOWN_MS / 1000 + 1;
  setClock(now);
  await place.with(deaf([one.name], unreachable), (directory) => directory.revoke(asked(other), BY));
  expect((await shown(place)).map(({ revoked }) => revoked)).toEqual([other]);
  await place.alarm();
  expect([await reason(one), await reason(one, other)]).toEqual([null, "revoked.key"]);
});

test("there are as many as there may be, until some are lifted", async () => {
  const place = await newTenant();
  await runInDurableObject(place.stub, (_, { storage }) => {
    storage.sql.exec(
      `WITH RECURSIVE count (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM count WHERE n < ?)
        INSERT INTO revocations SELECT n, replace(?, '0', n), NULL, NULL, NULL, 0, NULL, n, 0 FROM count`,
      MAX_REVOCATIONS,
      revokedName({ kind: "agent", name: "0" }),
    );
    storage.kv.put("version", MAX_REVOCATIONS);
  });
  expect(await place.stub.revoke(asked(), BY)).toBeNull();
  expect(await place.stub.revoke(asked({ kind: "agent", name: "7" }), BY)).toMatchObject({ number: 7 });
  await place.stub.lift(1, BY);
  expect(await revoke(place)).toMatchObject({ effective: true });
  expect(await reason(place.ledger())).toBe("revoked.agent");
});

describe("a ledger that begins at that moment", () => {
  test("asks before: it is told, and confirms behind its beginning", async () => {
    const place = await newTenant();
    const late = place.ledger();
    // The answer to its enrolment, which says nothing of it, arrives after the revocation was written.
    const { promise: written, resolve: isWritten } = Promise.withResolvers<void>();
    const { promise: enrolled, resolve: hasEnrolled } = Promise.withResolvers<void>();
    const held = {
      enrol: async (name: string, chain: string, known: null) => {
        const answer = await env.DIRECTORY.getByName(place.tenant).enrol(name, chain, known);
        hasEnrolled();
        await written;
        return answer;
      },
    };
    await withDirectory(late, held);
    const deciding = reason(late);
    await enrolled;
    const revoking = revoke(place);
    await until(async () => (await shown(place)).length === 1);
    isWritten();
    expect(await revoking).toMatchObject({ effective: true, waiting: 0 });
    await deciding;
    expect(await reason(late)).toBe("revoked.agent");
  });

  test.each([1, 3])("of many that begin, none admits anything behind the answer (%i)", async (seed) => {
    const place = await newTenant();
    const ledgers = Array.from({ length: 8 }, (_, i) => place.ledger(`agent:${i}`));
    let isEffective = false;
    const admitted: string[] = [];
    const calling = ledgers.map(async (ledger, i) => {
      for (let turn = 0; turn < (i % seed) + 2; turn += 1) {
        const sentBehind = isEffective;
        if ((await reason(ledger)) === null && sentBehind) admitted.push(ledger.name);
      }
    });
    await Promise.all(calling.slice(0, seed));
    const revoking = await revoke(place);
    isEffective = revoking.effective;
    await Promise.all(calling);
    expect(admitted).toEqual([]);
    for (const ledger of ledgers) expect(await reason(ledger)).toBe("revoked.agent");
    expect(await revoke(place)).toMatchObject({ effective: true, waiting: 0 });
  });

  test("one whose object has no storage any more begins anew, and asks", async () => {
    const place = await newTenant();
    const [one] = (await begun(place, 1)) as [Home];
    await lose(one);
    expect(await revoke(place)).toMatchObject({ effective: true, waiting: 0 });
    expect(await reason(one)).toBe("revoked.agent");
  });
});

describe("a directory that has lost what it knew", () => {
  /** The directory without its storage. */
  async function loseDirectory({ stub }: Place): Promise<void> {
    await runInDurableObject(stub, (_, { storage }) => storage.deleteAll());
    await evictDurableObject(stub);
  }

  test("calls nothing effective that a ledger may not know, and learns again what was revoked", async () => {
    const place = await newTenant();
    const [one, two] = (await begun(place, 2)) as [Home, Home];
    await revoke(place);
    await place.alarm();
    await loseDirectory(place);
    expect(await shown(place)).toEqual([]);
    expect(await revoke(place, asked(other))).toMatchObject({ effective: false, waiting: 0 });
    // Nobody has told it which ledgers there are.
    expect(await reason(one, other)).toBeNull();
    expect(await reason(one)).toBe("revoked.agent");

    setClock(T + REVOCATIONS_STALE_MS / 1000);
    expect(await reason(one, other)).toBe("revoked.key");
    expect(await reason(one)).toBe("revoked.agent");
    expect((await shown(place)).map(({ revoked, by }) => [revoked, by])).toEqual([
      [scout, null],
      [other, BY],
    ]);
    setClock(T + REVOCATIONS_HOLD_MS / 1000 + 1);
    expect((await shown(place)).map(({ effective }) => effective)).toEqual([false, true]);
    expect(await reason(two, other)).toBe("revoked.key");
    await place.alarm();
    expect((await shown(place)).map(({ effective }) => effective)).toEqual([true, true]);
  });

  test("a ledger that does not answer for long holds by itself: it asks, or admits nothing", async () => {
    const place = await newTenant();
    const [one] = (await begun(place, 1)) as [Home];
    await place.with(deaf([one.name], unreachable), (directory) => directory.revoke(asked(), BY));
    setClock(T + REVOCATIONS_HOLD_MS / 1000);
    expect(await shown(place)).toMatchObject([{ effective: false, waiting: 1 }]);
    setClock(T + REVOCATIONS_HOLD_MS / 1000 + 1);
    expect(await shown(place)).toMatchObject([{ effective: true, waiting: 1 }]);
    expect(await reason(one)).toBe("revoked.agent");
  });

  test("where D1 cannot say whether it was lost, nothing is called effective", async () => {
    const place = await newTenant();
    const down = {
      prepare: () => {
        throw new Error("D1_ERROR");
      },
    } as unknown as Env["AUDIT"];
    const revoking = await place.with({ AUDIT: down }, (directory) => directory.revoke(asked(), BY));
    expect(revoking).toMatchObject({ effective: false, waiting: 0 });
    expect(await revoke(place)).toMatchObject({ effective: true });
  });
});

/** The ledger with another directory. */
const withDirectory = ({ stub }: Home, directory: object): Promise<void> =>
  runInDurableObject(stub, (instance) => {
    const object = instance as unknown as { env: Env };
    object.env = { ...object.env, DIRECTORY: { getByName: () => directory } as unknown as Env["DIRECTORY"] };
  });

async function until(isSo: () => Promise<boolean>): Promise<void> {
  while (!(await isSo())) await new Promise((resolve) => setTimeout(resolve, 1));
}
