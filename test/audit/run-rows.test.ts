/** Reading a run from D1: every decision once, in order, whatever the pages. */

import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, test } from "vitest";
import { insertRecords, setAside } from "../../src/audit/d1.ts";
import { type AuditRecord, GENESIS } from "../../src/audit/record.ts";
import { newRunGraph } from "../../src/audit/run-graph.ts";
import {
  isInRun,
  type RunDecision,
  readRecords,
  readSection,
  readSetAside,
  readSize,
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
    v: 3,
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
      token: null,
      approval: null,
      record: null,
    },
    execution: null,
    output_hash: null,
    delivered_hash: null,
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

/** With a record of the run, and no ECT. */
const handedIn = (jti: string): AuditRecord["evidence"] =>
  without(row("x", 0).evidence, {
    ect: null,
    record: {
      iss: "i",
      jti,
      run: NAME.run,
      digest: "d",
      exec_act: "a",
      exec_ts: T,
      status: "s",
      pred: [1, 2].map((seq) => `jti of ${idOf(seq)}`),
    },
  });

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
    row("record", STEPS + 8, { run: "other", evidence: handedIn("m") }),
    // Of a run that is none of its agent's: there is no such mandate.
    row("forged", STEPS + 9, {
      run: "other",
      verdict: "denied",
      reason: "record.mandate_unknown",
      evidence: handedIn("forged"),
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

test("a record is found whatever run its mandate was handed in under; one that was denied is none", async () => {
  const records = unwrap(await readRecords(env.AUDIT, NAME, unwrap(await readSetAside(env.AUDIT, NAME))));
  expect(records.map(({ decision, jti }) => [decision, jti])).toEqual([["record", "m"]]);
  expect(records[0]).not.toHaveProperty("run");
});

test("how much there is, counted no further than is asked", async () => {
  const size = async (most: number, name = NAME) => unwrap(await readSize(env.AUDIT, name, most));
  const decisions = STEPS + 3;
  // The first step has one parent, the others two; as have the step that was spent and the record.
  expect(await size(decisions)).toEqual({ entries: decisions + 1, parents: 2 * STEPS - 1 + 1 + 2 });
  expect((await size(10)).entries).toBe(11 + 1);
  expect(await size(10, { ...NAME, run: "none" })).toEqual({ entries: 0, parents: 0 });
});

describe("what is set aside", () => {
  const name = { tenant: "aside", run: NAME.run };
  const beside = (id: string, seq: number, changes: Partial<AuditRecord>) => ({
    record: JSON.stringify(row(id, seq, { tenant: name.tenant, ...changes })),
    error: "test",
  });

  test("is what it would be in the log: of another run there are records alone, and none that was denied", async () => {
    const other = "other";
    await setAside(env.AUDIT, [
      beside("aside-step", 1, {}),
      beside("aside-record", 2, { run: other, evidence: handedIn("m") }),
      beside("aside-forged", 3, { run: other, verdict: "denied", evidence: handedIn("forged") }),
      beside("aside-other", 4, { run: other }),
    ]);
    // The columns say another tenant than the record.
    await env.AUDIT.prepare("INSERT INTO audit_set_aside VALUES ('h', ?, 'c', 5, ?, 'test')")
      .bind(name.tenant, JSON.stringify(row("aside-foreign", 5, { tenant: "foreign" })))
      .run();
    const aside = unwrap(await readSetAside(env.AUDIT, name));
    expect(aside.decisions.map(({ decision }) => decision)).toEqual(["aside-step"]);
    expect(aside.records.map(({ jti }) => jti)).toEqual(["m"]);
    for (const section of SECTIONS) {
      const pages: string[] = [];
      for await (const page of readSection(env.AUDIT, name, section, aside))
        pages.push(...page.map(({ decision }) => decision));
      expect(pages).toEqual(section === "steps" ? ["aside-step"] : []);
    }
  });
});

test("in whatever order steps of one moment come, the run is well-formed", async () => {
  const graph = newRunGraph({
    shows: () => true,
    asks: { revision: "rev", level: 2, denied: false },
  });
  const aside = unwrap(await readSetAside(env.AUDIT, NAME));
  for (const record of unwrap(await readRecords(env.AUDIT, NAME, aside))) graph.addRecord(record);
  for (const section of SECTIONS) for (const decision of await read(section)) graph.add(decision);
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

  const NOTHING_ASIDE = { decisions: [], outcomes: new Map(), records: [] };

  test.each<[string, (db: D1Database) => Promise<unknown>, number]>([
    ["a page", (db) => readSection(db, NAME, "denials", NOTHING_ASIDE).next(), 2],
    ["records", (db) => readRecords(db, NAME, NOTHING_ASIDE), 1],
    ["whether anybody is in it", (db) => isInRun(db, NAME, null), 1],
    ["how much there is", (db) => readSize(db, NAME, 1), 2],
  ])("%s", async (_, work, steps) => {
    const reads = (await plansOf(work)).filter((plan) => /^(SEARCH|SCAN) [do] /.test(plan));
    expect(reads).toHaveLength(steps);
    for (const plan of reads) expect(plan).toMatch(/^SEARCH .* USING (COVERING )?(INDEX|PRIMARY KEY) /);
  });
});
