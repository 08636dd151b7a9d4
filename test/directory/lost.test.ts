import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, test, vi } from "vitest";
import type { CheckpointClaims, Faulty, Head } from "../../src/audit/checkpoint.ts";
import { GENESIS } from "../../src/audit/record.ts";
import { type Answer, Registry } from "../../src/directory/registry.ts";
import { auditStatus } from "../../src/endpoints/status.ts";
import { FIRST_CHECKPOINT_MS } from "../../src/limits.ts";
import { type Home, setClock, T, useClock } from "../ledger/helpers.ts";
import { decisions, INTERVAL, lose, newTenant, noD1, type Place } from "./helpers.ts";

/** A directory that has lost its storage. */

useClock();
beforeEach(() => void vi.spyOn(console, "error").mockReturnValue());

let now = T;
beforeEach(() => {
  now = T;
});
async function nextRound(place: Place, ...env: Partial<Env>[]): Promise<void> {
  now += INTERVAL;
  setClock(now);
  await place.with(Object.assign({}, ...env), (directory) => directory.alarm());
}

async function loseDirectory({ stub }: Place): Promise<void> {
  await runInDurableObject(stub, (_, { storage }) => storage.deleteAll());
  await evictDurableObject(stub);
}

/** A call of an object that was loaded anew, and its alarm. */
async function wake(ledger: Home): Promise<void> {
  await evictDurableObject(ledger.stub);
  await decisions(ledger, 1);
  await ledger.alarm();
}

const faults = async (place: Place) => (await place.checkpoints()).map(({ claims }) => claims.faults);
const seqIn = async (place: Place, ledger: Home) => {
  const chain = await ledger.incarnation();
  return (await place.checkpoints()).at(-1)?.heads?.find((head) => head.chain === chain)?.seq;
};

describe("goes on from the last checkpoint in D1:", () => {
  test("with its number, its link and its heads, and nobody is called forked", async () => {
    const place = await newTenant();
    const ledger = place.ledger();
    for (let i = 0; i < 3; i += 1) {
      await decisions(ledger, 2);
      await nextRound(place);
    }
    await loseDirectory(place);
    await wake(ledger);
    await nextRound(place);
    expect(await seqIn(place, ledger)).toBe(7);
    await wake(ledger);
    await nextRound(place);
    // That each follows the one before, `checkpoints` has seen.
    expect(await faults(place)).toEqual([[], [], [], [], []]);
    expect(await place.stub.status()).toMatchObject({ problem: null, checkpoint: { number: 5 } });
  });

  test("ledgers that are not heard of are unreachable, with the heads that were known, until they are", async () => {
    const place = await newTenant();
    const [near, far] = [place.ledger("agent:near"), place.ledger("agent:far")];
    await decisions(near, 1);
    await decisions(far, 2);
    await nextRound(place);
    const chain = await far.incarnation();
    await loseDirectory(place);
    await wake(near);
    await nextRound(place);
    await nextRound(place);
    expect(await faults(place)).toEqual([[], [{ chain, fault: "unreachable" }]]);
    expect(await seqIn(place, far)).toBe(2);
    const status = auditStatus("acme", await place.stub.status(), now * 1000);
    expect(status.ledgers.find((entry) => entry.chain === chain)).toMatchObject({
      principal: null,
      lane: null,
      fault: "unreachable",
      records: 2,
      backlog: null,
    });
    await wake(far);
    await nextRound(place);
    expect((await faults(place)).at(-1)).toEqual([]);
    expect(await seqIn(place, far)).toBe(3);
    expect(await place.stub.ledgers()).toHaveLength(2);
  });

  test("what was lost or forked stays so", async () => {
    const place = await newTenant();
    const ledger = place.ledger();
    await decisions(ledger, 3);
    await nextRound(place);
    const chain = await ledger.incarnation();
    await lose(ledger);
    await decisions(ledger, 1);
    await nextRound(place);
    await loseDirectory(place);
    await wake(ledger);
    await nextRound(place);
    const fault = { chain, fault: "lost" };
    expect(await faults(place)).toEqual([[], [fault], [fault]]);
  });

  test("heads that a ledger has told since then, and D1 has nothing of", async () => {
    const place = await newTenant();
    const ledger = place.ledger();
    await decisions(ledger, 1);
    await nextRound(place);
    await decisions(ledger, 1);
    await nextRound(place, noD1);
    await loseDirectory(place);
    await wake(ledger);
    await nextRound(place);
    expect(await faults(place)).toEqual([[], []]);
  });

  test("but one that had heard more than D1 says has forgotten it, and that shows", async () => {
    const place = await newTenant();
    const ledger = place.ledger();
    await decisions(ledger, 1);
    await nextRound(place);
    for (let i = 0; i < 2; i += 1) {
      await decisions(ledger, 1);
      await nextRound(place, noD1);
    }
    await loseDirectory(place);
    await wake(ledger);
    await nextRound(place);
    expect((await faults(place)).at(-1)).toEqual([{ chain: await ledger.incarnation(), fault: "forked" }]);
  });

  test("what is deleted goes on as it was announced", async () => {
    const place = await newTenant({ retentionDays: 1 });
    const ledger = place.ledger();
    for (let day = 0; day < 4; day += 1) {
      now += 86_400;
      setClock(now);
      await decisions(ledger, 1);
      await ledger.alarm();
      await place.alarm();
      await nextRound(place);
    }
    const before = (await place.checkpoints()).at(-1);
    expect(before?.claims.retained).toBeGreaterThan(1);
    await loseDirectory(place);
    await wake(ledger);
    await nextRound(place);
    const after = (await place.checkpoints()).at(-1);
    expect(after?.claims.number).toBeGreaterThan(before?.claims.number ?? 0);
    expect(after?.claims.retained).toBeGreaterThanOrEqual(before?.claims.retained ?? 0);
    expect(after?.heads?.[0]?.start).toBeGreaterThanOrEqual(before?.heads?.[0]?.start ?? 0);
  });
});

