/**
 * Every tampering with any one line of an export, with each chain and with each tail of it. Run by itself, or by `npm run test:faults`.
 *
 * Verification goes line by line, so each changed export is verified from the line that was changed, with the state that the lines
 * before it have led to.
 */

import type { Line, PlaceLine } from "../../src/audit/export/format.ts";
import type { Means } from "../../src/audit/export/means.ts";
import type { Report } from "../../src/audit/export/report.ts";
import { reportOf, type State, takeLine } from "../../src/audit/export/verify.ts";
import type { AuditRecord } from "../../src/audit/record.ts";
import { chained, linesOf, makeLog, newKeys, type Sizes } from "../audit/export/log.ts";

export interface Tampering {
  readonly tampered: number;
  /** What was done to which line, where nobody noticed. */
  readonly undetected: readonly string[];
}

export interface Export {
  readonly lines: readonly string[];
  /** The same export, where another key has signed its first line. */
  readonly strangers: readonly string[];
  readonly means: Means;
  /** A record has some 170 variants of its members, and is given one in so many of them, in turn. */
  readonly oneVariantIn: number;
}

const TEN_THOUSAND = { records: 10_000, chains: 12, every: 60, oneVariantIn: 11 };

export async function tamper({
  oneVariantIn,
  ...sizes
}: Sizes & Pick<Export, "oneVariantIn"> = TEN_THOUSAND): Promise<Tampering> {
  const log = await makeLog(sizes);
  const strangers = await linesOf({ ...log, keys: await newKeys() });
  return tamperWith({ lines: await linesOf(log), strangers, means: log.means, oneVariantIn });
}

/** @throws where the export itself is not found to be good */
export async function tamperWith(of: Export): Promise<Tampering> {
  const { lines, means } = of;
  const good = await goodReport(lines, means);
  const undetected: string[] = [];
  let tampered = 0;
  let i = 0;
  for await (const before of statesOf(lines, means)) {
    for await (const { what, rest } of tamperings(of, i)) {
      tampered += 1;
      if (!(await isDetected(before, rest, means, good))) undetected.push(`line ${i + 1}: ${what}`);
    }
    i += 1;
  }
  return { tampered, undetected };
}

/** What verification leads to before each line of a good export; to be copied before it is gone on with. */
export async function* statesOf(lines: readonly string[], means: Means): AsyncGenerator<State> {
  let state: State = { phase: "begin" };
  for (const [i, text] of lines.entries()) {
    yield state;
    const next = await takeLine(state, text, means);
    if (!next.ok) throw new Error(`line ${i + 1} of a good export: ${next.error.problem}`);
    state = next.value;
  }
  if (!reportOf(state).ok) throw new Error("a good export is not found to be good");
}

export async function goodReport(lines: readonly string[], means: Means): Promise<Report> {
  const report = await reportBehind({ phase: "begin" }, lines, means);
  if (report === null) throw new Error("a good export is not found to be good");
  return report;
}

/** Whether it shows that other lines follow: by a fault, or because the report says something else. */
export async function isDetected(before: State, rest: Lines, means: Means, good: Report): Promise<boolean> {
  const report = await reportBehind(copyOf(before), rest, means);
  return report === null || JSON.stringify(report) !== JSON.stringify(good);
}

type Lines = Iterable<string> | AsyncIterable<string>;

async function reportBehind(before: State, rest: Lines, means: Means): Promise<Report | null> {
  let state = before;
  for await (const text of rest) {
    const next = await takeLine(state, text, means);
    if (!next.ok) return null;
    state = next.value;
  }
  const report = reportOf(state);
  return report.ok ? report.value : null;
}

/** What is changed in place is copied, so that one continuation does not see another. */
export function copyOf(state: State): State {
  switch (state.phase) {
    case "checkpoints": {
      const hashes = new Map([...state.known.hashes].map(([chain, said]) => [chain, new Map(said)]));
      return { ...state, known: { ...state.known, hashes } };
    }
    case "records":
      return { ...state, progress: { ...state.progress, calls: new Map(state.progress.calls) } };
    default:
      return state;
  }
}

// -- what is done ---------------------------------------------------------------------------------------

/** A changed export, from the line on that it differs in. */
interface Changed {
  readonly what: string;
  readonly rest: Lines;
}

async function* tamperings(of: Export, i: number): AsyncGenerator<Changed> {
  const { lines } = of;
  const text = lines[i] ?? "";
  const line = JSON.parse(text) as Line;
  const next = lines[i + 1];
  yield { what: "cut off from here", rest: [] };
  yield { what: "dropped", rest: from(lines, i + 1) };
  yield { what: "twice", rest: from(lines, i + 1, text, text) };
  if (next !== undefined) {
    yield { what: "swapped with the next", rest: from(lines, i + 2, next, text) };
    yield { what: "cut out up to the end", rest: from(lines, lines.length - 1) };
  }
  let turn = i;
  for (const { what, value } of variantsOf(line as unknown as Members)) {
    turn += 1;
    if (line.kind !== "record" || turn % of.oneVariantIn === 0)
      yield { what, rest: from(lines, i + 1, JSON.stringify(value)) };
  }
  if ("jws" in line) {
    for (const [j, jws] of variantsOfJws(line.jws).entries())
      yield { what: `its JWS changed (${j})`, rest: from(lines, i + 1, JSON.stringify({ ...line, jws })) };
  }
  switch (line.kind) {
    case "export":
      yield { what: "signed by a stranger", rest: from(lines, i + 1, of.strangers[i] ?? "") };
      break;
    case "record":
      yield* withRecord(of, i, line);
      break;
    case "end":
      yield { what: "followed by more", rest: [text, lines[i - 1] ?? ""] };
  }
}

