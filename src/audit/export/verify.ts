/**
 * Verifies an export, offline: what it says was written by the ledgers, and nothing between its first and its last checkpoint was
 * changed, taken out, put in, moved or cut off. What it holds in memory are heads, and the decisions of one chain.
 */

import { fail, ok, type Result } from "../../result.ts";
import { beginCheckpoints, type Known, takeCheckpoint } from "./checkpoints.ts";
import { type Line, readLine } from "./format.ts";
import { verifyHeader } from "./header.ts";
import type { Means } from "./means.ts";
import { beginRecords, type Progress, takeEnd, takePlace } from "./records.ts";
import { type Fault, general, type Problem, type Report } from "./report.ts";

/** How far the lines have been verified. */
export type State =
  | { readonly phase: "begin" }
  | { readonly phase: "checkpoints"; readonly known: Known }
  | { readonly phase: "records"; readonly progress: Progress }
  | { readonly phase: "end"; readonly report: Report };

/** @param lines see `splitLines` */
export async function verifyExport(
  lines: AsyncIterable<Result<string, string>>,
  means: Means,
): Promise<Result<Report, Fault>> {
  let state: State = { phase: "begin" };
  let line = 0;
  for await (const read of lines) {
    line += 1;
    const next: Result<State, Problem> = read.ok
      ? await takeLine(state, read.value, means)
      : fail(general(read.error));
    if (!next.ok) return fail({ line, ...next.error });
    state = next.value;
  }
  const ended = reportOf(state);
  return ended.ok ? ended : fail({ line: null, ...ended.error });
}

/** Verifies one line behind those before it. */
export async function takeLine(state: State, text: string, means: Means): Promise<Result<State, Problem>> {
  const read = readLine(text);
  if (!read.ok) return fail(general(read.error));
  const line = read.value;
  switch (state.phase) {
    case "begin":
      return begin(line, means);
    case "checkpoints": {
      if (line.kind !== "checkpoint") {
        const progress = beginRecords(state.known, means);
        return progress.ok ? takeRecords(progress.value, line, means) : progress;
      }
      const known = await takeCheckpoint(state.known, line, means);
      return known.ok ? ok({ phase: "checkpoints", known: known.value }) : known;
    }
    case "records":
      return takeRecords(state.progress, line, means);
    case "end":
      return fail(general("it comes after the end"));
  }
}

async function begin(line: Line, means: Means): Promise<Result<State, Problem>> {
  if (line.kind !== "export") return fail(general("it should say what the export is of"));
  const claims = await verifyHeader(line.jws, means.keys);
  if (!claims.ok) return fail(general(claims.error));
  // All tenants of a deployment have the same keys.
  const { iss, tenant } = claims.value;
  if (means.issuer !== null && means.issuer !== iss)
    return fail(general(`it is an export of ${iss}, and the keys are those of ${means.issuer}`));
  const stray = [...means.checkpoints.values()].flat().find((held) => held.tenant !== tenant);
  if (stray !== undefined)
    return fail(general(`it is an export of ${tenant}, and somebody holds a checkpoint of ${stray.tenant}`));
  return ok({ phase: "checkpoints", known: await beginCheckpoints(claims.value, means) });
}

async function takeRecords(progress: Progress, line: Line, means: Means): Promise<Result<State, Problem>> {
  switch (line.kind) {
    case "export":
    case "checkpoint":
      return fail(general("it does not belong behind the checkpoints"));
    case "end": {
      const report = takeEnd(progress, line, means);
      return report.ok ? ok({ phase: "end", report: report.value }) : report;
    }
    default: {
      const next = await takePlace(progress, line, means);
      return next.ok ? ok({ phase: "records", progress: next.value }) : next;
    }
  }
}

/** What all lines together say; a fault where they are not all. */
export const reportOf = (state: State): Result<Report, Problem> =>
  state.phase === "end" ? ok(state.report) : fail(general("the export breaks off: it has no end"));
