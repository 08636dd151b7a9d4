import { describe, expect, test } from "vitest";
import { CHECKPOINT_TYPE } from "../../../src/audit/checkpoint.ts";
import { EXPORT_TYPE, type Line } from "../../../src/audit/export/format.ts";
import type { Finding, Report } from "../../../src/audit/export/report.ts";
import { spansOf } from "../../../src/audit/export/spans.ts";
import { signLater } from "../../../src/audit/receipts/decision-receipt.ts";
import type { AuditRecord } from "../../../src/audit/record.ts";
import { signStatement } from "../../../src/audit/signing-keys.ts";
import {
  append,
  chained,
  chainOf,
  checkpoint,
  exported,
  ISSUER,
  judge,
  linesOf,
  makeLog,
  meansFor,
  planOf,
  START,
  STEP,
  sourceOf,
  verify,
} from "./log.ts";

const SIZES = { records: 120, chains: 4, every: 20 };
const MINUTE = 60_000;

const fresh = () => makeLog(SIZES);

describe("a good export", () => {
  test("all of the log is proven, and counted", async () => {
    const log = await fresh();
    const report = await exported(log);
    const records = [...log.chains.values()].flat();
    const of = (kind: string) => records.filter((record) => record.kind === kind).length;
    expect(report).toMatchObject({
      counts: {
        checkpoints: 7,
        chains: 4,
        records: 120,
        decisions: of("decision"),
        outcomes: of("outcome"),
        setAside: 0,
        executions: records.flatMap(({ execution }) => execution ?? []).length,
      },
      findings: [],
    });
    expect(of("outcome")).toBeGreaterThan(20);
  });

  test("an empty log", async () => {
    const log = await makeLog({ records: 0, chains: 0, every: 1 });
    expect(await exported(log)).toMatchObject({ counts: { checkpoints: 1, chains: 0, records: 0 } });
  });

  test("a part between two checkpoints, proven by a later one", async () => {
    const log = await makeLog({ records: 400, chains: 4, every: 80 });
    const [base, last] = [log.checkpoints[0], log.checkpoints[2]];
    const range = {
      base: 1,
      last: 3,
      from: (base?.claims.time ?? 0) + MINUTE,
      to: (last?.claims.time ?? 0) - MINUTE,
    };
    const lines = await linesOf(log, range);
    expect(await judge(log, lines)).toMatchObject({ counts: { checkpoints: 4, records: 160 } });
    expect(lines.filter((line) => line.includes('"kind":"checkpoint"'))).toHaveLength(4);
  });

  test("a chain that begins within the part, and one that does not grow in it", async () => {
    const log = await makeLog({ records: 10, chains: 1, every: 10 });
    const [old] = log.chains.keys();
    log.chains.set("new", []);
    const content = {
      ...chainOf(log)[0],
      id: "n",
      decision: "n",
      execution: null,
      kind: "decision",
      verdict: "denied",
    };
    await append(log, "new", content as AuditRecord, START + 200 * STEP);
    await checkpoint(log, START + 300 * STEP);
    const range = { base: 2, from: START + 100 * STEP };
    const report = await exported(log, range);
    expect(report).toMatchObject({ counts: { chains: 1, records: 1 } });
    expect(old).not.toBe("new");
  });

  test("records that retention has deleted are not missed, but those after them are", async () => {
    const log = await fresh();
    const starts = new Map([...log.chains].map(([chain, records]) => [chain, records.length - 3]));
    await checkpoint(log, START + 500 * STEP, { starts, retained: 8 });
    const lines = await linesOf(log);
    expect(await judge(log, lines)).toMatchObject({ counts: { checkpoints: 8, records: 16 } });
    const first = lines.findIndex((line) => line.includes('"kind":"record"'));
    expect(await judge(log, lines.toSpliced(first, 1))).toMatch(/^\d+ 0\.\d+: it is missing here/);
    // Heads that are said not to be kept have no business here, and the others must be here.
    const older = lines.map((line) => line.replace('"heads":null', `"heads":[]`));
    expect(await judge(log, older)).toContain("has heads, which are not kept");
  });
});

test("a range that ends in the future ends with the latest checkpoint", async () => {
  const log = await fresh();
  expect(await exported(log, { to: START + 10_000 * STEP })).toMatchObject({ counts: { records: 120 } });
});

