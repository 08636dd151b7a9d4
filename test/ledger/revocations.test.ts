/** What a ledger knows of revocations: nothing is admitted against one that it has confirmed. */

import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, test, vi } from "vitest";
import { type Bulletin, type Notice, type Revoked, revokedName } from "../../src/ledger/revoked.ts";
import {
  CLOCK_SKEW,
  REVOCATIONS_FRESH_MS,
  REVOCATIONS_RETRY_MS,
  REVOCATIONS_STALE_MS,
} from "../../src/limits.ts";
import {
  attempt,
  claim,
  type Home,
  mandate,
  newLedger,
  setClock,
  T,
  unique,
  useClock,
  walk,
} from "./helpers.ts";

useClock();
beforeEach(() => void vi.spyOn(console, "error").mockReturnValue());

const AGENT = revokedName({ kind: "agent", name: "scout" });
const TENANT = revokedName({ kind: "tenant" });
const notice = (revoked: Revoked, until: number | null = null): Notice => ({
  name: revokedName(revoked),
  until,
});

/** What the directory says next to a ledger that has followed it so far; all there is where `since` is null. */
async function tell(ledger: Home, changes: Partial<Bulletin>, steps = 1): Promise<unknown> {
  const { epoch, version } = await known(ledger);
  const next = { epoch, version: version + steps, since: version, notices: [], lifted: [], ...changes };
  return await ledger.stub.revoke(next);
}

const known = async (ledger: Home): Promise<{ epoch: string; version: number }> => {
  const [row] = await ledger.sql<{ value: string }>("SELECT value FROM meta WHERE key = 'notices'");
  return JSON.parse(row?.value ?? "null");
};

const call = (revocable: readonly string[] = [AGENT, TENANT], more = {}) =>
  attempt({ revocable, claims: [claim({ issuedAt: Math.floor(Date.now() / 1000) })], ...more });

/** One that has begun. */
async function begun(): Promise<Home> {
  const ledger = newLedger();
  expect(await ledger.reasons(call())).toEqual([null]);
  return ledger;
}

