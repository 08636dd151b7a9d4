/** What no directory signs, though the signatures are right: a verifier believes no signature more than what it can compute. */

import { describe, expect, test } from "vitest";
import type { Head } from "../../../src/audit/checkpoint.ts";
import { EXPORT_TYPE, type ExportClaims } from "../../../src/audit/export/format.ts";
import type { AuditRecord } from "../../../src/audit/record.ts";
import { signStatement } from "../../../src/audit/signing-keys.ts";
import {
  type Changes,
  chainOf,
  checkpoint,
  exported,
  judge,
  type Log,
  linesOf,
  makeLog,
  planOf,
  START,
  STEP,
} from "./log.ts";

const fresh = () => makeLog({ records: 60, chains: 3, every: 20 });

describe("a checkpoint", () => {
  /** What is said of a log whose last checkpoint is such a lie, with the ones before it and without. */
  async function said(lie: Changes["lie"]) {
    const log = await fresh();
    await checkpoint(log, START + 100 * STEP, { lie: lie ?? {} });
    return exported(log);
  }
  const first = (change: (head: Head) => Head) => (heads: Head[]) =>
    heads.map((head, i) => (i === 0 ? change(head) : head));

  test("over another number of heads than it says", async () =>
    expect(await said({ claims: { size: 4 } })).toBe("6 -: checkpoint 5: it is over 4 heads, not 3"));

  test("with heads out of order, or one chain twice", async () => {
    const problem = "the heads are not in the order of their chains";
    expect(await said({ heads: (heads) => heads.toReversed() })).toContain(problem);
    expect(await said({ heads: (heads) => heads.flatMap((head) => [head, head]) })).toContain(problem);
  });

  test("whose chains begin where they cannot", async () => {
    expect(await said({ heads: first((head) => ({ ...head, start: 0 })) })).toContain(
      "begins behind its end",
    );
    expect(await said({ heads: first((head) => ({ ...head, start: head.seq + 2 })) })).toContain(
      "begins behind its end",
    );
    expect(await said({ heads: first((head) => ({ ...head, start_prev: head.hash })) })).toContain(
      "it contradicts itself or an earlier one",
    );
  });

  test("whose chain has another hash where it was before", async () => {
    expect(await said({ heads: first((head) => ({ ...head, hash: head.start_prev })) })).toMatch(
      /0\.\d+: checkpoint 5: it contradicts itself or an earlier one/,
    );
    expect(
      await said({ heads: first((head) => ({ ...head, start: head.seq + 1, start_prev: head.start_prev })) }),
    ).toMatch(/0\.\d+: checkpoint 5: it contradicts itself or an earlier one/);
  });

  test("the first one, with a chain that does not begin with nothing", async () => {
    for (const change of [
      (head: Head) => ({ ...head, start_prev: head.hash }),
      (head: Head) => ({ ...head, seq: 0, start: 1 }),
    ]) {
      const log = await makeLog({ records: 5, chains: 1, every: 9 });
      log.checkpoints.pop();
      await checkpoint(log, START + 100 * STEP, { lie: { heads: first(change) } });
      expect(await exported(log)).toContain("0.0: checkpoint 1: it contradicts itself or an earlier one");
    }
  });

  test("that takes back what retention has deleted", async () => {
    const log = await fresh();
    const [record] = chainOf(log);
    await checkpoint(log, START + 100 * STEP, { starts: new Map([[record?.chain ?? "", 5]]) });
    await checkpoint(log, START + 200 * STEP, { starts: new Map([[record?.chain ?? "", 4]]) });
    expect(await exported(log)).toContain("checkpoint 6: it begins earlier than before");
  });
});

