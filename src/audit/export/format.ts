/**
 * An export of the audit log: JSON Lines. What it is of, signed; checkpoints; the records between two of them, by chain and number;
 * the end. Every place of a chain has one line.
 */

import { isObject, parseStrictJson } from "../../json/strict-json.ts";
import { MAX_TIME_MS } from "../../limits.ts";
import { fail, ok, type Result } from "../../result.ts";
import type { Head } from "../checkpoint.ts";
import type { AuditRecord } from "../record.ts";
import { type Check, isCount, isHead, isListOf, isNullOr, isRecord, isText, memberFault } from "../shapes.ts";

/** `typ` of the first line's JWS. */
export const EXPORT_TYPE = "countersign-export+jwt";

/** What an export is of. It holds the records behind the heads of `base`, up to the heads of `last`. */
export interface ExportClaims {
  /** Version of this form. */
  readonly v: 1;
  /** The tenant's public URL. */
  readonly iss: string;
  readonly tenant: string;
  /** When it was asked for, milliseconds. */
  readonly time: number;
  /** The time range that was asked for, milliseconds, `to` exclusive; null where it has no such bound. */
  readonly from: number | null;
  readonly to: number | null;
  /** Number of the first checkpoint; null where the export begins at the beginning, with checkpoint 1. */
  readonly base: number | null;
  readonly last: Mark;
  /** The latest one of all: it says which records are kept at all. The same as `last` where `to` is not long ago. */
  readonly latest: Mark;
  /** What `latest` says of the lowest number of a checkpoint whose heads are kept. */
  readonly retained: number;
  /** Records among these that were set aside, and so are in another table. */
  readonly set_aside: number;
  /** Last records of chains in D1 that are not in the ledgers: nobody knows who wrote them, and they are not in the export. */
  readonly unknown: readonly { readonly chain: string; readonly seq: number }[];
}

/** Whether an export can be of the records from one time to another: milliseconds, null for no bound. */
export const isRange = (from: number | null, to: number | null): boolean =>
  (from ?? 0) < (to ?? Number.POSITIVE_INFINITY) && Math.max(from ?? 0, to ?? 0) <= MAX_TIME_MS;

/** A checkpoint: its number, and `linkTo` it. */
export interface Mark {
  readonly number: number;
  readonly digest: string;
}

export type Line =
  | { readonly kind: "export"; readonly jws: string }
  /** The heads are null where they are not kept any more. */
  | { readonly kind: "checkpoint"; readonly jws: string; readonly heads: readonly Head[] | null }
  | PlaceLine
  /** The numbers are what the heads add up to. */
  | { readonly kind: "end"; readonly records: number; readonly chains: number };

/** One place of a chain. */
export type PlaceLine =
  | { readonly kind: "record"; readonly record: AuditRecord }
  /** The table of records did not take it. */
  | { readonly kind: "set_aside"; readonly record: AuditRecord }
  /** More than one record claims the place. */
  | { readonly kind: "fork"; readonly records: readonly AuditRecord[] };

export const recordsIn = (line: PlaceLine): readonly AuditRecord[] =>
  line.kind === "fork" ? line.records : [line.record];

export const writeLine = (line: Line): string => `${JSON.stringify(line)}\n`;

/**
 * Reads one line, without its line feed. Nothing in it is verified.
 *
 * @returns else what is wrong, in words that follow "line 5: "
 */
export function readLine(text: string): Result<Line, string> {
  const json = parseStrictJson(text);
  if (!json.ok) return fail(`it is not strict JSON (${json.error})`);
  const line = json.value;
  if (!isObject(line)) return fail("it is not an object");
  // One value has one spelling, so that no byte can be changed unseen.
  if (JSON.stringify(line) !== text)
    return fail("its blanks, escapes or numbers are not as they were written");
  const members = typeof line.kind === "string" ? MEMBERS.get(line.kind) : undefined;
  if (members === undefined) return fail("its kind is none that an export has");
  const fault = memberFault(line, { kind: isText, ...members });
  return fault === null
    ? ok(line as unknown as Line)
    : fail(`its member ${fault} is missing, malformed or unknown`);
}

const isRivals: Check = (value) => Array.isArray(value) && value.length > 1 && value.every(isRecord);

/** The members of each kind of line beside `kind`. */
const MEMBERS: ReadonlyMap<string, Readonly<Record<string, Check>>> = new Map([
  ["export", { jws: isText }],
  ["checkpoint", { jws: isText, heads: isNullOr(isListOf(isHead)) }],
  ["record", { record: isRecord }],
  ["set_aside", { record: isRecord }],
  ["fork", { records: isRivals }],
  ["end", { records: isCount, chains: isCount }],
] satisfies [Line["kind"], Record<string, Check>][]);
