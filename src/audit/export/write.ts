/** The lines of an export, from wherever the log is kept. */

import type { Head } from "../checkpoint.ts";
import type { AuditRecord } from "../record.ts";
import { type SigningKeys, signStatement } from "../signing-keys.ts";
import { EXPORT_TYPE, type ExportClaims, type Line, type PlaceLine } from "./format.ts";
import { type Bounds, type Place, type Stretch, sizeOf, spansBehind, spansOf } from "./spans.ts";

/** What an export has in it. */
export interface Plan extends Bounds {
  readonly claims: ExportClaims;
  /** The records that were set aside, as far as the export has them, by chain and number. */
  readonly setAside: readonly SetAside[];
}

export interface SetAside extends Place {
  readonly hash: string;
}

/** What reads the log. */
export interface Source {
  /** With these numbers, ascending; `heads` is null where they are not kept. */
  checkpoints(from: number, to: number): AsyncIterable<StoredCheckpoint>;
  /** By chain and number. */
  records(spans: readonly Stretch[]): AsyncIterable<AuditRecord>;
  /** In the order of the list. */
  setAside(wanted: readonly SetAside[]): AsyncIterable<SetAside & { readonly record: AuditRecord }>;
}

export interface StoredCheckpoint {
  readonly number: number;
  readonly jws: string;
  readonly heads: readonly Head[] | null;
}

/** The line that an earlier part of the export ended with: a checkpoint, by its number, or a place. */
export type After = number | Place;

/** @param after null for all of it */
export async function* exportLines(
  plan: Plan,
  source: Source,
  keys: SigningKeys,
  after: After | null,
): AsyncGenerator<Line> {
  const { claims } = plan;
  if (after === null) yield { kind: "export", jws: await signStatement(keys.signing, EXPORT_TYPE, claims) };
  if (after === null || typeof after === "number") yield* checkpointLines(claims, source, after ?? 0);
  const spans = spansOf(plan);
  const isPlace = after !== null && typeof after !== "number";
  yield* placeLines(
    isPlace ? spansBehind(spans, after) : spans,
    isPlace ? plan.setAside.filter((one) => isBefore(after, one)) : plan.setAside,
    source,
  );
  yield { kind: "end", records: sizeOf(spans), chains: spans.length };
}

async function* checkpointLines(
  { base, last, latest, retained }: ExportClaims,
  source: Source,
  after: number,
): AsyncGenerator<Line> {
  const parts = [
    { from: base ?? 1, to: last.number },
    { from: Math.max(latest.number, last.number + 1), to: latest.number },
  ];
  for (const { from, to } of parts) {
    const first = Math.max(from, after + 1);
    if (first > to) continue;
    for await (const { number, jws, heads } of source.checkpoints(first, to))
      yield { kind: "checkpoint", jws, heads: number < retained ? null : heads };
  }
}

/** One line for each place. */
async function* placeLines(
  spans: readonly Stretch[],
  wanted: readonly SetAside[],
  source: Source,
): AsyncGenerator<PlaceLine> {
  let here: Stored[] = [];
  for await (const stored of merged(source.records(spans), source.setAside(wanted))) {
    if (here[0] !== undefined && isBefore(here[0].place, stored.place)) {
      yield lineOf(here);
      here = [];
    }
    here.push(stored);
  }
  if (here.length > 0) yield lineOf(here);
}

/** A record and where it was found. */
interface Stored {
  readonly place: Place;
  readonly record: AuditRecord;
  readonly kind: "record" | "set_aside";
}

async function* merged(
  records: AsyncIterable<AuditRecord>,
  setAside: ReturnType<Source["setAside"]>,
): AsyncGenerator<Stored> {
  const aside = setAside[Symbol.asyncIterator]();
  let next = await aside.next();
  for await (const record of records) {
    for (; !next.done && isBefore(next.value, record); next = await aside.next())
      yield { place: next.value, record: next.value.record, kind: "set_aside" };
    yield { place: record, record, kind: "record" };
  }
  for (; !next.done; next = await aside.next())
    yield { place: next.value, record: next.value.record, kind: "set_aside" };
}

function lineOf(stored: readonly Stored[]): PlaceLine {
  const records = stored.map(({ record }) => record);
  const [only] = stored;
  return only !== undefined && records.length === 1
    ? { kind: only.kind, record: only.record }
    : { kind: "fork", records };
}

const isBefore = (a: Place, b: Place): boolean => a.chain < b.chain || (a.chain === b.chain && a.seq < b.seq);