function* from(lines: readonly string[], start: number, ...before: readonly string[]): Generator<string> {
  yield* before;
  for (let i = start; i < lines.length; i++) yield lines[i] ?? "";
}

/** By somebody who can compute hashes, but not sign. */
async function* withRecord(
  { lines }: Export,
  i: number,
  line: PlaceLine & { kind: "record" },
): AsyncGenerator<Changed> {
  const { record } = line;
  const write = (changed: AuditRecord) => JSON.stringify({ kind: "record", record: changed });
  const behindChain = lines.findIndex((text, j) => j > i && !text.includes(`"chain":"${record.chain}"`));
  yield { what: "the tail of its chain cut off", rest: from(lines, behindChain) };

  const edited = await chained({ ...record, principal: "agent:nobody" }, record.prev_hash);
  yield { what: "edited, with its own hashes right", rest: from(lines, i + 1, write(edited)) };
  yield {
    what: "edited, and all of its chain after it",
    rest: rechained(lines, i + 1, edited, [write(edited)]),
  };
  const forged = await chained({ ...record, id: "forged", decision: "forged" }, record.prev_hash);
  yield { what: "a forged one before it", rest: rechained(lines, i, forged, [write(forged)]) };
  const before = { ...record, seq: record.seq - 1, hash: record.prev_hash };
  yield { what: "taken out, and the rest moved up", rest: rechained(lines, i + 1, before, []) };
  yield {
    what: "a fork",
    rest: from(lines, i + 1, JSON.stringify({ kind: "fork", records: [record, edited] })),
  };
  yield {
    what: "in another chain",
    rest: from(lines, i + 1, write(await chained({ ...record, chain: "A" }, record.prev_hash))),
  };
}

/** All records of a chain from line `start` on, as they would follow a forged one. */
async function* rechained(
  lines: readonly string[],
  start: number,
  behind: AuditRecord,
  first: readonly string[],
): AsyncGenerator<string> {
  yield* first;
  let { seq, hash } = behind;
  for (let i = start; i < lines.length; i++) {
    const line = JSON.parse(lines[i] ?? "") as Line;
    if (line.kind !== "record" || line.record.chain !== behind.chain) {
      yield lines[i] ?? "";
      continue;
    }
    seq += 1;
    const record = await chained({ ...line.record, seq }, hash);
    hash = record.hash;
    yield JSON.stringify({ kind: "record", record });
  }
}

// -- variants of values ---------------------------------------------------------------------------------

type Members = Readonly<Record<string, unknown>>;

/** The same object with any one member changed, at any depth, taken out or added. */
function* variantsOf(object: Members, path = ""): Generator<{ what: string; value: Members }> {
  for (const [name, value] of Object.entries(object)) {
    const at = `${path}${name}`;
    for (const other of othersThan(value))
      yield { what: `${at} changed`, value: { ...object, [name]: other } };
    const { [name]: _, ...rest } = object;
    yield { what: `${at} taken out`, value: rest };
    const inner = Array.isArray(value) ? { ...value } : value;
    if (typeof inner !== "object" || inner === null) continue;
    for (const { what, value: changed } of variantsOf(inner as Members, `${at}.`))
      yield { what, value: { ...object, [name]: Array.isArray(value) ? Object.values(changed) : changed } };
  }
  yield { what: `${path}more added`, value: { ...object, more: 1 } };
}

/** Values of the same kind, as far as there are any. */
function othersThan(value: unknown): unknown[] {
  if (typeof value === "string")
    return [value.replace(/^./, (first) => (first === "A" ? "B" : "A")), `${value}A`, null];
  if (typeof value === "number") return [value + 1, null];
  if (typeof value === "boolean") return [!value];
  if (value === null) return [0, "A", {}];
  if (!Array.isArray(value)) return [null];
  return value.length === 0 ? [["A"], null] : [[...value, "A"], value.slice(1), null];
}

/** One character of each part changed. */
const variantsOfJws = (jws: string): string[] =>
  [...jws.matchAll(/[^.]+/g)].map(({ index }) => {
    const at = index + 12;
    return `${jws.slice(0, at)}${jws[at] === "A" ? "B" : "A"}${jws.slice(at + 1)}`;
  });

if (import.meta.main) {
  const { tampered, undetected } = await tamper();
  console.log(JSON.stringify({ tampered, undetected: undetected.length }));
  for (const what of undetected) console.log(what);
  process.exitCode = undetected.length === 0 ? 0 : 1;
}
