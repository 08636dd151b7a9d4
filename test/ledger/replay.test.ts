import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
import { ledgerName } from "../../src/ledger/names.ts";
import type { Ruling } from "../../src/ledger/protocol.ts";
import { CLAIM_WINDOW, CLOCK_SKEW, DPOP_WINDOW, NODE_WINDOW } from "../../src/limits.ts";
import {
  attempt,
  chainFault,
  claim,
  mandate,
  newLedger,
  setClock,
  step,
  T,
  unique,
  useClock,
  walk,
} from "./helpers.ts";

useClock();

/** The last second of a window of issue time, and the first of the next. */
const boundary = (span: number): [number, number] => {
  const start = Math.floor(T / span) * span;
  return [start - 1, start];
};

// -- steps ----------------------------------------------------------------------------------------------

const [before, after] = boundary(NODE_WINDOW);
const root = mandate({ iat: before - 60 });
const used = step(root, { iat: before, lastAcceptable: T + 60 });

test.each([
  ["as it was", root, used],
  ["under another mandate", mandate(), used],
  ["in another run of the same issuer", mandate({ wid: "elsewhere" }), used],
  ["under a mandate of another issuer", mandate({ iss: "https://other.example" }), used],
  ["with another iat, in the same window", root, { ...used, iat: before - 1 }],
  ["with another iat, in another window", root, { ...used, iat: after }],
  ["with other parents", root, { ...used, pred: [] }],
])("a step is refused the second time: %s", async (_, again, presented) => {
  const ledger = newLedger();
  expect(await ledger.decide(attempt({ mandate: root, step: used }))).toEqual({
    verdict: "admitted",
    reason: null,
    stepRecorded: true,
  });
  for (const evict of [false, true]) {
    if (evict) await evictDurableObject(ledger.stub);
    expect(await ledger.decide(attempt({ mandate: again, step: presented }))).toEqual({
      verdict: "denied",
      reason: "replay.ect",
      stepRecorded: false,
    });
  }
});

test("of 200 calls with one step at once exactly one is admitted", async () => {
  const ledger = newLedger();
  const root = mandate();
  const one = step(root);
  const rulings = await Promise.all(
    Array.from({ length: 200 }, () => ledger.decide(attempt({ mandate: root, step: one }))),
  );
  const admitted = rulings.filter(({ verdict }) => verdict === "admitted");
  const replayed = rulings.filter(({ reason }) => reason === "replay.ect");
  expect([admitted.length, replayed.length]).toEqual([1, 199]);
  expect((await ledger.journal()).filter(({ verdict }) => verdict === "admitted")).toHaveLength(1);
});

test("calls that overlap inside the object are ruled on one after the other", async () => {
  const ledger = newLedger();
  const root = mandate();
  const [one, nonce] = [step(root), claim()];
  const asked = Array.from({ length: 50 }, () => [
    attempt({ mandate: root, step: one }),
    attempt({ claims: [nonce] }),
    walk(root),
  ]).flat();
  // RPCs reach the object one by one here; calls from within do overlap, once nothing has to be loaded first.
  await ledger.decide(attempt());
  const rulings = await runInDurableObject(ledger.stub, (instance) =>
    Promise.all(asked.map((call) => instance.decide(call) as Promise<Ruling>)),
  );
  const count = (reason: string | null) => rulings.filter((ruling) => ruling.reason === reason).length;
  expect([count(null), count("replay.ect"), count("replay.nonce")]).toEqual([52, 49, 49]);
  expect(await chainFault(await ledger.journal())).toBeNull();
});

test("a replay says so whatever else is wrong with the request", async () => {
  const ledger = newLedger();
  const first = walk(root);
  await ledger.decide(first);
  const again = attempt({ mandate: root, step: first.step, denial: "policy.agent_suspended" });
  expect((await ledger.decide(again)).reason).toBe("replay.ect");
});

// -- other one-time values ------------------------------------------------------------------------------

const [early, late] = boundary(CLAIM_WINDOW);

