/** What the ledger finds and the tenant only looks at: the call goes on, is written down as it is, and opens nothing else. */

import { describe, expect, test } from "vitest";
import type { LimitUse } from "../../src/ledger/lease.ts";
import { type ApprovalAsk, type Attempt, type Claim, LEDGER_GATES } from "../../src/ledger/protocol.ts";
import { revokedName } from "../../src/ledger/revoked.ts";
import { attempt, claim, mandate, newLedger, step, T, unique, useClock, walk } from "./helpers.ts";

useClock();

const ADMISSION: Partial<Attempt> = { observes: ["admission"] };
const LIMITS: Partial<Attempt> = { observes: ["limits"] };
const APPROVAL: Partial<Attempt> = { observes: ["approval"] };
const ALL: Partial<Attempt> = { observes: ["admission", "limits", "approval"] };

const once = (): LimitUse => ({
  key: unique("limit"),
  per: "principal",
  shared: false,
  issuer: null,
  amount: 1,
  max: 1,
  window: 60,
  from: 0,
  until: 0,
});

const ask = (): ApprovalAsk => ({
  digest: unique("digest"),
  tool: "search",
  revision: "rev",
  roles: ["owner"],
  people: 1,
  lifetime: 600,
  sealed: "sealed",
});

const observed = (reason: string) => expect.objectContaining({ verdict: "observed", reason });
const denied = (reason: string) => expect.objectContaining({ verdict: "denied", reason });

describe("a nonce that was used before", () => {
  test("goes on, each time, and says so in the checks; when that ends it is refused again", async () => {
    const ledger = newLedger();
    const used = claim();
    await ledger.decide(attempt({ claims: [used] }));
    for (const _ of [1, 2])
      expect(await ledger.decide(attempt({ claims: [used], ...ADMISSION }))).toEqual(
        observed("replay.nonce"),
      );
    const [, again] = await ledger.journal();
    expect(again?.checks.at(-1)).toBe("observed.admission:replay.nonce");
    expect(await ledger.decide(attempt({ claims: [used] }))).toEqual(denied("replay.nonce"));
  });

  test("uses up what comes with it for the first time", async () => {
    const ledger = newLedger();
    const [used, fresh] = [claim(), claim({ kind: "attestation" })];
    await ledger.decide(attempt({ claims: [used] }));
    await ledger.decide(attempt({ claims: [used, fresh], ...ADMISSION }));
    expect(await ledger.decide(attempt({ claims: [fresh] }))).toEqual(denied("attestation.nonce_seen"));
  });

  test("but leaves the uses and the record of its mandate", async () => {
    const ledger = newLedger();
    const [root, used] = [mandate(), claim()];
    const use = { key: unique("use"), max: 1, until: T + 3600 };
    await ledger.decide(attempt({ claims: [used] }));
    await ledger.decide(attempt({ mandate: root, claims: [used], uses: [use], ...ADMISSION }));
    expect((await ledger.decide(walk(root, {}, { uses: [use] }))).verdict).toBe("admitted");
  });

  test.each([
    ["limits", LIMITS],
    ["approval", APPROVAL],
  ])("is refused where only %s is observed", async (_gate, observes) => {
    const ledger = newLedger();
    const used = claim();
    await ledger.decide(attempt({ claims: [used] }));
    expect(await ledger.decide(attempt({ claims: [used], ...observes }))).toEqual(denied("replay.nonce"));
  });
});

describe("behind what is observed stand the others", () => {
  const replayed = async (more: Partial<Attempt>) => {
    const ledger = newLedger();
    const used = claim();
    await ledger.decide(attempt({ claims: [used], limits: more.limits ?? [] }));
    return { ledger, ruling: await ledger.decide(attempt({ claims: [used], ...more })) };
  };

  test("a limit", async () =>
    expect((await replayed({ limits: [once()], ...ADMISSION })).ruling).toEqual(
      denied("limit.principal_exhausted"),
    ));

  test("a person", async () => {
    const { ruling } = await replayed({ approval: ask(), ...ADMISSION });
    expect(ruling).toEqual(denied("approval.required"));
  });

  test("what was revoked, whatever is observed", async () => {
    const ledger = newLedger();
    const used = claim();
    const agent = revokedName({ kind: "agent", name: "scout" });
    await ledger.decide(attempt({ claims: [used] }));
    await ledger.stub.revoke({
      epoch: "e",
      version: 1,
      since: 0,
      notices: [{ name: agent, until: null }],
      lifted: [],
    });
    const asked = { claims: [used], revocable: [agent], ...ALL };
    expect(await ledger.decide(attempt(asked))).toEqual(denied("revoked.agent"));
    expect(await ledger.decide(attempt({ ...asked, observed: "policy.tool_unlisted" }))).toEqual(
      denied("revoked.agent"),
    );
  });

  test("and what the gate itself has refused stays refused", async () => {
    const ruling = await newLedger().decide(attempt({ denial: "policy.environment", ...ALL }));
    expect(ruling).toEqual(denied("policy.environment"));
  });
});

/** Each of them with and without each other. */
const subsets = <T>(all: readonly T[]): T[][] =>
  Array.from({ length: 2 ** all.length }, (_, n) => all.filter((_, i) => Math.floor(n / 2 ** i) % 2 === 1));

