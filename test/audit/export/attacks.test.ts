/** What somebody without a signing key can make of exports that are authentic: by changing them, and by putting them together anew. */

import { describe, expect, test } from "vitest";
import type { Line } from "../../../src/audit/export/format.ts";
import type { Means } from "../../../src/audit/export/means.ts";
import { splitLines } from "../../../src/audit/export/split-lines.ts";
import { verifyExport } from "../../../src/audit/export/verify.ts";
import { fromBase64url, toBase64url, utf8 } from "../../../src/encoding.ts";
import { goodReport, isDetected, statesOf, tamper, tamperWith } from "../../faults/tamper.ts";
import {
  checkpoint,
  type Log,
  linesOf,
  makeLog,
  meansFor,
  newKeys,
  type Range,
  START,
  sourceOf,
  verify,
} from "./log.ts";

const MINUTE = 60_000;
const STEP = 20_000;

/** A log whose checkpoints are minutes apart, and a part of it that has whatever an export can have, but for a fork. */
async function makePart() {
  const log = await makeLog({ records: 40, chains: 3, every: 8, step: STEP });
  const [aged = "", quiet = ""] = [...log.chains.keys()].sort();
  const at = (number: number) => log.checkpoints[number - 1];
  // One record of the part is not kept any more.
  const base = at(2)?.heads.find(({ chain }) => chain === aged)?.seq ?? 0;
  const starts = new Map([[aged, base + 2]]);
  const faults = [{ chain: quiet, fault: "unreachable" }] as const;
  await checkpoint(log, START + 60 * STEP, { starts, faults, retained: 2 });
  const record = log.chains.get(quiet)?.[at(2)?.heads.find(({ chain }) => chain === quiet)?.seq ?? 0];
  if (record === undefined) throw new Error("the chain does not grow in this part");
  const range: Range = {
    base: 2,
    last: 4,
    from: (at(2)?.claims.time ?? 0) + MINUTE,
    to: (at(4)?.claims.time ?? 0) - MINUTE,
    unknown: [{ chain: "forged", seq: 3 }],
    setAside: [{ chain: record.chain, seq: record.seq, hash: record.hash }],
  };
  const source = sourceOf(log, new Map([[record.hash, record]]));
  return { log, range, source, lines: await linesOf(log, range, null, source) };
}

const kindsIn = (lines: readonly string[]) => [
  ...new Set(lines.map((line) => (JSON.parse(line) as Line).kind)),
];

