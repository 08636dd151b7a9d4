/** What part of the audit log a request asks for. */

import { MAX_JTI_LENGTH } from "../../limits.ts";
import { isRange } from "./format.ts";
import type { After } from "./write.ts";

export interface ExportQuery {
  /** Milliseconds, `to` exclusive; null for no such bound. */
  readonly from: number | null;
  readonly to: number | null;
  /** Where an earlier part broke off; null to begin anew. */
  readonly resume: Resume | null;
}

export interface Resume {
  readonly after: After;
  /** Number of the latest checkpoint, as the first line has it. */
  readonly checkpoint: number;
}

/**
 * `?from=MS&to=MS`, and to go on with an export `&after=LINE&checkpoint=N`: LINE is the number of a checkpoint, or `CHAIN.SEQ`.
 *
 * @param query with its question mark; null where there is none
 * @returns null for anything else: a name that is unknown or comes twice, a value that is malformed
 */
export function readQuery(query: string | null): ExportQuery | null {
  const values = new Map<string, string>();
  for (const pair of query?.slice(1).split("&") ?? []) {
    const [name = "", value, ...more] = pair.split("=");
    if (value === undefined || more.length > 0 || values.has(name) || !NAMES.includes(name)) return null;
    values.set(name, value);
  }
  const [from, to, checkpoint] = ["from", "to", "checkpoint"].map((name) => readNumber(values.get(name)));
  const after = readAfter(values.get("after"));
  if (from === undefined || to === undefined || checkpoint === undefined || after === undefined) return null;
  if (!isRange(from, to)) return null;
  if (after === null || checkpoint === null) return after === checkpoint ? { from, to, resume: null } : null;
  return { from, to, resume: { after, checkpoint } };
}

const NAMES = ["from", "to", "after", "checkpoint"];

/** Null for none, undefined for a malformed one. */
function readNumber(text: string | undefined): number | null | undefined {
  if (text === undefined) return null;
  const value = /^(?:0|[1-9]\d{0,15})$/.test(text) ? Number(text) : Number.NaN;
  return Number.isSafeInteger(value) ? value : undefined;
}

function readAfter(text: string | undefined): After | null | undefined {
  if (!text?.includes(".")) return readNumber(text);
  const [chain = "", number, ...more] = text.split(".");
  const seq = readNumber(number);
  const isChain = /^[\w-]+$/.test(chain) && chain.length <= MAX_JTI_LENGTH;
  return isChain && seq && more.length === 0 ? { chain, seq } : undefined;
}
