/** A directory that was put back as it was before: it gives numbers again that ledgers have followed, and knows fewer of them. */

import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeEach, expect, test, vi } from "vitest";
import type { Revocation, Revoking } from "../../src/directory/revocation.ts";
import { type Revoked, revokedName } from "../../src/ledger/revoked.ts";
import { REVOCATIONS_FRESH_MS, REVOCATIONS_HOLD_MS } from "../../src/limits.ts";
import { attempt, type Home, setClock, T, useClock } from "../ledger/helpers.ts";
import { copyOf, INTERVAL, newTenant, type Place } from "./helpers.ts";

useClock();
beforeEach(() => void vi.spyOn(console, "error").mockReturnValue());

const BY = "agent:admin";
const scout: Revoked = { kind: "agent", name: "scout" };
const other: Revoked = { kind: "agent", name: "other" };
const asked = (revoked: Revoked, until: number | null = null): Revocation => ({
  revoked,
  reason: null,
  until,
});

async function revoke({ stub }: Place, revocation: Revocation): Promise<Revoking> {
  const revoking = await stub.revoke(revocation, BY);
  if (revoking === null) throw new Error("there is room");
  return revoking;
}

const reason = async (ledger: Home, ...revoked: Revoked[]): Promise<string | null> =>
  (await ledger.rule(attempt({ revocable: revoked.map(revokedName) }))).reason;

/** A tenant with a ledger and a checkpoint, and what puts its directory back as it is then: D1 has gone on. */
async function copied(before: (place: Place) => Promise<void> = async () => {}) {
  const place = await newTenant();
  const ledger = place.ledger("agent:one");
  expect(await reason(ledger, scout)).toBeNull();
  setClock(T + INTERVAL);
  await place.alarm();
  expect(await place.checkpoints()).toHaveLength(1);
  await before(place);
  const tables = await copyOf(place as unknown as Home);
  const kept = await runInDurableObject(place.stub, (_, { storage }) => [...storage.kv.list()]);
  const putBack = async () => {
    await runInDurableObject(place.stub, (_, { storage }) => {
      for (const [key] of [...storage.kv.list()]) storage.kv.delete(key);
      for (const [key, value] of kept) storage.kv.put(key, value);
    });
    await tables();
    await env.AUDIT.prepare("UPDATE checkpoints SET number = 9 WHERE tenant = ?").bind(place.tenant).run();
  };
  return { place, ledger, putBack };
}

test("what is revoked then under a number that was given before is refused, or not called effective", async () => {
  const { place, ledger, putBack } = await copied();
  expect(await revoke(place, asked(scout))).toMatchObject({ number: 1, effective: true });
  await putBack();
  const again = await revoke(place, asked(other));
  const refused = (await reason(ledger, other)) === "revoked.agent";
  expect(refused || !again.effective).toBe(true);
  // It learns of it all the same, and forgets nothing.
  setClock(Date.now() / 1000 + REVOCATIONS_FRESH_MS / 1000);
  await place.alarm();
  expect(await reason(ledger, other)).toBe("revoked.agent");
  expect(await reason(ledger, scout)).toBe("revoked.agent");
});

test("a ledger that it does not know may not have it: nothing is effective before that has asked", async () => {
  const { place, putBack } = await copied();
  const unknown = place.ledger("agent:two");
  expect(await reason(unknown, scout)).toBeNull();
  await putBack();
  expect(await revoke(place, asked(scout))).toMatchObject({ effective: false });
  expect(await reason(unknown, scout)).toBeNull();
  setClock(Date.now() / 1000 + REVOCATIONS_HOLD_MS / 1000 + 1);
  expect(await reason(unknown, scout)).toBe("revoked.agent");
  expect(await place.stub.revocations()).toMatchObject([{ effective: true }]);
});

test("what was lifted when the copy was made, and revoked again since, stays revoked", async () => {
  const { place, ledger, putBack } = await copied(async (before) => {
    const { number } = await revoke(before, asked(scout));
    await before.stub.lift(number, BY);
  });
  await revoke(place, asked(scout));
  expect(await reason(ledger, scout)).toBe("revoked.agent");
  await putBack();
  setClock(Date.now() / 1000 + 2 * (REVOCATIONS_FRESH_MS / 1000));
  await reason(ledger, scout);
  await ledger.alarm();
  expect(await reason(ledger, scout)).toBe("revoked.agent");
  expect(await place.stub.revocations()).toMatchObject([{ revoked: scout, lifted: null }]);
});

test("what was made to last longer since lasts as long", async () => {
  const soon = T + 3600;
  const { place, ledger, putBack } = await copied(async (before) => {
    await revoke(before, asked(scout, soon));
  });
  await revoke(place, asked(scout));
  await putBack();
  setClock(Date.now() / 1000 + 2 * (REVOCATIONS_FRESH_MS / 1000));
  await reason(ledger, scout);
  await ledger.alarm();
  setClock(soon + 60);
  expect(await reason(ledger, scout)).toBe("revoked.agent");
  expect(await place.stub.revocations()).toMatchObject([{ revoked: scout, until: null }]);
});
