/** The records of an export: chain by chain, each behind the one before it, from where the checkpoints begin to where they end. */

import { fail, ok, type Result } from "../../result.ts";
import { recordFault } from "../chain.ts";
import { type AuditRecord, GENESIS } from "../record.ts";
import { type Calls, takeCall } from "./calls.ts";
import { type Known, nextNumber } from "./checkpoints.ts";
import type { Line, PlaceLine } from "./format.ts";
import { absentFault, receiptFault } from "./held.ts";
import type { Means, Receipts } from "./means.ts";
import { about, type Counts, type Finding, general, type Problem, type Report } from "./report.ts";
import { expiredIn, type Heads, type Span, sizeOf, spansOf } from "./spans.ts";

/** What is known from the lines before a record. */
export interface Progress {
  readonly known: Known;
  readonly last: Heads;
  readonly spans: readonly Span[];
  /** The span that the next record belongs to; beyond the last one where no record is to come. */
  readonly at: number;
  /** What the next record is behind. */
  readonly seq: number;
  readonly hash: string;
  readonly time: number;
  /** Of the chain of the span. Changes in place: a copy for each record would be quadratic. */
  readonly calls: Calls;
  /** How many of the outcomes that receipts name were there. */
  readonly named: number;
  readonly counts: Counts;
  readonly findings: readonly Finding[];
}

/** All checkpoints must have come. */
export function beginRecords(known: Known, means: Means): Result<Progress, Problem> {
  const { claims, base, last, latest } = known;
  const missing = nextNumber(known);
  if (missing !== null) return fail(general(`checkpoint ${missing} is missing here`));
  if (last === null || latest === null || (base === null) !== (claims.base === null)) {
    return fail(general("the heads of the checkpoints that the export is between are not kept any more"));
  }
  const bounds = { base, last, latest };
  const absent = absentFault(claims, bounds, means);
  if (absent !== null) return fail(absent);
  const spans = spansOf(bounds);
  const counts = {
    checkpoints: known.count,
    chains: spans.length,
    expired: expiredIn(bounds),
    records: 0,
    decisions: 0,
    outcomes: 0,
    setAside: 0,
    executions: 0,
  };
  const { findings } = known;
  const before = { at: -1, seq: 0, hash: GENESIS, time: 0, calls: new Map() };
  return ok(nextSpan({ known, last, spans, ...before, named: 0, counts, findings }));
}

function nextSpan(progress: Progress): Progress {
  const at = progress.at + 1;
  const span = progress.spans[at];
  const behind = span === undefined ? {} : { seq: span.from - 1, hash: span.prevHash };
  return { ...progress, at, ...behind, time: 0, calls: new Map() };
}

export async function takePlace(
  progress: Progress,
  line: PlaceLine,
  means: Means,
): Promise<Result<Progress, Problem>> {
  if (line.kind === "fork") return fail(forkProblem(line.records));
  const { record } = line;
  const before = passOver(progress, record, means.receipts);
  if (!before.ok) return before;
  const { known, spans, at, seq, hash, time, calls, counts } = before.value;
  const span = spans[at];
  if (span?.chain !== record.chain || record.seq <= seq)
    return fail(about(record, strayProblem(before.value, record)));
  if (record.seq > seq + 1) {
    const to = Math.min(record.seq - 1, span.to);
    return fail(about({ chain: span.chain, seq: seq + 1 }, missingTo(to)));
  }

  const fault =
    (await linkFault(record, hash)) ??
    (record.tenant === known.claims.tenant ? null : "it is another tenant's") ??
    (record.time >= time ? null : "its time is before that of the record before it") ??
    (expectedHash(known, record) === record.hash
      ? null
      : "checkpoints say that another record is at this place") ??
    receiptFault(record, means.receipts);
  if (fault !== null) return fail(about(record, fault));
  const call = await takeCall(record, calls, span.from === 1, known.executionKeys);
  if (!call.ok) return fail(about(record, call.error));

  const after: Progress = {
    ...before.value,
    seq: record.seq,
    hash: record.hash,
    time: record.time,
    named: before.value.named + Number(means.receipts.outcomes.has(record.id)),
    counts: {
      ...counts,
      records: counts.records + 1,
      decisions: counts.decisions + Number(record.kind === "decision"),
      outcomes: counts.outcomes + Number(record.kind === "outcome"),
      setAside: counts.setAside + Number(line.kind === "set_aside"),
      executions: counts.executions + call.value,
    },
  };
  return ok(record.seq === span.to ? nextSpan(after) : after);
}

