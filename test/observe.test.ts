import { describe, expect, test } from "vitest";
import { attemptOf, factsOf } from "../src/attempt.ts";
import { MAX_OBSERVED_STREAM_MS } from "../src/limits.ts";
import { isCallersFault, isLookedAt, isObserved, mayObserve, observes } from "../src/observe.ts";
import { GATES } from "../src/policy/gate-names.ts";
import { REASONS, type Reason } from "../src/reasons.ts";
import type { TenantDocument } from "../src/tenant/schema/document.ts";
import { newTrail, type Trail } from "../src/trail.ts";
import { compiled } from "./support/acme.ts";

const UNTIL = "2026-06-01T00:00:00Z";
const END = Date.parse(UNTIL);

type Rule = NonNullable<TenantDocument["observe"]>[number];

const observing = (...rules: Partial<Rule>[]) =>
  compiled({ observe: rules.map((rule) => ({ until: UNTIL, ...rule })) });

const trailAt = async (now: number, changes: Partial<Trail>, ...rules: Partial<Rule>[]): Promise<Trail> => ({
  ...newTrail(now),
  tenant: await observing(...rules),
  endpoint: { kind: "mcp" },
  ...changes,
});

describe("which reasons", () => {
  const refusing = (reasons: readonly Reason[]) => reasons.filter((reason) => !isCallersFault(reason));
  const all = Object.keys(REASONS) as Reason[];

  test("never what is no fault of the caller's: it cannot be told, or there is a bug", () => {
    const kinds = ["unavailable", "origin", "bug"];
    const others = all.filter((reason) => kinds.includes(REASONS[reason].answer.kind));
    expect(others.length).toBeGreaterThan(10);
    expect(refusing(others)).toEqual(others);
  });

  test("never what is wrong with the message, what was revoked, or what does not exist", () => {
    const others = all.filter((reason) =>
      /^(message|revoked|target|request|endpoint\.(query|method))/.test(reason),
    );
    expect(refusing(others)).toEqual(others);
    const single: Reason[] = [
      "policy.tenant_suspended",
      "tenant.stale",
      "signature.response_demanded",
      "session.malformed",
      "session.unknown",
      "session.expired",
    ];
    expect(refusing(single)).toEqual(single);
  });

  test("everything else that a gate says of a caller", () => {
    const groups =
      /^(bearer|act|required|wit|digest|ect|principal|attestation|capability|replay|run|approval)\./;
    const faults = all.filter(
      (reason) => groups.test(reason) && REASONS[reason].answer.kind !== "unavailable",
    );
    expect(faults.length).toBeGreaterThan(100);
    expect(refusing(faults)).toEqual([]);
    expect(
      refusing(["policy.agent_suspended", "policy.grant_revoked", "signature.missing", "session.missing"]),
    ).toEqual([]);
  });
});

describe("until when, and for what", () => {
  test("up to the second of its end, and not in it", async () => {
    const tenant = await observing({});
    expect([END - 1, END, END + 1].map((now) => observes(tenant, "tool", "search", now))).toEqual([
      true,
      false,
      false,
    ]);
    expect(mayObserve(tenant, "evidence", "bearer.missing", END)).toBe(false);
  });

  test("a gate is no other", async () => {
    for (const gate of GATES) {
      const tenant = await observing({ gates: [gate] });
      expect(GATES.filter((other) => observes(tenant, other, null, 0))).toEqual([gate]);
      expect(GATES.filter((other) => mayObserve(tenant, other, "bearer.missing", 0))).toEqual([gate]);
    }
  });

  test("a tool is no other, and no message without one", async () => {
    const tenant = await observing({ tools: ["search"] });
    const asked = ["search", "searches", "Search", null];
    expect(asked.map((tool) => observes(tenant, "tool", tool, 0))).toEqual([true, false, false, false]);
  });

  test("the gates of one rule and the tools of another are nothing together", async () => {
    const tenant = await observing(
      { gates: ["tool"], tools: ["search"] },
      { gates: ["limits"], tools: ["write"] },
    );
    expect(observes(tenant, "tool", "write", 0)).toBe(false);
    expect(observes(tenant, "limits", "search", 0)).toBe(false);
  });

  test("one that has ended takes nothing from one that goes on", async () => {
    const tenant = await observing({ until: "2026-01-01T00:00:00Z" }, {});
    expect(observes(tenant, "tool", null, END - 1)).toBe(true);
  });
});

describe("a trail", () => {
  test("keeps the first reason, and all of them in its checks", async () => {
    const trail = await trailAt(0, {}, {});
    expect(isObserved(trail, "evidence", "bearer.missing")).toBe(true);
    expect(isObserved(trail, "tool", "policy.tool_unlisted")).toBe(true);
    expect(trail.observed).toBe("bearer.missing");
    expect(trail.checks).toEqual(["observed.evidence:bearer.missing", "observed.tool:policy.tool_unlisted"]);
  });

  test("says nothing of what is refused", async () => {
    const trail = await trailAt(0, {}, { gates: ["tool"] });
    expect(isObserved(trail, "evidence", "bearer.missing")).toBe(false);
    expect(isObserved(trail, "tool", "keys.unavailable")).toBe(false);
    expect([trail.observed, trail.checks]).toEqual([null, []]);
  });

  test("of a stranger's call: its outcome is waited for as long as its answer may stay open", async () => {
    const trail = await trailAt(1_000, {}, {});
    if (trail.tenant === null) throw new Error("it is there");
    const { outcomeBy } = attemptOf(trail, factsOf(trail, trail.tenant), null);
    expect(outcomeBy).toBeGreaterThan(1_000 + MAX_OBSERVED_STREAM_MS);
  });

  test.each(["export", "records", "status", "observed"] as const)("of a visit to %s: never", async (kind) => {
    const trail = await trailAt(0, { endpoint: { kind } }, {});
    expect(GATES.filter((gate) => isLookedAt(trail, gate))).toEqual([]);
    expect(isObserved(trail, "evidence", "bearer.missing")).toBe(false);
  });
});