describe("an export that was changed", () => {
  test("every tampering with any one line of a whole log is detected", async () => {
    const { tampered, undetected } = await tamper({ records: 300, chains: 5, every: 40, oneVariantIn: 9 });
    expect(undetected).toEqual([]);
    expect(tampered).toBeGreaterThan(7_000);
  });

  test("and every change of every member of every kind of line", async () => {
    const { log, range, source, lines } = await makePart();
    expect(kindsIn(lines)).toEqual(["export", "checkpoint", "record", "set_aside", "end"]);
    expect(await goodReport(lines, log.means)).toMatchObject({
      counts: { expired: 1, setAside: 1 },
      findings: [{ kind: "unknown" }, { kind: "unreachable" }],
    });
    const strangers = await linesOf({ ...log, keys: await newKeys() }, range, null, source);
    const { tampered, undetected } = await tamperWith({
      lines,
      strangers,
      means: log.means,
      oneVariantIn: 1,
    });
    expect(undetected).toEqual([]);
    expect(tampered).toBeGreaterThan(2_000);
  });

  test("no character can be changed, taken out or put in", async () => {
    const { log, lines } = await makePart();
    const good = await goodReport(lines, log.means);
    const [done, missed] = [new Set<string>(), [] as string[]];
    let i = -1;
    for await (const before of statesOf(lines, log.means)) {
      i += 1;
      const text = lines[i] ?? "";
      const { kind } = JSON.parse(text) as Line;
      if (done.has(kind)) continue;
      done.add(kind);
      const rest = lines.slice(i + 1);
      for (let at = 0; at < text.length; at++) {
        const [left, here = "", right] = [text.slice(0, at), text[at], text.slice(at + 1)];
        const changed = [left + (here === "0" ? "1" : "0") + right, left + right, `${left} ${here}${right}`][
          at % 3
        ];
        if (!(await isDetected(before, [changed ?? "", ...rest], log.means, good)))
          missed.push(`${kind} at ${at}: ${here}`);
      }
    }
    expect(missed).toEqual([]);
  });

  test("nor can a value be spelled in another way", async () => {
    const { log, lines } = await makePart();
    const i = lines.findIndex((line) => line.includes('"kind":"record"'));
    const spelled = async (change: (line: string) => string) => {
      const changed = change(lines[i] ?? "");
      expect(changed).not.toBe(lines[i]);
      const verified = await verify(lines.with(i, changed), log.means);
      return verified.ok ? "ok" : `${verified.error.line}: ${verified.error.problem}`;
    };
    const here = `${i + 1}: `;
    const others: ((line: string) => string)[] = [
      (line) => line.replace('"v":3', '"v":3.0'),
      (line) => line.replace('"v":3', '"v":3e0'),
      (line) => line.replace('"v":3', '"v":0.3e1'),
      (line) => line.replace('"v":3', '"v":3.0000000000000000001'),
      (line) => line.replace('"tools/call"', '"tools\\/call"'),
      (line) => line.replace('"acme"', '"\\u0061cme"'),
      (line) => line.replace('"tenant"', '"\\u0074enant"'),
      (line) => `${line}\r`,
      (line) => ` ${line}`,
      (line) => line.replace(",", ", "),
    ];
    for (const change of others)
      expect(await spelled(change)).toBe(
        `${here}its blanks, escapes or numbers are not as they were written`,
      );
    const none: ((line: string) => string)[] = [
      (line) => `\ufeff${line}`,
      (line) => `${line}\0`,
      (line) => line.replace('"v":3', '"v":2,"v":2'),
      (line) => line.replace('"v":3', '"v":2,"\\u0076":2'),
      (line) => line.replace('"v":3', '"v":-0'),
      (line) => line.replace('"v":3', '"v":9007199254740993'),
      (line) => line.replace('"acme"', '"\\ud800"'),
      (line) => `${line}${line}`,
      () => "",
    ];
    for (const change of none) expect(await spelled(change)).toContain(`${here}it is not strict JSON`);
    const members: ((line: string) => string)[] = [
      (line) => line.replace('{"kind"', '{"__proto__":{},"kind"'),
      (line) => line.replace('"v":3', '"v":2,"__proto__":{"v":2}'),
      (line) => line.replace('"v":3', '"__proto__":{"v":2}'),
      (line) => line.replace('"v":3', '"v":2,"constructor":1'),
    ];
    for (const change of members) expect(await spelled(change)).toContain("is missing, malformed or unknown");
    const cut = await verify([...lines.slice(0, i), "", ...lines.slice(i)], log.means);
    expect(cut).toMatchObject({ error: { line: i + 1 } });
  });
});

test("no two authentic exports can be put together", async () => {
  const keys = await newKeys();
  const log = await makeLog({ records: 24, chains: 2, every: 8, step: STEP }, keys);
  const at = (number: number) => log.checkpoints[number - 1]?.claims.time ?? 0;
  const older = await linesOf(log);
  await checkpoint(log, START + 40 * STEP);
  const exports = [
    older,
    await linesOf(log),
    await linesOf(log, { base: 1, from: at(1) + MINUTE }),
    await linesOf(log, { last: 2, to: at(2) - MINUTE }),
    await linesOf(log, { base: 1, last: 3, from: at(1) + MINUTE, to: at(3) - MINUTE }),
    await linesOf(await makeLog({ records: 16, chains: 2, every: 8, step: STEP }, keys, "other")),
  ];
  const missed: string[] = [];
  for (const [a, first] of exports.entries()) {
    const good = await goodReport(first, log.means);
    let i = 0;
    for await (const before of statesOf(first, log.means)) {
      for (const [b, second] of exports.entries()) {
        for (let j = 0; j <= second.length; j++) {
          const rest = second.slice(j);
          // What begins here with the next line of the other export would be the other export.
          if (i === 0 && j === 0) continue;
          const isSame = first.slice(i).join() === rest.join();
          if (!isSame && !(await isDetected(before, rest, log.means, good)))
            missed.push(`${a} up to ${i}, then ${b} from ${j}`);
        }
      }
      i += 1;
    }
  }
  expect(missed).toEqual([]);
});

