import { GENESIS } from "../audit/record.ts";
import { incarnationIn } from "./meta.ts";
import type { KnownHead, LedgerHead } from "./protocol.ts";
import type { State } from "./state.ts";

/** The heads that a ledger remembers having told: the last one, and the last before it that came back as known. */
interface Told {
  readonly last: string;
  readonly confirmed: string;
}

/** What the directory knows of a ledger that it has no head of, and what a ledger has told that was never asked. */
const NONE: KnownHead = { seq: 0, hash: GENESIS };

/**
 * Tells the head of a ledger, and says whether it remembers having told the one that is `known`. An object that was restored from
 * a copy does not: it remembers an older one. Neither does one that has told heads to a directory that knows of none (null):
 * that directory has lost what it knew. An answer that was lost is no disagreement: until a head comes back as known, the one
 * that came back before it counts as well.
 *
 * After a disagreement it is the head told here that counts, so a directory that takes it over is agreed with from then on.
 * Writes one row, where the head or what is known of it has changed.
 */
export function tellHead({ journal, meta }: State, known: KnownHead | null): LedgerHead {
  const { chain, seq, hash } = journal;
  const none = nameOf(NONE);
  const before: Told = JSON.parse(meta.text("told") ?? "null") ?? { last: none, confirmed: none };
  const named = nameOf(known ?? NONE);
  const agrees = named === before.last || named === before.confirmed;
  const told: Told = { last: nameOf({ seq, hash }), confirmed: agrees ? named : before.confirmed };
  if (told.last !== before.last || told.confirmed !== before.confirmed)
    meta.set("told", JSON.stringify(told));
  return { chain, seq, hash, agrees };
}

/** That of a ledger that has not begun. */
export const emptyHead = (sql: SqlStorage, known: KnownHead | null): LedgerHead => ({
  chain: incarnationIn(sql),
  ...NONE,
  agrees: nameOf(known ?? NONE) === nameOf(NONE),
});

const nameOf = ({ seq, hash }: KnownHead): string => `${seq} ${hash}`;