test.each([
  ["nonce", early, early, "replay.nonce"],
  ["nonce", early, late, "replay.nonce"],
  ["nonce", late, early, "replay.nonce"],
  ["attestation", early, early, "attestation.nonce_seen"],
  ["attestation", early, late, "attestation.nonce_seen"],
  ["attestation", late, early, "attestation.nonce_seen"],
] as const)("a used %s issued at %i is refused at %i", async (kind, first, second, reason) => {
  const ledger = newLedger();
  const value = claim({ kind, issuedAt: first, lastAcceptable: T + 60 });
  expect((await ledger.decide(attempt({ claims: [value] }))).verdict).toBe("admitted");
  const again = attempt({ claims: [{ ...value, issuedAt: second }] });
  expect((await ledger.decide(again)).reason).toBe(reason);
  await evictDurableObject(ledger.stub);
  expect((await ledger.decide({ ...again, decision: "after eviction" })).reason).toBe(reason);
});

test("of 200 calls with one nonce at once exactly one is admitted", async () => {
  const ledger = newLedger();
  const value = claim();
  const rulings = await Promise.all(
    Array.from({ length: 200 }, () => ledger.decide(attempt({ claims: [value] }))),
  );
  expect(rulings.filter(({ verdict }) => verdict === "admitted")).toHaveLength(1);
});

test("a used attestation is refused with a fresh step, and the step is a step all the same", async () => {
  const ledger = newLedger();
  const root = mandate();
  const attestation = claim({ kind: "attestation" });
  await ledger.decide(walk(root, {}, { claims: [attestation] }));
  const second = walk(root, {}, { claims: [attestation] });
  expect(await ledger.decide(second)).toEqual({
    verdict: "denied",
    reason: "attestation.nonce_seen",
    stepRecorded: true,
  });
});

test("an attestation stays free when the call is denied", async () => {
  const ledger = newLedger();
  const root = mandate();
  const attestation = claim({ kind: "attestation" });
  const denied = walk(root, { pred: [root.jti, "unknown"] }, { claims: [attestation] });
  expect((await ledger.decide(denied)).reason).toBe("run.pred_unknown");
  expect((await ledger.decide(walk(root, {}, { claims: [attestation] }))).verdict).toBe("admitted");
});

test("one used value of two leaves the other free", async () => {
  const ledger = newLedger();
  const [used, free] = [claim(), claim({ kind: "attestation" })];
  await ledger.decide(attempt({ claims: [used] }));
  expect(await ledger.reasons(attempt({ claims: [free, used] }), attempt({ claims: [free] }))).toEqual([
    "replay.nonce",
    null,
  ]);
});

test("a nonce, an attestation and a step of the same text are three values", async () => {
  const ledger = newLedger();
  const key = "nonce x";
  expect(
    await ledger.reasons(
      attempt({ claims: [claim({ key })] }),
      attempt({ claims: [claim({ key, kind: "attestation" })] }),
      walk(mandate(), { jti: key }),
    ),
  ).toEqual([null, null, null]);
});

test("text is compared byte for byte", async () => {
  const ledger = newLedger();
  const root = mandate();
  expect(
    await ledger.reasons(
      attempt({ claims: [claim({ key: "abc" })] }),
      attempt({ claims: [claim({ key: "ABC" })] }),
      attempt({ claims: [claim({ key: "abc " })] }),
      walk(root, { jti: "abc" }),
      walk(root, { jti: "ABC" }),
    ),
  ).toEqual([null, null, null, null, null]);
});

test("two principals do not share what is used", async () => {
  const [one, other] = [newLedger(), newLedger()];
  const value = claim();
  expect((await one.decide(attempt({ claims: [value] }))).verdict).toBe("admitted");
  expect((await other.decide(attempt({ claims: [value] }))).verdict).toBe("admitted");
});

// -- the same attempt again -----------------------------------------------------------------------------

const seen = claim();
const SAME_ATTEMPT = [
  ["an admitted step", walk()],
  ["an admitted step with an attestation", walk(mandate(), {}, { claims: [claim({ kind: "attestation" })] })],
  ["a step denied by the gate", walk(mandate(), {}, { denial: "capability.missing" })],
  ["a step denied here", walk(mandate(), { pred: ["unknown"] })],
  ["an admitted nonce without a step", attempt({ claims: [claim()] })],
] as const;

test.each(SAME_ATTEMPT)("asked twice, the ruling is the same and is written once: %s", async (_, asked) => {
  const ledger = newLedger();
  const first = await ledger.decide(asked);
  const rows = await ledger.rows();
  expect(await ledger.decide(asked)).toEqual(first);
  await evictDurableObject(ledger.stub);
  expect(await ledger.decide(asked)).toEqual(first);
  expect(await ledger.decide(asked, true)).toEqual(first);
  expect(await ledger.rows()).toEqual(rows);
});