test("of a range of which retention has left nothing, that is said", async () => {
  const log = await makeLog({ records: 60, chains: 2, every: 15, step: 10_000 });
  const [first, second] = log.checkpoints;
  const seqs = (heads: readonly { seq: number }[] = []) => heads.reduce((sum, { seq }) => sum + seq, 0);
  const starts = new Map([...log.chains].map(([chain, records]) => [chain, records.length]));
  await checkpoint(log, START + 1_000_000, { starts });
  const range = {
    base: 1,
    last: 2,
    from: (first?.claims.time ?? 0) + MINUTE,
    to: (second?.claims.time ?? 0) - MINUTE,
  };
  expect(await exported(log, range)).toMatchObject({
    counts: { chains: 0, records: 0, expired: seqs(second?.heads) - seqs(first?.heads) },
  });
});

describe("what the log says of itself", () => {
  const findings = (report: Report | string): readonly Finding[] | string =>
    typeof report === "string" ? report : report.findings;

  test("lost, forked and unreachable chains are named once", async () => {
    const log = await fresh();
    const [a = "", b = "", c = ""] = [...log.chains.keys()].sort();
    const faults = [
      { chain: a, fault: "lost" },
      { chain: b, fault: "forked" },
      { chain: c, fault: "unreachable" },
    ] as const;
    await checkpoint(log, START + 500 * STEP, { faults });
    await checkpoint(log, START + 600 * STEP, { faults: faults.slice(0, 2) });
    expect(findings(await exported(log))).toEqual([
      { kind: "lost", chain: a, checkpoint: 8 },
      { kind: "forked", chain: b, checkpoint: 8 },
      { kind: "unreachable", chain: c, checkpoint: 8 },
    ]);
  });

  test("the last records of a lost chain may be gone, which is said; of another one they may not", async () => {
    const log = await fresh();
    const [chain = ""] = [...log.chains.keys()].sort();
    const records = chainOf(log);
    const all = records.length;
    await checkpoint(log, START + 500 * STEP, { faults: [{ chain, fault: "lost" }] });
    const plan = await planOf(log);
    const lines = await linesOf(log);
    const cut = lines.filter((line) => !(line.includes(`"chain":"${chain}"`) && seqOf(line) > all - 2));
    expect(spansOf(plan)[0]?.to).toBe(all);
    expect(findings(await judge(log, cut))).toEqual([
      { kind: "lost", chain, checkpoint: 8 },
      { kind: "gone", chain, from: all - 1, to: all },
    ]);
    // What is lost of one chain is no excuse for another.
    const [other] = chainOf(log, 1).slice(-1);
    const both = cut.filter(
      (line) => !line.includes(`"hash":"${other?.hash}"`) || line.includes('"checkpoint"'),
    );
    expect(await judge(log, both)).toContain(`1.${other?.seq}: it is missing here`);
    // In the middle nothing can be lost.
    const holed = lines.filter((line) => !(line.includes(`"chain":"${chain}"`) && seqOf(line) === all - 2));
    expect(await judge(log, holed)).toContain("it is missing here");
    // Receipts for what is there say nothing about what is not.
    const elsewhere = [1, 2, 3].flatMap((n) => chainOf(log, n)).filter(({ seq }) => seq >= all - 1);
    const there = [records, elsewhere].map((of) => of.find(({ kind }) => kind === "decision"));
    const others = await Promise.all(
      there.map((one) => signLater(ISSUER, one as AuditRecord, null, log.keys)),
    );
    expect(await judge(log, cut, await meansFor(log.keys, others))).toMatchObject({ findings: [{}, {}] });
    // Nor what somebody has a receipt for.
    const held = records.findLast(({ kind }) => kind === "decision");
    const receipt = await signLater(ISSUER, held as AuditRecord, null, log.keys);
    const without = lines.filter(
      (line) => !(line.includes(`"chain":"${chain}"`) && seqOf(line) >= (held?.seq ?? 0)),
    );
    expect(await judge(log, without, await meansFor(log.keys, [receipt]))).toContain("it is missing here");
  });

  test("records in D1 that no ledger wrote are named", async () => {
    const log = await fresh();
    const unknown = [{ chain: "forged", seq: 3 }];
    expect(findings(await exported(log, { unknown }))).toEqual([
      { kind: "unknown", chain: "forged", seq: 3 },
    ]);
  });

  test("a record that was set aside takes its place; hiding that shows", async () => {
    const log = await fresh();
    const record = chainOf(log, 1)[4] as AuditRecord;
    const setAside = [{ chain: record.chain, seq: record.seq, hash: record.hash }];
    const source = sourceOf(log, new Map([[record.hash, record]]));
    const lines = await linesOf(log, { setAside }, null, source);
    expect(lines.filter((line) => line.startsWith('{"kind":"set_aside"'))).toHaveLength(1);
    expect(await judge(log, lines)).toMatchObject({ counts: { setAside: 1, records: 120 } });
    const hidden = lines.map((line) => line.replace('"kind":"set_aside"', '"kind":"record"'));
    expect(await judge(log, hidden)).toContain("1 records were set aside, and 0 of them are here");
  });

  test("two records at one place are a fork, and taking one of them out shows", async () => {
    const log = await fresh();
    const record = chainOf(log, 1)[4] as AuditRecord;
    const rival = await chained({ ...record, reason: "replay.ect" }, record.prev_hash);
    const setAside = [{ chain: rival.chain, seq: rival.seq, hash: rival.hash }];
    const source: ReturnType<typeof sourceOf> = {
      ...sourceOf(log),
      async *setAside([place]) {
        if (place !== undefined) yield { ...place, record: rival };
      },
    };
    const lines = await linesOf(log, { setAside }, null, source);
    expect(await judge(log, lines)).toContain(`1.5: the chain forks: ${record.hash} and ${rival.hash}`);
    const pruned = lines.map((line) => {
      const read = JSON.parse(line) as Line;
      return read.kind === "fork" ? JSON.stringify({ kind: "record", record: read.records[0] }) : line;
    });
    expect(await judge(log, pruned)).toContain("1 records were set aside, and 0 of them are here");
  });
});