/** The end: nothing is missing. */
export function takeEnd(
  progress: Progress,
  { records, chains }: Extract<Line, { kind: "end" }>,
  means: Means,
): Result<Report, Problem> {
  const passed = passOver(progress, null, means.receipts);
  if (!passed.ok) return passed;
  const { known, spans, named, counts, findings } = passed.value;
  if (records !== sizeOf(spans) || chains !== spans.length)
    return fail(
      general(
        `the end counts other records or chains than the checkpoints: ${sizeOf(spans)} in ${spans.length}`,
      ),
    );
  if (counts.setAside !== known.claims.set_aside)
    return fail(
      general(`${known.claims.set_aside} records were set aside, and ${counts.setAside} of them are here`),
    );
  const unseen = means.receipts.outcomes.size - named;
  if (unseen > 0)
    return fail(
      general(`receipts name ${unseen} outcomes that are not in the export; export again, or more`),
    );
  return ok({ claims: known.claims, counts, findings });
}

/**
 * Goes on to the span of a record, where there is one ahead, or to the end. Records that are missing are a fault, but for the last ones
 * of a chain that something is wrong with, as the checkpoints say: they may have gone with its ledger, or wait in it.
 */
function passOver(
  progress: Progress,
  record: AuditRecord | null,
  receipts: Receipts,
): Result<Progress, Problem> {
  const { spans, findings } = progress;
  if (record !== null && spans[progress.at]?.chain === record.chain) return ok(progress);
  const isAhead = record === null || spans.slice(progress.at).some(({ chain }) => chain === record.chain);
  let next = progress;
  for (let span = spans[next.at]; isAhead && span && span.chain !== record?.chain; span = spans[next.at]) {
    const { chain, to } = span;
    const from = next.seq + 1;
    const isFaulty = findings.some((finding) => "checkpoint" in finding && finding.chain === chain);
    const isHeld = receipts.all.some((receipt) => receipt.chain === chain && receipt.seq >= from);
    if (!isFaulty || isHeld) return fail(about({ chain, seq: from }, missingTo(to)));
    next = nextSpan({ ...next, findings: [...next.findings, { kind: "gone", chain, from, to }] });
  }
  return ok(next);
}

const missingTo = (to: number): string => `it is missing here, as is all of its chain up to record ${to}`;

/** Why a record is not to be where no record of its chain is expected. */
function strayProblem({ last, known, seq, spans, at }: Progress, record: AuditRecord): string {
  const head = last.get(record.chain);
  if (head === undefined) return "no checkpoint knows its chain";
  if (record.seq > head.seq)
    return `its chain ends before it, at record ${head.seq} in checkpoint ${known.claims.last.number}`;
  if (spans[at]?.chain === record.chain && record.seq === seq) return "there are two lines for its place";
  return "it is out of its place, or comes twice, or is older than the export";
}

async function linkFault(record: AuditRecord, prevHash: string): Promise<string | null> {
  switch (await recordFault(record, prevHash)) {
    case "digest":
      return "its digest is not that of what it says";
    case "prev_hash":
      return "it does not follow the record before it";
    case "hash":
      return "its hash does not follow from its digest and the hash before it";
    case null:
      return null;
  }
}

const expectedHash = ({ hashes }: Known, { chain, seq, hash }: AuditRecord): string =>
  hashes.get(chain)?.get(seq) ?? hash;

function forkProblem(records: readonly AuditRecord[]): Problem {
  const hashes = records.map(({ hash }) => hash).join(" and ");
  const problem = `the chain forks: ${hashes} are all at its place`;
  const [first] = records;
  return first === undefined ? general(problem) : about(first, problem);
}
