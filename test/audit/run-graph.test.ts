import { describe, expect, test } from "vitest";
import type { RecordedEvidence } from "../../src/audit/record.ts";
import type { Run, RunRecord } from "../../src/audit/run.ts";
import { newRunGraph, type RunQuestion } from "../../src/audit/run-graph.ts";
import { CLOCK_SKEW, MAX_RUN_FAULTS } from "../../src/limits.ts";
import { randomOf } from "../support/random.ts";

const T = 2_000_000_000;
const ISS = "https://issuer.example";
const REVISION = "rev";

interface Made {
  readonly jti: string;
  readonly pred?: readonly string[];
  readonly iat?: number;
  readonly level?: number;
  readonly foreign?: readonly string[];
  readonly joined?: boolean;
  readonly mandate?: string;
  readonly iss?: string;
  readonly digest?: string;
  readonly reason?: RunRecord["reason"];
  readonly principal?: string;
  readonly chain?: string;
  readonly seq: number;
  readonly revision?: string;
  readonly record?: RecordedEvidence["record"];
}

function step({ jti, seq, ...made }: Made): RunRecord {
  const { pred = ["m"], iat = T, level = 2, foreign = [], joined = true, principal = "agent:ada" } = made;
  const { mandate = "m", iss = ISS, digest = `digest of ${mandate}`, reason = null } = made;
  return {
    decision: `decision of ${jti}`,
    chain: made.chain ?? principal,
    seq,
    time: (T + seq) * 1000,
    verdict: reason === null ? "admitted" : "denied",
    reason,
    principal,
    mandate: JSON.stringify([iss, mandate]),
    revision: made.revision ?? REVISION,
    evidence: {
      mandate: { digest, iat: T, exp: T + 900 },
      ect: { jti, iat, level, pred, foreign, joined },
      attestation: null,
      token: null,
      approval: null,
      record: made.record ?? null,
    },
  };
}

/** The same without an ECT. */
const bare = (made: Made): RunRecord => {
  const record = step(made);
  return { ...record, evidence: record.evidence && { ...record.evidence, ect: null } };
};

const recordOf = (mandate: string, pred: readonly string[] = [], exec_ts = T) => ({
  iss: ISS,
  jti: mandate,
  run: "run",
  digest: `record of ${mandate}`,
  exec_act: "mcp.search",
  exec_ts,
  status: "completed",
  pred,
});

function judge(records: readonly RunRecord[], changes: Partial<RunQuestion> = {}): Run {
  const asks = { revision: REVISION, level: 2, denied: false } as const;
  const graph = newRunGraph({ shows: () => true, asks, ...changes });
  for (const { evidence, decision, time, principal } of records)
    if (evidence?.record) graph.addRecord({ ...evidence.record, decision, time, principal });
  for (const record of records) graph.add(record);
  return graph.judge();
}

const faultsOf = (run: Run) => run.faults.map(({ fault, jti, parent }) => [fault, jti, parent]);

/** A run as it should be: a fork, a join, a second mandate, and two agents. */
const GOOD: readonly RunRecord[] = [
  step({ jti: "a1", seq: 1 }),
  step({ jti: "a2", pred: ["m", "a1"], seq: 2, iat: T + 1 }),
  step({ jti: "a3", pred: ["m", "a1"], seq: 3, iat: T + 1 }),
  step({ jti: "a4", pred: ["m", "a2", "a3"], seq: 5, iat: T + 2 }),
  step({
    jti: "b1",
    pred: ["n", "m", "a4"],
    foreign: ["m", "a4"],
    mandate: "n",
    iss: "agent:ada",
    ...bob(1),
  }),
  step({ jti: "b2", pred: ["n", "b1"], mandate: "n", iss: "agent:ada", ...bob(2) }),
  step({ jti: "a5", pred: ["m2", "m", "a4"], mandate: "m2", seq: 8, iat: T + 3 }),
];

function bob(seq: number) {
  return { principal: "agent:bob", seq, iat: T + 10 };
}

const GOOD_RECORD = bare({ jti: "", seq: 9, mandate: "m2", record: recordOf("m", ["a4", "m"], T + 5) });