const seqOf = (line: string): number => {
  const read = JSON.parse(line) as Line;
  return read.kind === "record" ? read.record.seq : 0;
};

describe("whoever signs is held to what was signed before", () => {
  test("a chain that was written anew, under a new last checkpoint, contradicts the earlier ones", async () => {
    const log = await fresh();
    const records = chainOf(log);
    let hash = records[0]?.prev_hash ?? "";
    for (const [i, record] of records.entries()) {
      records[i] = await chained({ ...record, tool: "harmless", execution: null }, hash);
      hash = records[i]?.hash ?? "";
    }
    await checkpoint(log, START + 500 * STEP);
    expect(await exported(log)).toMatch(
      /checkpoint 8: it contradicts itself or an earlier one|another record is at this place/,
    );
  });

  test("a chain that was cut, or left out, under a new last checkpoint", async () => {
    const cut = await fresh();
    chainOf(cut).splice(-2);
    await checkpoint(cut, START + 500 * STEP);
    expect(await exported(cut)).toContain("checkpoint 8: the chain is shorter than before");

    const dropped = await fresh();
    dropped.chains.delete(chainOf(dropped)[0]?.chain ?? "");
    await checkpoint(dropped, START + 500 * STEP);
    expect(await exported(dropped)).toContain("checkpoint 8: a chain that was there before is not there");
  });

  test("a checkpoint that somebody holds must be in the export: an older one is not passed for a newer", async () => {
    const log = await fresh();
    const older = await linesOf(log);
    await checkpoint(log, START + 500 * STEP);
    const held = await meansFor(log.keys, [], [log.checkpoints[7]?.jws ?? "", log.checkpoints[3]?.jws ?? ""]);
    expect(await judge(log, await linesOf(log), held)).toMatchObject({ counts: { checkpoints: 8 } });
    expect(await judge(log, older, held)).toContain(
      "checkpoint 8, which somebody holds, is not in the export",
    );

    const { claims } =
      log.checkpoints[3] ??
      (() => {
        throw new Error();
      })();
    const other = await signStatement(log.keys.signing, CHECKPOINT_TYPE, {
      ...claims,
      time: claims.time + 1,
    });
    const forked = await meansFor(log.keys, [], [other]);
    expect(await judge(log, older, forked)).toContain("checkpoint 4 is not the one that somebody else holds");
  });

  test("the first line is of this log, and no other statement passes for it", async () => {
    const log = await fresh();
    const lines = await linesOf(log);
    const { claims } = await planOf(log);
    const begun = async (typ: string, changes: object) =>
      judge(log, [
        JSON.stringify({
          kind: "export",
          jws: await signStatement(log.keys.signing, typ, { ...claims, ...changes }),
        }),
        ...lines.slice(1),
      ]);
    expect(await begun(EXPORT_TYPE, {})).toMatchObject({ findings: [] });
    expect(await begun(CHECKPOINT_TYPE, {})).toContain("not signed by these keys (type)");
    expect(await begun(EXPORT_TYPE, { tenant: "other" })).toContain("checkpoint 1 is another tenant's");
    expect(await begun(EXPORT_TYPE, { iss: "https://other.example/mcp" })).toContain("contradict each other");
    expect(await begun(EXPORT_TYPE, { retained: 2 })).toContain("has heads, which are not kept");
    expect(await begun(EXPORT_TYPE, { v: 2 })).toContain("has another form");
    expect(await begun(EXPORT_TYPE, { more: 1 })).toContain("has another form");
    expect(await begun(EXPORT_TYPE, { base: 1 })).toContain("has another form");
    expect(await begun(EXPORT_TYPE, { from: 5, to: 5 })).toContain("has another form");
    expect(await begun(EXPORT_TYPE, { last: { ...claims.last, number: 6 } })).toContain("has another form");
  });

  test("a part must reach beyond the times that were asked for", async () => {
    const log = await makeLog({ records: 400, chains: 4, every: 80 });
    const [base = 0, last = 0] = [1, 3].map((n) => log.checkpoints[n - 1]?.claims.time);
    const judged = (from: number, to: number) => exported(log, { base: 1, last: 3, from, to });
    expect(await judged(base + MINUTE, last - MINUTE)).toMatchObject({ findings: [] });
    expect(await judged(base + MINUTE - 1, last - MINUTE)).toContain(
      "is too late for an export to begin with it",
    );
    expect(await judged(base + MINUTE, last - MINUTE + 1)).toContain(
      "is too early for an export to end with it",
    );
  });
});