describe("what was revoked is refused", () => {
  test.each<[Revoked, string]>([
    [{ kind: "mandate", iss: "i", jti: "j" }, "revoked.mandate"],
    [{ kind: "token", iss: "i", jti: "j" }, "revoked.token"],
    [{ kind: "agent", name: "a" }, "revoked.agent"],
    [{ kind: "subject", iss: "i", sub: "s" }, "revoked.subject"],
    [{ kind: "key", thumbprint: "k" }, "revoked.key"],
    [{ kind: "issuer", iss: "i" }, "revoked.issuer"],
    [{ kind: "run", run: "r" }, "revoked.run"],
    [{ kind: "tenant" }, "revoked.tenant"],
  ])("%j", async (revoked, reason) => {
    const ledger = await begun();
    const rests = call(['["other"]', revokedName(revoked)]);
    await tell(ledger, { notices: [notice(revoked)] });
    expect(await ledger.reasons(rests, call(['["other"]']))).toEqual([reason, null]);
  });

  test("a document below the lowest version, of any number of lowest versions", async () => {
    const ledger = await begun();
    await tell(ledger, {
      notices: [notice({ kind: "document", version: 3 }), notice({ kind: "document", version: 7 })],
    });
    const of = (documentVersion: number) => call([], { documentVersion });
    expect(await ledger.reasons(of(0), of(6), of(7), of(8))).toEqual([
      "tenant.stale",
      "tenant.stale",
      null,
      null,
    ]);
    await tell(ledger, { lifted: [revokedName({ kind: "document", version: 7 })] });
    expect(await ledger.reasons(of(2), of(3))).toEqual(["tenant.stale", null]);
  });

  test("until its end, and what is kept of it goes", async () => {
    const ledger = await begun();
    await tell(ledger, { notices: [notice({ kind: "agent", name: "scout" }, T + 10)] });
    expect(await ledger.reasons(call())).toEqual(["revoked.agent"]);
    setClock(T + 11);
    expect(await ledger.reasons(call())).toEqual([null]);
    setClock(T + 10 + CLOCK_SKEW + 120);
    await ledger.alarm();
    expect((await ledger.rows()).revocations).toBe(0);
  });

  test("until it is lifted", async () => {
    const ledger = await begun();
    await tell(ledger, { notices: [notice({ kind: "agent", name: "scout" })] });
    await tell(ledger, { lifted: [AGENT] });
    expect(await ledger.reasons(call())).toEqual([null]);
  });

  test("also by an object that was ended meanwhile", async () => {
    const ledger = await begun();
    await tell(ledger, {
      notices: [notice({ kind: "agent", name: "scout" }), notice({ kind: "document", version: 2 })],
    });
    await evictDurableObject(ledger.stub);
    const current = call(undefined, { documentVersion: 2 });
    expect(await ledger.reasons(current, call([]))).toEqual(["revoked.agent", "tenant.stale"]);
  });

  test("with a step, which is spent", async () => {
    const ledger = await begun();
    await tell(ledger, { notices: [notice({ kind: "agent", name: "scout" })] });
    const root = mandate();
    const first = walk(root, {}, { revocable: [AGENT] });
    expect((await ledger.decide(first)).reason).toBe("revoked.agent");
    expect((await ledger.decide({ ...first, decision: unique("decision") })).reason).toBe("replay.ect");
  });

  test("whatever the tenant only observes, also behind a fault that is observed", async () => {
    const ledger = await begun();
    const used = call();
    const step = walk(mandate(), {}, { revocable: [AGENT], observes: ["admission"] });
    expect(await ledger.reasons(used, step)).toEqual([null, null]);
    await tell(ledger, { notices: [notice({ kind: "agent", name: "scout" })] });
    const again = (one: typeof used) => ({
      ...one,
      decision: unique("decision"),
      observes: ["admission" as const],
    });
    for (const one of [call(undefined, { observes: ["admission"] }), again(used), again(step)]) {
      const ruled = await ledger.decide(one);
      expect([ruled.verdict, ruled.reason]).toEqual(["denied", "revoked.agent"]);
    }
    await tell(ledger, { notices: [notice({ kind: "document", version: 2 })], lifted: [AGENT] });
    expect((await ledger.decide(again(used))).reason).toBe("tenant.stale");
  });
});

describe("an answer that may no longer go on", () => {
  test("is asked about in the same way", async () => {
    const ledger = await begun();
    const rests = { revocable: [AGENT, TENANT], documentVersion: 1 };
    expect(await ledger.stub.standing(rests)).toBeNull();
    await tell(ledger, { notices: [notice({ kind: "tenant" })] });
    expect(await ledger.stub.standing(rests)).toBe("revoked.tenant");
    expect(await ledger.stub.standing({ ...rests, revocable: [] })).toBeNull();
  });

  test("a ledger that has lost everything gives no leave, and does not begin by that", async () => {
    const ledger = newLedger();
    expect(await ledger.stub.standing({ revocable: [], documentVersion: 0 })).toBe("ledger.unavailable");
    expect(await ledger.rows()).toEqual({});
  });
});

describe("what comes late, twice or from elsewhere", () => {
  const scout: Revoked = { kind: "agent", name: "scout" };

  test("a revocation that was overtaken by its lifting changes nothing", async () => {
    const ledger = await begun();
    const { epoch, version } = await known(ledger);
    const late = { epoch, version: version + 1, since: version, notices: [notice(scout)], lifted: [] };
    await ledger.stub.revoke(late);
    await tell(ledger, { lifted: [AGENT] });
    expect(await ledger.stub.revoke(late)).toEqual({ epoch, version: version + 2 });
    expect(await ledger.reasons(call())).toEqual([null]);
  });

  test("behind a gap it holds, but is not confirmed, and nothing is lifted", async () => {
    const ledger = await begun();
    const { version } = await known(ledger);
    await tell(ledger, { notices: [notice({ kind: "tenant" })] });
    const answer = await tell(ledger, {
      version: version + 9,
      since: version + 8,
      notices: [notice(scout)],
      lifted: [TENANT],
    });
    expect(answer).toMatchObject({ version: version + 1 });
    expect(await ledger.reasons(call([AGENT]), call([TENANT]))).toEqual(["revoked.agent", "revoked.tenant"]);
    await tell(ledger, { version: version + 9, since: null, notices: [notice(scout)] });
    expect(await ledger.reasons(call([AGENT]), call([TENANT]))).toEqual(["revoked.agent", null]);
  });

  test("a directory that has lost what it knew adds, and takes nothing away", async () => {
    const ledger = await begun();
    await tell(ledger, { notices: [notice(scout)] });
    const before = await known(ledger);
    expect(
      await tell(ledger, {
        epoch: "another",
        version: 99,
        since: null,
        notices: [notice({ kind: "tenant" })],
      }),
    ).toEqual(before);
    expect(await ledger.reasons(call([AGENT]), call([TENANT]))).toEqual(["revoked.agent", "revoked.tenant"]);
  });

  test("a ledger that has not begun keeps nothing, and says so", async () => {
    const ledger = newLedger();
    const bulletin = { epoch: "e", version: 1, since: null, notices: [notice(scout)], lifted: [] };
    expect(await ledger.stub.revoke(bulletin)).toBeNull();
    expect(await ledger.rows()).toEqual({});
  });
});