describe("a run as it should be", () => {
  test("is well-formed, in whatever order its decisions are read", () => {
    const random = randomOf(1);
    for (let i = 0; i < 50; i++) {
      const run = judge(random.shuffle([...GOOD, GOOD_RECORD]));
      expect(run.faults).toEqual([]);
      expect(run.wellFormed).toBe(true);
      expect(run.mandates.map(({ jti }) => jti).sort()).toEqual(["m", "m2", "n"]);
      expect(run.records.map(({ jti }) => jti)).toEqual(["m"]);
      expect(run.foreign).toEqual([]);
    }
  });

  test("needs no step", () => {
    expect(judge([])).toEqual({ mandates: [], records: [], foreign: [], wellFormed: true, faults: [] });
    expect(judge([bare({ jti: "", seq: 1 })]).mandates).toEqual([
      { iss: ISS, jti: "m", digest: "digest of m", iat: T, exp: T + 900 },
    ]);
  });

  test("a replay, and a step whose parents nobody knows, are no steps of it", () => {
    const denied = [
      step({ jti: "a1", joined: false, reason: "replay.ect", seq: 20 }),
      step({ jti: "x", pred: ["m", "nowhere"], joined: false, reason: "run.pred_unknown", seq: 21 }),
      step({ jti: "y", digest: "other", joined: false, reason: "run.mandate_changed", seq: 22 }),
    ];
    expect(judge([...GOOD, ...denied]).faults).toEqual([]);
  });
});

describe("names the fault", () => {
  const broken = (...records: readonly RunRecord[]) => faultsOf(judge([...GOOD, ...records]));
  const at = (seconds: number, changes: Partial<Made> = {}) =>
    step({ jti: "late", seq: 9, iat: T + seconds, ...changes });

  test.each<[string, readonly RunRecord[], readonly unknown[]]>([
    ["a parent that nobody knows", [at(9, { pred: ["m", "x"] })], ["parent_unknown", "late", "x"]],
    ["a mandate of another issuer", [at(9, { pred: ["m", "n"] })], ["parent_unknown", "late", "n"]],
    [
      "a parent that was issued later",
      [at(2 - CLOCK_SKEW - 1, { pred: ["m", "a4"] })],
      ["parent_later", "late", "a4"],
    ],
    ["a mandate that was issued later", [at(-2 * CLOCK_SKEW - 1)], ["parent_later", "late", "m"]],
    [
      "a parent that was denied",
      [
        at(3, { reason: "policy.agent_suspended" }),
        step({ jti: "z", pred: ["m", "late"], iat: T + 4, seq: 10 }),
      ],
      ["parent_denied", "z", "late"],
    ],
    [
      "a parent of too low a level",
      [at(3, { level: 1 }), step({ jti: "z", pred: ["m", "late"], iat: T + 4, seq: 10 })],
      ["parent_level", "z", "late"],
    ],
    ["a step that follows itself", [at(9, { pred: ["m", "late"] })], ["cycle", "late", "late"]],
    [
      "a step that follows one that was written down after it",
      [at(9, { pred: ["m", "z"] }), step({ jti: "z", iat: T + 9, seq: 10 })],
      ["cycle", "late", "z"],
    ],
    ["two steps of one name", [step({ jti: "a2", seq: 12 })], ["jti_repeated", "a2", null]],
    [
      "two steps of one name, of two agents",
      [step({ jti: "a2", mandate: "n", pred: ["n"], iss: "agent:ada", ...bob(3) })],
      ["jti_repeated", "a2", null],
    ],
    ["a step with the name of a mandate", [step({ jti: "m2", seq: 12 })], ["jti_repeated", "m2", null]],
    [
      "two mandates of one name",
      [step({ jti: "z", mandate: "m2", iss: "agent:ada", pred: ["m2"], ...bob(4) })],
      ["jti_repeated", "m2", null],
    ],
    ["a mandate that changed", [at(9, { digest: "other" })], ["mandate_changed", "m", null]],
    [
      "a record that names a step that is not there",
      [bare({ jti: "", seq: 20, record: recordOf("m", ["x"]) })],
      ["record_step_unknown", "m", "x"],
    ],
    [
      "a record from before its steps",
      [bare({ jti: "", seq: 20, record: recordOf("m", ["a4"], T + 2 - CLOCK_SKEW - 1) })],
      ["record_too_early", "m", "a4"],
    ],
    [
      "two records of one mandate",
      [1, 2].map((seq) => bare({ jti: `${seq}`, seq: 20 + seq, record: recordOf("m") })),
      ["record_repeated", "m", null],
    ],
  ])("%s", (_, records, fault) => {
    const found = broken(...records);
    expect(found).toContainEqual(fault);
    expect(found).toHaveLength(1);
    expect(judge([...GOOD, ...records].reverse()).wellFormed).toBe(false);
  });

  test("a cycle through the chains of two ledgers, each of which is in order", () => {
    const records = [
      step({ jti: "p", pred: ["m", "q"], iat: T + 10, seq: 20 }),
      step({ jti: "q", pred: ["n", "p"], foreign: ["p"], mandate: "n", iss: "agent:ada", ...bob(20) }),
    ];
    expect(broken(...records).map(([fault]) => fault)).toContain("cycle");
    // Through steps that only stand between them in a chain: nobody can have seen what was not yet written.
    const apart = [
      step({ jti: "p", pred: ["m", "q"], iat: T + 10, seq: 20 }),
      step({ jti: "p2", iat: T + 10, seq: 21 }),
      step({ jti: "q0", pred: ["n", "p2"], mandate: "n", iss: "agent:ada", ...bob(20) }),
      step({ jti: "q", pred: ["n"], mandate: "n", iss: "agent:ada", ...bob(21) }),
    ];
    expect(broken(...apart)).toEqual([
      ["cycle", "p", "q"],
      ["cycle", "q0", "p2"],
    ]);
  });

  test("within the skew nothing is later", () => {
    expect(broken(at(2 - CLOCK_SKEW, { pred: ["m", "a4"] }))).toEqual([]);
    expect(broken(at(-2 * CLOCK_SKEW))).toEqual([]);
  });

  test("what another document asked of parents is not known", () => {
    const denied = at(3, { reason: "policy.agent_suspended" });
    const child = step({ jti: "z", pred: ["m", "late"], iat: T + 4, seq: 10, revision: "earlier" });
    expect(broken(denied, child)).toEqual([]);
  });

  test("where the tenant takes denied parents, one is no fault", () => {
    const denied = at(3, { reason: "policy.agent_suspended" });
    const child = step({ jti: "z", pred: ["m", "late"], iat: T + 4, seq: 10 });
    const asks = { revision: REVISION, level: 2, denied: true } as const;
    expect(judge([...GOOD, denied, child], { asks }).faults).toEqual([]);
  });

  test("not all of very many", () => {
    const many = Array.from({ length: MAX_RUN_FAULTS + 5 }, (_, i) =>
      step({ jti: `x${i}`, pred: ["nowhere"], seq: 100 + i }),
    );
    expect(judge(many).faults).toHaveLength(MAX_RUN_FAULTS);
  });
});