describe("going on with an export that broke off", () => {
  test("behind every line, the rest is the same", async () => {
    const log = await fresh();
    const record = chainOf(log, 2)[3] as AuditRecord;
    const range = { setAside: [{ chain: record.chain, seq: record.seq, hash: record.hash }] };
    const source = sourceOf(log, new Map([[record.hash, record]]));
    const lines = await linesOf(log, range, null, source);
    for (const [i, text] of lines.entries()) {
      const line = JSON.parse(text) as Line;
      if (line.kind === "export" || line.kind === "end" || line.kind === "fork") continue;
      const after = line.kind === "checkpoint" ? i : { chain: line.record.chain, seq: line.record.seq };
      expect(await linesOf(log, range, after, source)).toEqual(lines.slice(i + 1));
    }
  });
});

test("lines are strict JSON, in UTF-8, with line feeds, and nothing else", async () => {
  const log = await fresh();
  const lines = await linesOf(log);
  const spoiled = async (i: number, change: (line: string) => string) =>
    judge(
      log,
      lines.map((line, j) => (j === i ? change(line) : line)),
    );
  expect(await spoiled(20, (line) => line.replace('"v":3', '"v":3,"v":3'))).toBe(
    "21 -: it is not strict JSON (duplicate_key)",
  );
  expect(await spoiled(20, () => "")).toContain("not strict JSON");
  expect(await spoiled(20, () => "[]")).toContain("not an object");
  expect(await spoiled(20, () => '{"kind":"toString"}')).toContain("its kind is none");
  expect(await spoiled(20, (line) => line.replace('"record"', '"end"'))).toContain("its member");
  expect(await spoiled(20, (line) => `${line.slice(0, 100)}\n${line.slice(100)}`)).toContain(
    "21 -: it is not strict JSON",
  );
  expect(await verify([], log.means)).toMatchObject({
    error: { line: null, problem: expect.stringContaining("no end") },
  });
});