test("a chain that is heard of under its name again goes on from the head that the checkpoint has", async () => {
  const place = await newTenant();
  await runInDurableObject(place.stub, (_, { storage: { sql } }) => {
    const registry = new Registry(sql);
    const at = (chain: string, seq: number): Head => ({
      ...{ chain, seq, hash: `hash ${seq}`, start: 2, start_prev: "hash 1" },
    });
    const claims = { faults: [] as readonly Faulty[] } as CheckpointClaims;
    registry.resume({ number: 9, jws: "", heads: [at("back", 5), at("on", 5)], claims });
    registry.enrol("ledger of back", "other", T * 1000);
    registry.enrol("ledger of on", "another", T * 1000);
    const answer = (name: string, chain: string, seq: number): Answer => {
      const asked = registry.asked().find((one) => one.name === name);
      if (asked === undefined) throw new Error("not asked");
      return { ...asked, head: { chain, seq, hash: `hash ${seq}`, agrees: true, isInD1: true } };
    };
    registry.learn([answer("ledger of back", "back", 4), answer("ledger of on", "on", 7)], T * 1000);
    expect(registry.chains().find(({ head }) => head.chain === "back")).toEqual({
      name: "ledger of back",
      head: at("back", 5),
      fault: "forked",
    });
    expect(registry.chains().find(({ head }) => head.chain === "on")).toEqual({
      name: "ledger of on",
      head: at("on", 7),
      fault: null,
    });
  });
});