describe("a first line", () => {
  const begun = async (log: Log, changes: Partial<ExportClaims>, lines?: readonly string[]) => {
    const { claims } = await planOf(log);
    const jws = await signStatement(log.keys.signing, EXPORT_TYPE, { ...claims, ...changes });
    return judge(log, [JSON.stringify({ kind: "export", jws }), ...(lines ?? (await linesOf(log))).slice(1)]);
  };

  test("of another form", async () => {
    const log = await fresh();
    const { claims } = await planOf(log);
    const { latest } = claims;
    const other = { ...latest, digest: claims.latest.digest.replace(/^./, (c) => (c === "A" ? "B" : "A")) };
    for (const changes of [
      { time: 8_640_000_000_000_001 },
      { from: 8_640_000_000_000_001 },
      { from: 1, base: 5 },
      { to: 1, last: { ...latest, number: 5 } },
      { last: { ...latest, number: 3 } },
      { last: other },
      { retained: 0 },
      { set_aside: -1 },
      { unknown: [{ chain: "c", seq: 0 }] },
      { unknown: [{ chain: "c", seq: 1, more: 1 }] as never },
    ] satisfies Partial<ExportClaims>[])
      expect([changes, await begun(log, changes)]).toEqual([
        changes,
        "1 -: what says what the export is of has another form",
      ]);
  });

  test("that says other checkpoints are kept than the latest one does", async () => {
    const log = await fresh();
    await checkpoint(log, START + 100 * STEP, { retained: 5 });
    const heads = log.checkpoints[3]?.heads;
    const lines = (await linesOf(log)).map((line, i) =>
      i === 4 ? line.replace("null", JSON.stringify(heads)) : line,
    );
    expect(await begun(log, { retained: 4 }, lines)).toBe(
      "6 -: checkpoint 5 and the first line contradict each other",
    );
  });

  test("whose base is not kept any more", async () => {
    const log = await makeLog({ records: 60, chains: 3, every: 20, step: 10_000 });
    await checkpoint(log, START + 1_000_000, { retained: 4 });
    const from = (log.checkpoints[1]?.claims.time ?? 0) + 60_000;
    expect(await exported(log, { base: 2, from })).toContain(
      "heads of the checkpoints that the export is between",
    );
    await checkpoint(log, START + 2_000_000, { retained: 6 });
    expect(await exported(log, { last: 4, to: 1 })).toContain(
      "heads of the checkpoints that the export is between",
    );
  });
});

describe("the place of what is missing, or too much, is named:", () => {
  const at = (lines: readonly string[], text: string) => lines.findIndex((line) => line.includes(text));

  test("a checkpoint", async () => {
    const log = await fresh();
    const lines = await linesOf(log);
    expect(await judge(log, lines.toSpliced(2, 1))).toBe(
      "3 -: checkpoint 2 is missing here, or out of its place",
    );
    expect(await judge(log, lines.toSpliced(4, 1))).toBe("5 -: checkpoint 4 is missing here");
    expect(await judge(log, lines.toSpliced(5, 0, lines[4] ?? ""))).toBe(
      "6 -: checkpoint 4 does not belong here",
    );
    expect(await judge(log, lines.toSpliced(9, 0, lines[4] ?? ""))).toContain(
      "10 -: it does not belong behind",
    );
    expect(await judge(log, lines.slice(1))).toBe("1 -: it should say what the export is of");
  });

  test("records", async () => {
    const log = await fresh();
    const lines = await linesOf(log);
    const record = at(lines, '"seq":3,"');
    const all = (n: number) => chainOf(log, n).length;
    expect(await judge(log, lines.toSpliced(record, 0, lines[record] ?? ""))).toBe(
      `${record + 2} 0.3: there are two lines for its place`,
    );
    expect(await judge(log, lines.toSpliced(record, 2))).toBe(
      `${record + 1} 0.3: it is missing here, as is all of its chain up to record 4`,
    );
    expect(await judge(log, lines.toSpliced(record + 1, 0, lines[record - 1] ?? ""))).toContain(
      `${record + 2} 0.2: it is out of its place`,
    );
    // Tails, of the last chain and of another one.
    const end = lines.length - 1;
    expect(await judge(log, lines.toSpliced(end - 2, 2))).toBe(
      `${end - 1} 2.${all(2) - 1}: it is missing here, as is all of its chain up to record ${all(2)}`,
    );
    const second = lines.findLastIndex((line) => line.includes(`"chain":"${chainOf(log)[0]?.chain}"`));
    expect(await judge(log, lines.toSpliced(second, 1))).toBe(
      `${second + 1} 0.${all(0)}: it is missing here, as is all of its chain up to record ${all(0)}`,
    );
    expect(
      await judge(
        log,
        lines.filter((line) => !line.includes('"kind":"record"')),
      ),
    ).toContain(`0.1: it is missing here, as is all of its chain up to record ${all(0)}`);
  });

  test("a hash that does not follow", async () => {
    const log = await fresh();
    const lines = await linesOf(log);
    const record = at(lines, '"seq":3,"');
    const { hash } = (JSON.parse(lines[record] ?? "") as { record: AuditRecord }).record;
    const changed = lines.map((line, i) =>
      i === record ? line.replace(`"hash":"${hash}"`, `"hash":"${"A".repeat(43)}"`) : line,
    );
    expect(await judge(log, changed)).toBe(
      `${record + 1} 0.3: its hash does not follow from its digest and the hash before it`,
    );
  });

  test("a fork of one record is none", async () => {
    const log = await fresh();
    const lines = await linesOf(log);
    const record = at(lines, '"seq":3,"');
    const { record: only } = JSON.parse(lines[record] ?? "") as { record: AuditRecord };
    for (const records of [[], [only]])
      expect(await judge(log, lines.with(record, JSON.stringify({ kind: "fork", records })))).toBe(
        `${record + 1} -: its member records is missing, malformed or unknown`,
      );
  });
});