test("of 500 calls at once none is admitted behind the confirmation", async () => {
  const ledger = await begun();
  const verdict = async () => (await ledger.decide(call())).verdict;
  // Half of them are on their way when it comes, half are sent as soon as it is confirmed.
  const before = Array.from({ length: 250 }, verdict);
  const revoking = tell(ledger, { notices: [notice({ kind: "agent", name: "scout" })] });
  const behind = revoking.then(() => Promise.all(Array.from({ length: 250 }, verdict)));
  expect(new Set(await behind)).toEqual(new Set(["denied"]));
  expect((await Promise.all(before))[0]).toBe("admitted");
});

describe("a directory that cannot be reached", () => {
  /** Does something with a ledger whose directory is gone. */
  async function cutOff<R>(ledger: Home, work: () => Promise<R>): Promise<{ result: R; asked: number }> {
    let asked = 0;
    const enrol = () => {
      asked += 1;
      return Promise.reject(new Error("the object cannot be reached"));
    };
    const swap = (DIRECTORY: unknown) =>
      runInDurableObject(ledger.stub, (instance) => {
        const object = instance as unknown as { env: Env };
        object.env = { ...object.env, DIRECTORY: DIRECTORY as Env["DIRECTORY"] };
      });
    await swap({ getByName: () => ({ enrol }) });
    const result = await work();
    await swap(env.DIRECTORY);
    return { result, asked };
  }
  const at = (ms: number) => setClock(T + ms / 1000);

  test("is not asked while what is known is fresh, and asked in the background later", async () => {
    const ledger = await begun();
    at(REVOCATIONS_FRESH_MS - 1_000);
    expect(await cutOff(ledger, () => ledger.reasons(call()))).toEqual({ result: [null], asked: 0 });
    at(REVOCATIONS_STALE_MS - 1_000);
    expect(await cutOff(ledger, () => ledger.reasons(call()))).toEqual({ result: [null], asked: 1 });
  });

  test("is done without for a while; then nothing is admitted, nor goes on, and what is denied is written", async () => {
    const ledger = await begun();
    at(REVOCATIONS_STALE_MS);
    const { result, asked } = await cutOff(ledger, async () => [
      ...(await ledger.reasons(call(), call(), call(undefined, { denial: "ect.expired" }))),
      await ledger.stub.standing({ revocable: [], documentVersion: 0 }),
    ]);
    expect(result).toEqual([
      "ledger.revocations_unknown",
      "ledger.revocations_unknown",
      "ect.expired",
      "ledger.revocations_unknown",
    ]);
    // It is left alone for a moment after it did not answer.
    expect(asked).toBe(1);
    at(REVOCATIONS_STALE_MS + REVOCATIONS_RETRY_MS);
    expect(await ledger.reasons(call())).toEqual([null]);
  });

  test("also by an object that was ended meanwhile: what it knows is as old as before", async () => {
    const ledger = await begun();
    await evictDurableObject(ledger.stub);
    at(REVOCATIONS_STALE_MS);
    expect((await cutOff(ledger, () => ledger.reasons(call()))).result).toEqual([
      "ledger.revocations_unknown",
    ]);
  });
});