// These leave nothing but their record, so the client has to say that it asks again.
test.each([
  ...SAME_ATTEMPT,
  ["a used nonce", attempt({ claims: [seen] })],
  ["a denial without a step", attempt({ denial: "capability.missing", mandate: mandate() })],
  ["a step that got no place", walk(mandate({ jti: "root" }), { jti: "root" })],
] as const)("a repeated call has the same ruling, written once: %s", async (_, asked) => {
  const ledger = newLedger();
  await ledger.decide(attempt({ claims: [seen] }));
  const first = await ledger.decide(asked, true);
  const rows = await ledger.rows();
  await evictDurableObject(ledger.stub);
  expect(await ledger.decide(asked, true)).toEqual(first);
  expect(await ledger.rows()).toEqual(rows);
});

test("two repeats of one attempt at once are one admission", async () => {
  const ledger = newLedger();
  const asked = walk();
  const rulings = await Promise.all([ledger.decide(asked), ledger.decide(asked), ledger.decide(asked, true)]);
  expect(new Set(rulings.map((ruling) => JSON.stringify(ruling)))).toHaveLength(1);
  expect(await ledger.journal()).toHaveLength(1);
});

// -- a ledger that is new --------------------------------------------------------------------------------

test("what was issued before a ledger began may have been used under the agent's earlier name", async () => {
  const name = ledgerName(unique("renamed"), "agent:new-name", 0);
  const stub = env.LEDGER.getByName(name);
  const root = mandate();
  const nonce = claim({ issuedAt: T - CLOCK_SKEW - 1 });
  const asked = [
    attempt({ mandate: root, step: step(root, { iat: T - CLOCK_SKEW - 1 }) }),
    attempt({ mandate: root, claims: [nonce] }),
    attempt({ mandate: root, step: step(root, { iat: T - CLOCK_SKEW }) }),
    // An attestation is not made for one request, so it may be older.
    attempt({ mandate: root, claims: [{ ...nonce, kind: "attestation" }] }),
  ];
  const reasons = [];
  for (const each of asked) reasons.push(((await stub.decide(each)) as Ruling).reason);
  expect(reasons).toEqual(["replay.too_late", "replay.too_late", null, null]);
});

test("one in the place of another that was lost takes no DPoP proof of a clock that is five minutes ahead", async () => {
  const ledger = newLedger();
  const proof = (issuedAt: number) =>
    attempt({ claims: [claim({ kind: "dpop", issuedAt, lastAcceptable: issuedAt + DPOP_WINDOW })] });
  const captured = proof(T + DPOP_WINDOW - 1);
  expect(await ledger.reasons(captured)).toEqual([null]);
  await runInDurableObject(ledger.stub, (_, { storage }) => storage.deleteAll());
  await evictDurableObject(ledger.stub);
  expect(await ledger.reasons(captured)).toEqual(["replay.too_late"]);
  setClock(T + DPOP_WINDOW);
  expect(await ledger.reasons(captured, proof(T + DPOP_WINDOW))).toEqual(["replay.too_late", null]);
});

test("one in the place of another that was lost takes nothing that could have been issued before it began", async () => {
  const ledger = newLedger();
  const root = mandate();
  const ahead = T + CLOCK_SKEW - 1;
  const captured = [
    attempt({ mandate: root, step: step(root, { iat: ahead }) }),
    attempt({ mandate: root, claims: [claim({ issuedAt: ahead })] }),
  ];
  expect(await ledger.reasons(...captured)).toEqual([null, null]);
  await runInDurableObject(ledger.stub, (_, { storage }) => storage.deleteAll());
  await evictDurableObject(ledger.stub);
  expect(await ledger.reasons(...captured)).toEqual(["replay.too_late", "replay.too_late"]);

  setClock(T + CLOCK_SKEW);
  expect(await ledger.reasons(...captured)).toEqual(["replay.too_late", "replay.too_late"]);
  const fresh = attempt({ mandate: root, step: step(root, { iat: T + CLOCK_SKEW }) });
  expect(await ledger.reasons(fresh)).toEqual([null]);
});
