/**
 * The ledger against a model that forgets nothing, in whatever order things happen and whichever way the clock moves. What
 * was admitted is never admitted again. A value that is signed anew, with another issue time, mandate or company, is not admitted
 * while its earlier use could still be accepted. And what is refused as a replay has been there before.
 */

import { evictDurableObject } from "cloudflare:test";
import fc from "fast-check";
import { expect, test } from "vitest";
import type { Attempt, Claim, MandateFacts } from "../../src/ledger/protocol.ts";
import {
  CLAIM_HORIZON,
  CLAIM_WINDOW,
  CLOCK_SKEW,
  MAX_ECT_AGE,
  MAX_SIGNATURE_WINDOW,
  NODE_HORIZON,
} from "../../src/limits.ts";
import { attempt, mandate, newLedger, setClock, step, T, unique, useClock } from "./helpers.ts";

useClock();

/** Steps from before this are older than their mandates may be. */
const OLDEST_CHILD = T - 60 - 2 * CLOCK_SKEW;

/** Few values, so that they meet often. */
const claims = fc.uniqueArray(
  fc.record({
    kind: fc.constantFrom<Claim["kind"][]>("nonce", "attestation"),
    key: fc.constantFrom("a", "b", "c"),
    age: fc.integer({ min: -CLOCK_SKEW, max: MAX_SIGNATURE_WINDOW + CLOCK_SKEW }),
    life: fc.oneof(fc.constant(MAX_SIGNATURE_WINDOW), fc.nat(MAX_SIGNATURE_WINDOW)),
  }),
  { maxLength: 2, selector: ({ kind, key }) => `${kind} ${key}` },
);
const walked = fc.option(
  fc.record({
    jti: fc.constantFrom("s", "t", "u", "v"),
    root: fc.nat(2),
    age: fc.integer({ min: -CLOCK_SKEW, max: MAX_ECT_AGE }),
  }),
  { freq: 2 },
);
const call = fc.record({
  type: fc.constant("call" as const),
  claims,
  walked,
  denied: fc.nat(5).map((n) => n === 0),
  sentTwice: fc.boolean(),
});
/** Within the life of a value, over the end of a window, over that of a table. */
const pause = fc.oneof(
  { weight: 6, arbitrary: fc.nat(120) },
  { weight: 2, arbitrary: fc.nat(CLAIM_WINDOW) },
  { weight: 1, arbitrary: fc.nat(CLAIM_WINDOW + CLAIM_HORIZON) },
);
const happening = fc.oneof(
  { weight: 3, arbitrary: fc.record({ type: fc.constant("again" as const), which: fc.nat() }) },
  { weight: 8, arbitrary: call },
  { weight: 3, arbitrary: fc.record({ type: fc.constant("wait" as const), seconds: pause }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("back" as const), seconds: pause }) },
  { weight: 1, arbitrary: fc.constant({ type: "alarm" as const }) },
  { weight: 1, arbitrary: fc.constant({ type: "evict" as const }) },
);

test("what can be used once is used once, and what was not used is not called used", {
  timeout: 30_000,
}, async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(happening, { minLength: 40, maxLength: 60 }), async (happenings) => {
      const ledger = newLedger();
      // Two of one workflow, and one of another issuer.
      const roots: MandateFacts[] = [
        mandate({ wid: "w", exp: T + 80_000 }),
        mandate({ wid: "w", exp: T + 80_000 }),
        mandate({ iss: "https://other.example", exp: T + 80_000 }),
      ];
      let now = T;
      let latest = T;
      /** Until when the latest use of a value could be accepted. */
      const used = new Map<string, number>();
      /** Steps that were denied and older than their mandate: they are spent, and the answer does not say so. */
      const unfit = new Set<string>();
      const admitted: Attempt[] = [];
      for (const what of happenings) {
        if (what.type === "wait") now += what.seconds;
        if (what.type === "back") now -= what.seconds;
        latest = Math.max(latest, now);
        setClock(now);
        if (what.type === "alarm") await ledger.alarm();
        if (what.type === "evict") {
          // Only what runs can be evicted.
          await ledger.sql("SELECT 1");
          await evictDurableObject(ledger.stub);
        }
        if (what.type === "again" && admitted.length > 0) {
          const captured = admitted[what.which % admitted.length] ?? attempt();
          const { verdict } = await ledger.decide({ ...captured, decision: unique("again") });
          expect(verdict).toBe("denied");
        }
        if (what.type !== "call") continue;

        const asked = attemptOf(what, now, roots);
        const values = valuesOf(asked);
        const seen = values.filter(({ name }) => used.has(name)).map(({ name }) => name);
        const { verdict, reason, stepRecorded } = await ledger.decide(asked);

        if (verdict === "admitted")
          expect(seen.filter((name) => latest <= (used.get(name) ?? 0))).toEqual([]);
        const name = `step ${asked.step?.jti}`;
        if (reason === "replay.ect") expect(seen.includes(name) || unfit.has(name)).toBe(true);
        if (reason === "replay.nonce") expect(seen.join()).toContain("nonce");
        if (reason === "attestation.nonce_seen") expect(seen.join()).toContain("attestation");
        const isFresh = seen.length === 0 && asked.step === null && asked.denial === null;
        if (isFresh && values.every(({ until }) => latest <= until)) expect(verdict).toBe("admitted");

        if (verdict === "denied" && asked.step && asked.step.iat < OLDEST_CHILD) unfit.add(name);
        for (const { name, until } of values) {
          const isSpent = name.startsWith("step") ? stepRecorded : verdict === "admitted";
          if (isSpent) used.set(name, until);
        }
        if (verdict !== "admitted" || values.length === 0) continue;
        admitted.push(asked);
        // The answer was lost, and the same attempt is made again.
        if (what.sentTwice) expect((await ledger.decide(asked)).verdict).toBe("admitted");
      }
    }),
    { seed: 20_261_121, numRuns: 12 },
  );
});

type Call = typeof call extends fc.Arbitrary<infer T> ? T : never;

function attemptOf({ claims, walked, denied }: Call, now: number, roots: readonly MandateFacts[]): Attempt {
  const root = walked && (roots[walked.root] ?? null);
  return attempt({
    claims: claims.map(({ kind, key, age, life }) => {
      const issuedAt = now - age;
      return { kind, key, issuedAt, lastAcceptable: issuedAt + life + CLOCK_SKEW };
    }),
    mandate: root,
    step: root && walked && step(root, { jti: walked.jti, iat: now - walked.age }),
    denial: denied ? "policy.agent_suspended" : null,
  });
}

/** The one-time values of an attempt, and the last second at which each can be accepted. */
const valuesOf = ({ claims, step }: Attempt): { name: string; until: number }[] => [
  ...claims.map(({ kind, key, issuedAt, lastAcceptable }) => ({
    name: `${kind} ${key}`,
    until: Math.min(lastAcceptable, issuedAt + CLAIM_HORIZON),
  })),
  ...(step === null
    ? []
    : [{ name: `step ${step.jti}`, until: Math.min(step.lastAcceptable, step.iat + NODE_HORIZON) }]),
];