describe("makes none", () => {
  test("while D1 does not say where it was", async () => {
    const place = await newTenant();
    await decisions(place.ledger(), 1);
    await nextRound(place, noD1);
    expect(await place.stub.status()).toMatchObject({
      checkpoint: null,
      problem: expect.stringContaining("connection lost"),
    });
    await nextRound(place);
    expect(await place.checkpoints()).toHaveLength(1);
  });

  test.each([
    ["of another key", (jws: string) => `${jws.slice(0, -6)}AAAAAA`],
    ["that is none", () => "another"],
  ])("where D1 has one %s, and says so", async (_, forge) => {
    const place = await newTenant();
    const ledger = place.ledger();
    await decisions(ledger, 1);
    await nextRound(place);
    const [{ jws = "" } = {}] = await place.checkpoints();
    await env.AUDIT.prepare("INSERT INTO checkpoints VALUES (?, 2, 0, ?, '[]')")
      .bind(place.tenant, forge(jws))
      .run();
    await loseDirectory(place);
    await wake(ledger);
    await nextRound(place);
    expect(await place.stub.status()).toMatchObject({
      checkpoint: null,
      problem: expect.stringContaining("checkpoint 2 in D1 is not one that these keys have signed"),
    });
  });

  test("from a checkpoint of another tenant", async () => {
    const [one, other] = [await newTenant(), await newTenant()];
    await decisions(other.ledger(), 1);
    await nextRound(other);
    await env.AUDIT.prepare(
      "INSERT INTO checkpoints SELECT ?, number, time, jws, heads FROM checkpoints WHERE tenant = ?",
    )
      .bind(one.tenant, other.tenant)
      .run();
    await decisions(one.ledger(), 1);
    await nextRound(one);
    expect(await one.stub.status()).toMatchObject({
      checkpoint: null,
      problem: expect.stringContaining("checkpoint 1 in D1"),
    });
  });
});

describe("a ledger tells the directory of itself", () => {
  /** How often it was told. */
  async function counted(ledger: Home, work: () => Promise<unknown>, fails = false): Promise<number> {
    let times = 0;
    await runInDurableObject(ledger.stub, async (instance) => {
      const object = instance as unknown as { env: Env };
      const real = object.env;
      const enrol = (name: string, chain: string) => {
        times += 1;
        if (fails) return Promise.reject(new Error("the object cannot be reached"));
        return real.DIRECTORY.getByName(ledger.tenant).enrol(name, chain);
      };
      object.env = { ...real, DIRECTORY: { getByName: () => ({ enrol }) } } as unknown as Env;
      await work();
      object.env = real;
    });
    return times;
  }

  test("once in each life, with the alarm, and again where it was not heard", async () => {
    const place = await newTenant();
    const ledger = place.ledger();
    expect(await counted(ledger, () => decisions(ledger, 2).then(() => ledger.alarm()))).toBeGreaterThan(0);
    await decisions(ledger, 1);
    expect(await counted(ledger, () => ledger.alarm())).toBe(0);
    await evictDurableObject(ledger.stub);
    expect(await counted(ledger, () => decisions(ledger, 5))).toBe(0);
    expect(await counted(ledger, () => ledger.alarm(), true)).toBe(1);
    expect(await ledger.logged()).toHaveLength(8);
    await decisions(ledger, 1);
    expect(await counted(ledger, () => ledger.alarm())).toBe(1);
    await decisions(ledger, 1);
    expect(await counted(ledger, () => ledger.alarm())).toBe(0);
    expect(await place.stub.ledgers()).toHaveLength(1);
  });

  test("and so a directory that has lost its alarm has one", async () => {
    const place = await newTenant();
    const ledger = place.ledger();
    await decisions(ledger, 1);
    await place.alarm();
    await runInDurableObject(place.stub, (_, { storage }) => storage.deleteAlarm());
    await wake(ledger);
    expect(await place.alarmAt()).toBe(T * 1000 + FIRST_CHECKPOINT_MS);
  });
});

test("a directory that nobody has told anything of yet knows nothing", async () => {
  const place = await newTenant();
  const made = await place.stub.checkpoint();
  expect(made).toMatchObject({ number: 1, heads: [] });
  const ledger = place.ledger();
  await decisions(ledger, 1);
  await nextRound(place);
  const [first, second] = await place.checkpoints();
  expect([first?.claims.size, second?.claims.size, second?.heads?.[0]?.start_prev]).toEqual([0, 1, GENESIS]);
});