test.each<[string, (used: Claim) => Partial<Attempt>]>([
  ["replay.nonce", (used) => ({ claims: [used] })],
  ["replay.too_late", () => ({ claims: [claim({ issuedAt: T - 3600 })] })],
  ["act.expired", () => ({ mandate: mandate({ exp: T - 600 }), claims: [claim()] })],
  ["run.pred_unknown", () => walk(mandate(), { pred: ["nobody"] })],
])("of %s, a limit, a person and a revocation nothing passes but what is observed", async (fault, faulty) => {
  const ledger = newLedger();
  const [used, agent] = [claim(), revokedName({ kind: "agent", name: "scout" })];
  const spent = once();
  await ledger.decide(attempt({ claims: [used], limits: [spent] }));
  await ledger.stub.revoke({
    epoch: "e",
    version: 1,
    since: 0,
    notices: [{ name: agent, until: null }],
    lifted: [],
  });
  const reasons = {
    admission: fault,
    limits: "limit.principal_exhausted",
    approval: "approval.required",
  } as const;
  for (const faults of subsets(LEDGER_GATES))
    for (const observes of subsets(LEDGER_GATES))
      for (const revocable of [[], [agent]]) {
        const ruling = await ledger.rule(
          attempt({
            claims: [claim()],
            ...(faults.includes("admission") && faulty(used)),
            decision: unique("decision"),
            limits: faults.includes("limits") ? [spent] : [],
            approval: faults.includes("approval") ? ask() : null,
            observes,
            revocable,
          }),
        );
        const order = (["admission", "limits", "approval"] as const).filter((gate) => faults.includes(gate));
        const refused = order.find((gate) => !observes.includes(gate));
        const isRefused = revocable.length > 0 || refused !== undefined;
        const told = `${faults} observing ${observes} of ${revocable}`;
        expect(ruling.verdict, told).toBe(isRefused ? "denied" : order.length > 0 ? "observed" : "admitted");
        if (isRefused && revocable.length === 0)
          expect(ruling.reason, told).toBe(refused && reasons[refused]);
        if (revocable.length > 0 && refused !== "admission")
          expect(ruling.reason, told).toBe("revoked.agent");
      }
});

test("the first reason is recorded, the checks have all", async () => {
  const ledger = newLedger();
  const [used, limits] = [claim(), [once()]];
  await ledger.decide(attempt({ claims: [used], limits }));
  const asked = { claims: [used], limits, approval: ask(), ...ALL };
  expect(await ledger.decide(attempt(asked))).toEqual(observed("replay.nonce"));
  const facts = { ...attempt().facts, checks: ["mandate", "observed.tool:policy.tool_unlisted"] };
  expect(await ledger.decide(attempt({ ...asked, observed: "policy.tool_unlisted", facts }))).toEqual(
    observed("policy.tool_unlisted"),
  );
  expect((await ledger.journal()).at(-1)?.checks).toEqual([
    "mandate",
    "observed.tool:policy.tool_unlisted",
    "observed.admission:replay.nonce",
    "observed.limits:limit.principal_exhausted",
    "observed.approval:approval.required",
  ]);
});

test("nobody is asked about a call that goes on all the same", async () => {
  const ledger = newLedger();
  const approval = ask();
  expect(await ledger.decide(attempt({ approval, ...APPROVAL }))).toEqual(observed("approval.required"));
  const first = attempt({ approval });
  const { approval: pending } = await ledger.rule(first);
  expect(pending?.id).toBe(first.decision);
});

test("the same attempt again has the same ruling, and is written once", async () => {
  const ledger = newLedger();
  const used = claim();
  await ledger.decide(attempt({ claims: [used] }));
  const asked = attempt({ claims: [used], ...ADMISSION });
  const first = await ledger.rule(asked);
  expect(await ledger.rule(asked, true)).toEqual(first);
  expect((await ledger.journal()).length).toBe(2);
});

describe("steps", () => {
  const strict = { level: 2, denied: false } as const;

  test("one that was observed is no denied parent, one that was denied is", async () => {
    for (const [more, reason] of [
      [{ observed: "policy.tool_unlisted" }, null],
      [{ denial: "policy.tool_unlisted" }, "run.parent_denied"],
    ] as const) {
      const ledger = newLedger();
      const root = mandate();
      const first = walk(root, { parents: strict }, more);
      expect((await ledger.decide(first)).stepRecorded).toBe(reason === null);
      const child = attempt({
        mandate: root,
        step: step(root, { pred: [root.jti, first.step?.jti ?? ""], parents: strict }),
      });
      expect((await ledger.decide(child)).reason).toBe(reason);
      expect((await ledger.decide(first, true)).stepRecorded).toBe(reason === null);
    }
  });

  test("one with a parent that nobody knows goes on, but never joins its run", async () => {
    const ledger = newLedger();
    const root = mandate();
    const lost = walk(root, { pred: [root.jti, "nobody"] }, ADMISSION);
    expect(await ledger.decide(lost)).toEqual(
      expect.objectContaining({ verdict: "observed", reason: "run.pred_unknown", stepRecorded: false }),
    );
    const child = attempt({ mandate: root, step: step(root, { pred: [root.jti, lost.step?.jti ?? ""] }) });
    expect((await ledger.decide(child)).reason).toBe("run.pred_unknown");
    expect(
      (await ledger.decide({ ...lost, ...ADMISSION, observes: [], decision: unique("again") })).reason,
    ).toBe("replay.ect");
  });
});

test("execution records of an observed call are kept: it was let go on", async () => {
  const ledger = newLedger();
  const used = claim({ kind: "attestation" });
  await ledger.decide(attempt({ claims: [used], execution: ["first"] }));
  await ledger.decide(attempt({ claims: [used], execution: ["second"], ...ADMISSION }));
  await ledger.decide(attempt({ claims: [used], execution: ["third"] }));
  expect((await ledger.journal()).map(({ execution }) => execution)).toEqual([["first"], ["second"], null]);
});
