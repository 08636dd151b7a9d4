/**
 * `countersign audit verify`: verifies an export, offline. Exit codes: 0 all of it is proven, 1 a fault, in the export or in the log,
 * 2 wrong use.
 */

import { createReadStream } from "node:fs";
import type { ExportClaims } from "../audit/export/format.ts";
import { type Means, meansOf } from "../audit/export/means.ts";
import { type Fault, type Finding, isGrave, type Report } from "../audit/export/report.ts";
import { splitLines } from "../audit/export/split-lines.ts";
import { verifyExport } from "../audit/export/verify.ts";
import { fail, ok, type Result } from "../result.ts";
import { readOptions } from "./arguments.ts";
import { readAll, readCheckpoints, readJson, readText, readTokens } from "./held-files.ts";
import { complain, printable, tell, whyNot } from "./say.ts";

const USAGE = `Usage: countersign audit verify EXPORT --keys FILE [--receipt FILE ...] [--checkpoint FILE ...]

  EXPORT             what countersign audit export wrote
  --keys FILE        what is published at /.well-known/countersign/<path of the endpoint>, or a JWK Set
  --receipt FILE     values of Countersign-Receipt headers that callers kept, with white space between them: each must be in
                     the export at its place; repeat it for more
  --checkpoint FILE  checkpoints that somebody kept: what was published then, or JWS with white space between them: each
                     must be in the export; repeat it for more`;

interface Arguments {
  readonly file: string;
  readonly keys: string;
  readonly receipts: readonly string[];
  readonly checkpoints: readonly string[];
}

export async function run(argv: readonly string[]): Promise<number> {
  const parsed = readArguments(argv);
  if (!parsed.ok) return complain(2, parsed.error, "", USAGE);
  if (parsed.value === "help") return tell(0, USAGE);
  const means = await readMeans(parsed.value);
  if (!means.ok) return complain(2, means.error);
  const { file } = parsed.value;
  let verified: Result<Report, Fault>;
  try {
    verified = await verifyExport(splitLines(createReadStream(file)), means.value);
  } catch (error) {
    return complain(2, whyNot(file, "read", error));
  }
  if (!verified.ok) return complain(1, printable(`fault: ${sayFault(verified.error)}`), ADVICE);
  const { code, lines } = sayReport(verified.value, means.value);
  return tell(code, ...lines.map(printable));
}

const ADVICE =
  "Nothing is proven from there on. Keep this file and export again: a fault that stays is one of the log.";

function readArguments(argv: readonly string[]): Result<Arguments | "help", string> {
  const options = readOptions({
    args: [...argv],
    options: {
      keys: { type: "string" },
      receipt: { type: "string", multiple: true },
      checkpoint: { type: "string", multiple: true },
      help: { type: "boolean", short: "h" },
    },
    allowPositionals: true,
  });
  if (!options.ok) return options;
  const { values, positionals } = options.value;
  if (values.help) return ok("help");
  const [file, ...others] = positionals;
  const { keys, receipt: receipts = [], checkpoint: checkpoints = [] } = values;
  if (file === undefined || others.length > 0) return fail("Name one file with an export.");
  if (keys === undefined) return fail("Name the published keys with --keys FILE.");
  return ok({ file, keys, receipts, checkpoints });
}

async function readMeans({ keys, receipts, checkpoints }: Arguments): Promise<Result<Means, string>> {
  const published = await readText(keys);
  if (!published.ok) return published;
  const keptReceipts = await readAll(receipts, readTokens);
  if (!keptReceipts.ok) return keptReceipts;
  const keptCheckpoints = await readAll(checkpoints, readCheckpoints);
  if (!keptCheckpoints.ok) return keptCheckpoints;
  return meansOf(readJson(published.value), keptReceipts.value, keptCheckpoints.value);
}

const sayFault = ({ line, chain, seq, problem }: Fault): string =>
  [line === null ? null : `line ${line}`, chain === null ? null : `chain ${chain}, record ${seq}`, problem]
    .filter((part) => part !== null)
    .join(": ");

interface Said {
  readonly code: number;
  readonly lines: readonly string[];
}

function sayReport({ claims, counts, findings }: Report, { issuer, receipts, checkpoints }: Means): Said {
  const { checkpoints: signed, chains, records, decisions, outcomes, expired, setAside, executions } = counts;
  const held = receipts.all.length;
  const grave = findings.filter(isGrave);
  const lines = [
    `${claims.tenant} at ${claims.iss}: ${sayRange(claims)}, as of checkpoint ${claims.latest.number}, asked for at ${timeOf(claims.time)}`,
    `proven: ${signed} checkpoints, ${records} records in ${chains} chains (${decisions} decisions, ${outcomes} outcomes)`,
    ...(executions > 0 ? [`proven: ${executions} execution records in them`] : []),
    ...(held > 0 ? [`proven: ${held} receipts that were kept are in it`] : []),
    ...(checkpoints.size > 0 ? [`proven: ${checkpoints.size} checkpoints that were kept are in it`] : []),
    ...(expired > 0
      ? [`note: ${expired} more records are not kept any more, as checkpoint ${claims.latest.number} says`]
      : []),
    ...(setAside > 0
      ? [`note: D1 did not take ${setAside} of the records into the table where they belong`]
      : []),
    ...(issuer === null ? [`NOT checked: that these are the keys of ${claims.iss}`] : []),
    ...findings.map((finding) => `${isGrave(finding) ? "fault" : "note"}: ${sayFinding(finding)}`),
    grave.length === 0 ? "ok" : "the export is proven, but the log has faults",
  ];
  return { code: grave.length === 0 ? 0 : 1, lines };
}

function sayRange({ from, to, base, last }: ExportClaims): string {
  if (from === null && to === null) return "all of the log";
  const range = [from === null ? [] : ["from", timeOf(from)], to === null ? [] : ["to", timeOf(to)]]
    .flat()
    .join(" ");
  return `the log ${range} (${base === null ? "from the beginning" : `behind checkpoint ${base}`} to checkpoint ${last.number})`;
}

function sayFinding(finding: Finding): string {
  const { kind, chain } = finding;
  switch (kind) {
    case "unreachable":
      return `chain ${chain}: its ledger did not answer when checkpoint ${finding.checkpoint} was made, so later records may be missing`;
    case "lost":
      return `chain ${chain}: its ledger was lost before checkpoint ${finding.checkpoint}`;
    case "forked":
      return `chain ${chain}: its ledger did not go on from where it was, before checkpoint ${finding.checkpoint}`;
    case "gone":
      return `chain ${chain}: records ${finding.from} to ${finding.to} are not in the log: they went with its ledger, or wait in it`;
    case "unknown":
      return `chain ${chain}: D1 had record ${finding.seq}, which no ledger has; it is not in the export`;
  }
}

const timeOf = (ms: number): string => new Date(ms).toISOString();