describe("one ECDSA signature makes two", () => {
  const ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;

  /** The same statement with its other signature: (r, n - s) is as good as (r, s), and needs no key. */
  function twinOf(jws: string): string {
    const dot = jws.lastIndexOf(".");
    const signature = fromBase64url(jws.slice(dot + 1)) ?? new Uint8Array();
    const hex = [...signature.slice(32)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
    const other = (ORDER - BigInt(`0x${hex}`)).toString(16).padStart(64, "0");
    for (let i = 0; i < 32; i++) signature[32 + i] = Number.parseInt(other.slice(2 * i, 2 * i + 2), 16);
    return `${jws.slice(0, dot)}.${toBase64url(signature)}`;
  }

  test("a checkpoint with another signature is not the one that was exported", async () => {
    const { log, lines } = await makePart();
    for (const [i, text] of lines.entries()) {
      const line = JSON.parse(text) as Line;
      if (line.kind !== "checkpoint") continue;
      const changed = lines.with(i, JSON.stringify({ ...line, jws: twinOf(line.jws) }));
      expect(await verify(changed, log.means)).toMatchObject({
        error: { problem: expect.stringMatching(/does not follow|not the one that the export was made for/) },
      });
    }
  });

  test("but nobody can so make it look as if two were signed", async () => {
    const { log, lines } = await makePart();
    const held = await meansFor(
      log.keys,
      [],
      log.checkpoints.slice(1, 4).map(({ jws }) => twinOf(jws)),
    );
    expect(await verify(lines, held)).toMatchObject({ ok: true });
  });
});

describe("what is held against an export", () => {
  test("is of the same tenant: another one's checkpoints are no fork", async () => {
    const log = await makeLog({ records: 8, chains: 2, every: 8 });
    const other = await makeLog({ records: 8, chains: 2, every: 8 }, log.keys, "other");
    const [theirs] = other.checkpoints;
    const held = await meansFor(log.keys, [], [theirs?.jws ?? ""]);
    expect(await verify(await linesOf(log), held)).toMatchObject({
      error: { line: 1, problem: "it is an export of acme, and somebody holds a checkpoint of other" },
    });
  });

  test("two checkpoints with one number were both signed, so the log was written twice", async () => {
    const log = await makeLog({ records: 16, chains: 2, every: 8 });
    const again = await makeLog({ records: 16, chains: 3, every: 8 }, log.keys);
    const jws = (of: Log) => of.checkpoints[1]?.jws ?? "";
    for (const held of [[jws(log), jws(again)], [jws(again)]]) {
      const means: Means = await meansFor(log.keys, [], held);
      expect(await verify(await linesOf(log), means)).toMatchObject({
        error: { problem: "checkpoint 2 is not the one that somebody else holds: there are two" },
      });
    }
  });

  test("says where it is, if not in this export", async () => {
    const { log, lines } = await makePart();
    const problem = async (receipt: string[], checkpoints: string[]) => {
      const verified = await verify(lines, await meansFor(log.keys, receipt, checkpoints));
      return verified.ok ? "ok" : verified.error.problem;
    };
    const jws = (number: number) => log.checkpoints[number - 1]?.jws ?? "";
    expect(await problem([], [jws(2), jws(3), jws(4), jws(7)])).toBe("ok");
    for (const number of [1, 5, 6])
      expect(await problem([], [jws(number)])).toContain(
        `checkpoint ${number}, which somebody holds, is not`,
      );
    expect(await problem([], [jws(6)])).toContain("outside of its time range");
    await checkpoint(log, START + 70 * STEP);
    expect(await problem([], [jws(8)])).toContain("it is newer than the latest one, 7; export again");
  });
});

test("lines without end take no memory: the first that is wrong ends it", async () => {
  const { log, lines } = await makePart();
  const [first = ""] = lines;
  let given = 0;
  async function* endless(piece: Uint8Array) {
    yield utf8(`${first}\n`);
    for (;;) {
      given += piece.length;
      yield piece;
    }
  }
  for (const piece of ["x".repeat(65_536), "\n", `${first}\n`]) {
    given = 0;
    const verified = await verifyExport(splitLines(endless(utf8(piece))), log.means);
    expect(verified).toMatchObject({ ok: false, error: { line: 2 } });
    expect(given).toBeLessThan(5_000_000);
  }
});