describe("what an agent sees of a run that it shares", () => {
  const asBob = { shows: (principal: string) => principal === "agent:bob" };

  test("its own mandates, and which parents are others'", () => {
    const run = judge([...GOOD, GOOD_RECORD], asBob);
    expect(run.mandates.map(({ jti }) => jti)).toEqual(["n"]);
    expect(run.records).toEqual([]);
    expect([...run.foreign].sort()).toEqual(["a4", "m"]);
    expect(run.wellFormed).toBe(true);
  });

  test("that something is wrong with others, but not what", () => {
    const run = judge([...GOOD, step({ jti: "secret", pred: ["hidden"], seq: 9 })], asBob);
    expect(run.wellFormed).toBe(false);
    expect(run.faults).toEqual([]);
    expect(JSON.stringify(run)).not.toMatch(/secret|hidden/);
  });

  test("parents that are in no row of the run, but confirmed by their agents' ledgers", () => {
    const child = step({ jti: "c", pred: ["m", "elsewhere"], foreign: ["elsewhere"], seq: 1 });
    const run = judge([child]);
    expect([run.wellFormed, run.foreign]).toEqual([true, ["elsewhere"]]);
  });
});

test("the cost is that of the steps: a chain, a fan and two agents by turns, of 100,000 steps in all", () => {
  const size = 33_333;
  const chain = Array.from({ length: size }, (_, i) =>
    step({ jti: `c${i}`, pred: i === 0 ? ["m"] : ["m", `c${i - 1}`], seq: 10 + i, iat: T + i }),
  );
  const fan = Array.from({ length: size }, (_, i) =>
    step({ jti: `f${i}`, pred: ["m", "c5"], seq: 10 + size + i, iat: T + 5 }),
  );
  const turns = Array.from({ length: size }, (_, i) =>
    step({
      jti: `t${i}`,
      pred: i === 0 ? ["m"] : ["m", `t${i - 1}`],
      seq: i,
      iat: T + i,
      chain: i % 2 === 0 ? "even" : "odd",
    }),
  );
  const run = judge([...turns.toReversed(), ...fan, ...chain.toReversed()]);
  expect(run.wellFormed).toBe(true);
});
