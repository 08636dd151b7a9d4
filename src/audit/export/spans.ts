/** Which records an export has: what three checkpoints say of each chain. */

import type { Head } from "../checkpoint.ts";
import { GENESIS } from "../record.ts";

/** Heads by chain, and in that order, as a checkpoint has them. */
export type Heads = ReadonlyMap<string, Head>;

/** The checkpoints that the records of an export are between, and the latest one of all, which says what is kept. */
export interface Bounds {
  /** Null where each chain begins with the first record that is kept. */
  readonly base: Heads | null;
  /** Has every chain of `base`. */
  readonly last: Heads;
  /** Has every chain of `last`. */
  readonly latest: Heads;
}

/** A place of a chain. */
export interface Place {
  readonly chain: string;
  readonly seq: number;
}

/** How a place is written: as one text, also in a query. */
export const placeKey = ({ chain, seq }: Place): string => `${chain}.${seq}`;

/** Places of a chain that follow each other: the numbers of the first and the last one. */
export interface Stretch {
  readonly chain: string;
  readonly from: number;
  readonly to: number;
}

/** The records of one chain that an export has. */
export interface Span extends Stretch {
  /** Hash of the record before the first one. */
  readonly prevHash: string;
}

/**
 * The records behind the heads of `base` up to those of `last`, as far as they are still kept at `latest`, in the order of an export.
 * A chain without any has no span.
 */
export function spansOf({ base, last, latest }: Bounds): Span[] {
  const spans: Span[] = [];
  for (const { chain, seq } of last.values()) {
    const kept = latest.get(chain);
    if (kept === undefined) continue;
    const before = base?.get(chain) ?? { seq: 0, hash: GENESIS };
    const from = Math.max(before.seq + 1, kept.start);
    const prevHash = from === kept.start ? kept.start_prev : before.hash;
    if (from <= seq) spans.push({ chain, from, to: seq, prevHash });
  }
  return spans;
}

/** How many records behind the heads of `base`, up to those of `last`, are not kept any more, as `latest` says. */
export const expiredIn = ({ base, last, latest }: Bounds): number =>
  [...last.values()].reduce((sum, { chain, seq }) => {
    const gone = Math.min(seq, (latest.get(chain)?.start ?? 1) - 1);
    return sum + Math.max(0, gone - (base?.get(chain)?.seq ?? 0));
  }, 0);

/** How many records spans have together. */
export const sizeOf = (spans: readonly Stretch[]): number =>
  spans.reduce((sum, { from, to }) => sum + to - from + 1, 0);

export const headsByChain = (heads: readonly Head[]): Heads =>
  new Map(heads.map((head) => [head.chain, head]));

/** What is left of spans behind a place. */
export const spansBehind = (spans: readonly Span[], { chain, seq }: Place): Span[] =>
  spans.flatMap((span) => {
    if (span.chain !== chain) return span.chain > chain ? [span] : [];
    const from = Math.max(span.from, seq + 1);
    return from <= span.to ? [{ ...span, from }] : [];
  });

export const placesIn = (stretches: readonly Stretch[]): Place[] =>
  stretches.flatMap(({ chain, from, to }) =>
    Array.from({ length: to - from + 1 }, (_, i) => ({ chain, seq: from + i })),
  );

/** Cuts spans into pages of so many places. */
export function* pagesOf(spans: Iterable<Stretch>, size: number): Generator<Stretch[]> {
  let page: Stretch[] = [];
  let room = size;
  for (const { chain, from: first, to: last } of spans) {
    for (let from = first; from <= last; ) {
      const to = Math.min(last, from + room - 1);
      page.push({ chain, from, to });
      room -= to - from + 1;
      from = to + 1;
      if (room > 0) continue;
      yield page;
      page = [];
      room = size;
    }
  }
  if (page.length > 0) yield page;
}
