/**
 * Calls with limits at several ledgers of a tenant, at once and in whatever order, while an agent is revoked and let in again, calls are
 * sent again, and objects are killed or evicted in the midst of it. No limit is overrun, each call that is let through is counted once,
 * and what is revoked is refused from the moment at which that is called effective.
 */

import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeEach, expect, test, vi } from "vitest";
import type { LimitUse } from "../../src/ledger/lease.ts";
import { type Attempt, isQuestion } from "../../src/ledger/protocol.ts";
import { type Revoked, revokedName } from "../../src/ledger/revoked.ts";
import { type Random, randomOf } from "../support/random.ts";
import { attempt, chainFault, claim, type Home, newLedger, unique, useClock } from "./helpers.ts";

useClock();
beforeEach(() => void vi.spyOn(console, "error").mockReturnValue());

const CALLS = 500;
const SCOUT: Revoked = { kind: "agent", name: "scout" };
const [OF_TENANT, OF_PRINCIPAL] = [100, 60];

const limit = (changes: Partial<LimitUse>): LimitUse => ({
  key: "tenant",
  per: "tenant",
  shared: true,
  issuer: null,
  amount: 1,
  max: OF_TENANT,
  window: 3600,
  from: 0,
  until: 0,
  ...changes,
});

interface Call {
  readonly asked: Attempt;
  /** Null where nobody has heard. */
  told: string | null;
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

async function live(seed: number): Promise<void> {
  const random: Random = randomOf(seed);
  const tenant = unique("storm");
  const ledgers = [0, 1, 2].map((i) => newLedger(tenant, `agent:${i}`));
  for (const ledger of ledgers) await ledger.decide(attempt({ claims: [claim()] }));
  const calls = new Map<Home, Call[]>(ledgers.map((ledger) => [ledger, []]));
  let isEffective = false;
  let number = 0;
  /** Whether the revocation is effective, and nobody lifts it meanwhile. */
  let isForbidden = false;
  const slipped: string[] = [];

  const decide = async (ledger: Home, call: Call, again: boolean): Promise<void> => {
    const wasForbidden = isForbidden;
    const answer = await ledger.stub.decide(call.asked, again);
    if (isQuestion(answer)) return;
    call.told = answer.reason ?? answer.verdict;
    if (wasForbidden && !again && call.told === "admitted") slipped.push(call.asked.decision);
  };
  const fresh = (ledger: Home): Promise<void> => {
    const own = limit({ key: ledger.name, per: "principal", shared: false, max: OF_PRINCIPAL });
    const call: Call = {
      asked: attempt({
        claims: [claim()],
        limits: random.below(4) === 0 ? [own] : [own, limit({})],
        revocable: [revokedName(SCOUT)],
      }),
      told: null,
    };
    calls.get(ledger)?.push(call);
    return decide(ledger, call, false);
  };
  const again = async (ledger: Home): Promise<void> => {
    const all = calls.get(ledger) ?? [];
    if (all.length > 0) await decide(ledger, random.pick(all), true);
  };
  const directory = () => env.DIRECTORY.getByName(tenant);
  const revoke = async (): Promise<void> => {
    const asked = { revoked: SCOUT, reason: null, until: null };
    const revoking = await directory().revoke(asked, "agent:admin");
    if (revoking === null) throw new Error("there is room");
    number = revoking.number;
    if (revoking.effective && revoking.lifted === null) isEffective = true;
  };
  const lift = async (): Promise<void> => {
    isEffective = false;
    await directory().lift(number, "agent:admin");
  };
  /** What a kill cuts off is no matter. */
  const start = (work: () => Promise<unknown>) => work().catch(() => {});

  for (let made = 0, burst = 0; made < CALLS; burst += 1) {
    const size = 10 + random.below(40);
    made += size;
    const turn = burst % 4;
    isForbidden = isEffective && turn === 2;
    const begun = Array.from({ length: size }, () => {
      const ledger = random.pick(ledgers);
      return start(() => (random.below(6) === 0 ? again(ledger) : fresh(ledger)));
    });
    // Calls are on their way meanwhile.
    if (turn === 1) await start(revoke);
    if (turn === 3) await start(lift);
    const victim = random.pick(ledgers);
    const ending = random.below(8);
    if (ending < 3) {
      await pause(random.below(5));
      const stub = ending === 0 ? directory() : victim.stub;
      await runInDurableObject(stub as typeof victim.stub, (_, state) => state.abort("killed")).catch(
        () => {},
      );
    }
    await Promise.all(begun);
    isForbidden = false;
    if (ending === 3) await start(() => evictDurableObject(victim.stub));
    if (ending === 4) await start(() => evictDurableObject(directory()));
  }

  await start(lift);
  for (const ledger of ledgers) for (const call of calls.get(ledger) ?? []) await decide(ledger, call, true);
  expect(slipped).toEqual([]);
  await check(ledgers, calls, directory());
}

async function check(
  ledgers: readonly Home[],
  calls: ReadonlyMap<Home, readonly Call[]>,
  directory: DurableObjectStub,
): Promise<void> {
  const shared = { admitted: 0, held: 0 };
  const told: Record<string, number> = {};
  for (const ledger of ledgers) {
    const journal = await ledger.journal();
    expect(await chainFault(journal)).toBeNull();
    const decisions = journal.filter(({ kind }) => kind === "decision");
    const verdicts = new Map(decisions.map(({ decision, verdict, reason }) => [decision, reason ?? verdict]));
    expect(verdicts.size).toBe(decisions.length);
    const admitted = (calls.get(ledger) ?? []).filter(
      ({ asked }) => verdicts.get(asked.decision) === "admitted",
    );
    for (const call of calls.get(ledger) ?? []) {
      // What is only counted has no record.
      const written = verdicts.get(call.asked.decision);
      if (written !== undefined) expect(call.told).toBe(written);
      told[call.told ?? "nothing"] = (told[call.told ?? "nothing"] ?? 0) + 1;
    }
    expect(admitted.length).toBeLessThanOrEqual(OF_PRINCIPAL);
    const rows = await ledger.sql<{ key: string; used: number; held: number }>("SELECT * FROM limits");
    const [own, ofTenant] = [ledger.name, "tenant"].map((key) => rows.find((row) => row.key === key));
    const ofShared = admitted.filter(({ asked }) => asked.limits.length === 2).length;
    expect([own?.used ?? 0, ofTenant?.used ?? 0]).toEqual([admitted.length, ofShared]);
    expect(ofShared).toBeLessThanOrEqual(ofTenant?.held ?? 0);
    shared.admitted += ofShared;
    shared.held += ofTenant?.held ?? 0;
  }
  const [row] = await runInDurableObject(directory, (_, { storage }) =>
    storage.sql.exec<{ units: number }>("SELECT units FROM leases").toArray(),
  );
  expect(shared.held).toBeLessThanOrEqual(row?.units ?? 0);
  expect(row?.units).toBeLessThanOrEqual(OF_TENANT);
  expect(shared.admitted).toBeLessThanOrEqual(OF_TENANT);
  // It was a storm.
  for (const reason of ["admitted", "revoked.agent", "limit.tenant_exhausted"])
    expect(told[reason] ?? 0, JSON.stringify(told)).toBeGreaterThan(0);
}

test.each([20_261_121])("no limit is overrun, and nothing revoked passes (%i)", { timeout: 30_000 }, (seed) =>
  live(seed),
);
