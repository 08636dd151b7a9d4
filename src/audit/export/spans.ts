/** Which records an export has: what three checkpoints say of each chain. */

import type { Head } from "../checkpoint.ts";
import { GENESIS } from "../record.ts";

/** Heads by chain. */
export type Heads = ReadonlyMap<string, Head>;

/** Records of one chain, without gaps. */
export interface Span {
  readonly chain: string;
  /** Numbers of the first and the last one. */
  readonly from: number;
  readonly to: number;
  /** Hash of the record before the first one, and of the last one. */
  readonly prevHash: string;
  readonly hash: string;
}

/**
 * The records behind the heads of `base` up to those of `last`, as far as they are still kept at `latest`, in the order of an export.
 * A chain without any has no span.
 *
 * @param base null where each chain begins with the first record that is kept
 * @param latest has every chain of `last`, as has `last` every one of `base`
 */
export function spansOf(base: Heads | null, last: Heads, latest: Heads): Span[] {
  const spans: Span[] = [];
  for (const { chain, seq, hash } of last.values()) {
    const kept = latest.get(chain);
    if (kept === undefined) continue;
    const before = base?.get(chain) ?? { seq: 0, hash: GENESIS };
    const from = Math.max(before.seq + 1, kept.start);
    const prevHash = from === kept.start ? kept.start_prev : before.hash;
    if (from <= seq) spans.push({ chain, from, to: seq, prevHash, hash });
  }
  return spans.sort((a, b) => (a.chain < b.chain ? -1 : 1));
}

/** How many records spans have together. */
export const sizeOf = (spans: readonly Span[]): number =>
  spans.reduce((sum, { from, to }) => sum + to - from + 1, 0);

export const headsByChain = (heads: readonly Head[]): Heads =>
  new Map(heads.map((head) => [head.chain, head]));

/** What is left of spans behind a place. */
export const spansBehind = (
  spans: readonly Span[],
  { chain, seq }: { readonly chain: string; readonly seq: number },
): Span[] =>
  spans.flatMap((span) => {
    if (span.chain !== chain) return span.chain > chain ? [span] : [];
    const from = Math.max(span.from, seq + 1);
    return from <= span.to ? [{ ...span, from }] : [];
  });

/** Places of a chain. */
export type Stretch = Pick<Span, "chain" | "from" | "to">;

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
