import { GENESIS } from "../audit/record.ts";
import { MAX_TOLD_HEADS } from "../limits.ts";
import { incarnationIn } from "./meta.ts";
import type { State } from "./state.ts";

/** The end of a ledger's chain as the directory knows it from the last answer. */
export interface KnownHead {
  readonly seq: number;
  readonly hash: string;
}

/** The end of a ledger's chain, as the ledger itself says. */
export interface LedgerHead extends KnownHead {
  /** Incarnation of the ledger; empty where it has no storage. */
  readonly chain: string;
  /** Whether the ledger remembers having told what the directory knows. */
  readonly agrees: boolean;
  /** Whether D1 has all records up to there. */
  readonly isInD1: boolean;
}

/** What the directory knows of a ledger that it has no head of, and what a ledger has told that was never asked. */
const NONE: KnownHead = { seq: 0, hash: GENESIS };

/**
 * Tells the head of a ledger, and says whether it remembers having told the one that is `known`. An object that was restored from
 * a copy does not: it remembers older ones. Neither does one that has told heads to a directory that knows of none (null):
 * that directory has lost what it knew.
 *
 * It remembers the last head that came back as known, and those that it has told since then. So an answer that was lost is no
 * disagreement, nor is a question that comes after later ones.
 *
 * Writes one row, where the head or what is known of it has changed.
 */
export function tellHead({ journal, shelf, meta }: State, known: KnownHead | null): LedgerHead {
  const { chain, seq, hash, backlog } = journal;
  const before: readonly string[] = JSON.parse(meta.text("told") ?? "null") ?? [nameOf(NONE)];
  const place = before.indexOf(nameOf(known ?? NONE));
  const agrees = place >= 0;
  const [confirmed = "", ...since] = agrees ? before.slice(place) : before;
  const name = nameOf({ seq, hash });
  const isNew = name !== (since.at(-1) ?? confirmed);
  const told = [confirmed, ...(isNew ? [...since, name] : since).slice(-MAX_TOLD_HEADS)];
  if (isNew || place > 0) meta.set("told", JSON.stringify(told));
  return { chain, seq, hash, agrees, isInD1: backlog === 0 && shelf.isEmpty };
}

/** That of a ledger that has not begun. */
export const emptyHead = (sql: SqlStorage, known: KnownHead | null): LedgerHead => ({
  chain: incarnationIn(sql),
  ...NONE,
  agrees: nameOf(known ?? NONE) === nameOf(NONE),
  isInD1: true,
});

const nameOf = ({ seq, hash }: KnownHead): string => `${seq} ${hash}`;
