/** Reading a run from D1: every decision once, in order, whatever the pages. */

import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, test } from "vitest";
import { insertRecords } from "../../src/audit/d1.ts";
import { type AuditRecord, GENESIS } from "../../src/audit/record.ts";
import { newRunGraph } from "../../src/audit/run-graph.ts";
import {
  isInRun,
  type RunDecision,
  readRecordsBeside,
  readSection,
  readSetAside,
  SECTIONS,
  type Section,
} from "../../src/audit/run-rows.ts";
import { RUN_PAGE } from "../../src/limits.ts";
import { facts, T } from "../ledger/helpers.ts";
import { unwrap } from "../support/acme.ts";
import { randomOf } from "../support/random.ts";

const NAME = { tenant: "acme", run: '["wid","https://issuer.example","big"]' };
const STEPS = 2 * RUN_PAGE + 1;

const hashOf = (text: string) => text.padEnd(43, "_");

function row(id: string, seq: number, changes: Partial<AuditRecord> = {}): AuditRecord {
  return {
    ...facts({ tenant: NAME.tenant, mandate: '["https://issuer.example","m"]' }),
    v: 2,
    id,
    kind: "decision",
    decision: id,
    chain: "chain",
    seq,
    time: T * 1000,
    verdict: "admitted",
    reason: null,
    status: null,
    run: NAME.run,
    evidence: {
      mandate: { digest: "d", iat: T, exp: T + 900 },
      ect: {
        jti: `jti of ${id}`,
        iat: T,
        level: 2,
        pred: seq === 1 ? ["m"] : ["m", `jti of ${idOf(seq - 1)}`],
        foreign: [],
        joined: true,
      },
      attestation: null,
      record: null,
    },
    execution: null,
    output_hash: null,
    latency_ms: null,
    digest: hashOf(`digest ${id}`),
    prev_hash: GENESIS,
    hash: hashOf(id),
    ...changes,
  };
}

/** Ids are random in life: they are in another order than the numbers. */
const order = randomOf(7).shuffle(Array.from({ length: STEPS + 1 }, (_, i) => i));
const idOf = (seq: number): string => `${order[seq]}`.padStart(22, "0");

const without = (evidence: AuditRecord["evidence"], changes: object): AuditRecord["evidence"] =>
  evidence && { ...evidence, ...changes };

beforeAll(async () => {
  // Many share a millisecond, so that pages end among them.
  const steps = Array.from({ length: STEPS }, (_, i) =>
    row(idOf(i + 1), i + 1, { time: T * 1000 + Math.floor(i / 700) }),
  );
  const plain = row("x", 0).evidence;
  const more = [
    row("outcome", STEPS + 1, {
      id: `${idOf(1)}.outcome`,
      kind: "outcome",
      decision: idOf(1),
      status: 200,
      latency_ms: 7,
      evidence: null,
    }),
    row("denied", STEPS + 2, {
      verdict: "denied",
      reason: "ect.missing",
      evidence: without(plain, { ect: null }),
    }),
    row("spent", STEPS + 3, {
      verdict: "denied",
      reason: "run.pred_unknown",
      evidence: without(plain, {
        ect: { jti: "s", iat: T, level: 2, pred: ["x"], foreign: [], joined: false },
      }),
    }),
    row("call", STEPS + 4, { evidence: without(plain, { ect: null }) }),
    row("other-tenant", STEPS + 5, { tenant: "other" }),
    row("other-run", STEPS + 6, { run: "other" }),
    row("none", STEPS + 7, { run: null, evidence: null }),
    row("record", STEPS + 8, {
      run: "other",
      evidence: without(plain, {
        ect: null,
        record: {
          iss: "i",
          jti: "m",
          run: NAME.run,
          digest: "d",
          exec_act: "a",
          exec_ts: T,
          status: "s",
          pred: [],
        },
      }),
    }),
  ];
  const texts = [...steps, ...more].map((record) => JSON.stringify(record));
  for (let i = 0; i < texts.length; i += 400)
    expect(await insertRecords(env.AUDIT, texts.slice(i, i + 400))).toEqual([]);
});

async function read(section: Section): Promise<RunDecision[]> {
  const aside = unwrap(await readSetAside(env.AUDIT, NAME));
  const all: RunDecision[] = [];
  for await (const page of readSection(env.AUDIT, NAME, section, aside)) all.push(...page);
  return all;
}

test("each decision is in one section, once", async () => {
  const steps = await read("steps");
  expect(steps.map(({ time }) => time)).toEqual(steps.map(({ time }) => time).sort());
  expect(steps.map(({ seq }) => seq).sort((a, b) => a - b)).toEqual(
    Array.from({ length: STEPS }, (_, i) => i + 1),
  );
  expect((await read("denials")).map(({ decision }) => decision)).toEqual(["denied", "spent"]);
  expect((await read("calls")).map(({ decision }) => decision)).toEqual(["call"]);
  expect(steps.filter(({ outcome }) => outcome !== null)).toEqual([
    expect.objectContaining({
      seq: 1,
      outcome: { status: 200, reason: null, time: T * 1000, latency_ms: 7 },
    }),
  ]);
});

test("a record under a mandate of another run is found, and no other", async () => {
  const beside = await readRecordsBeside(env.AUDIT, NAME);
  expect(beside.map(({ decision }) => decision)).toEqual(["record"]);
});

test("in whatever order steps of one moment come, the run is well-formed", async () => {
  const graph = newRunGraph({
    run: NAME.run,
    shows: () => true,
    asks: { revision: "rev", level: 2, denied: false },
  });
  for (const section of SECTIONS) for (const decision of await read(section)) graph.add(decision);
  for (const decision of await readRecordsBeside(env.AUDIT, NAME)) graph.add(decision);
  expect(graph.judge()).toMatchObject({ wellFormed: true, faults: [], records: [{ jti: "m" }] });
});

test("who is in a run", async () => {
  const isIn = async (principal: string | null, name = NAME) =>
    unwrap(await isInRun(env.AUDIT, name, principal));
  expect([await isIn("agent:scout"), await isIn(null)]).toEqual([true, true]);
  expect([await isIn("agent:other"), await isIn("agent:scout", { ...NAME, tenant: "another" })]).toEqual([
    false,
    false,
  ]);
  expect(await isIn(null, { ...NAME, run: "" })).toBe(false);
});

describe("the database looks up what it reads", () => {
  /** Statements as they are sent. */
  async function plansOf(work: (db: D1Database) => Promise<unknown>): Promise<string[]> {
    const plans: string[] = [];
    const prepare = (query: string) => ({
      bind: (...values: unknown[]) => ({
        all: async () => {
          const plan = await env.AUDIT.prepare(`EXPLAIN QUERY PLAN ${query}`)
            .bind(...values)
            .all<{ detail: string }>();
          plans.push(...plan.results.map(({ detail }) => detail));
          return { results: [] };
        },
      }),
    });
    await work({ prepare } as unknown as D1Database);
    return plans;
  }

  test.each<[string, (db: D1Database) => Promise<unknown>, number]>([
    ["a page", (db) => readSection(db, NAME, "denials", { decisions: [], outcomes: new Map() }).next(), 2],
    ["records beside", (db) => readRecordsBeside(db, NAME), 2],
    ["whether anybody is in it", (db) => isInRun(db, NAME, null), 1],
  ])("%s", async (_, work, steps) => {
    const plans = await plansOf(work);
    expect(plans).toHaveLength(steps);
    for (const plan of plans) expect(plan).toMatch(/^SEARCH .* USING (COVERING )?(INDEX|PRIMARY KEY) /);
  });
});
