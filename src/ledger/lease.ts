/** What a call uses of limits, and what ledger and directory say about those that ledgers share. Plain data: it crosses an RPC. */

import type { LimitOwner } from "../tenant/schema/limits.ts";

/** A limit that counts a call. */
export interface LimitUse {
  /** Names what is counted, in the whole tenant; made of verified values. */
  readonly key: string;
  readonly per: LimitOwner;
  /** Whether other ledgers count the same: then the directory hands out what may be used. */
  readonly shared: boolean;
  /** Who issues what callers could make many counts with: counts of mandates are bounded for each; null where the document bounds them. */
  readonly issuer: string | null;
  /** What this call uses of it, and the most there is. */
  readonly amount: number;
  readonly max: number;
  /** Seconds; null for the life of the bearer. */
  readonly window: number | null;
  /** The life of the bearer, seconds. */
  readonly from: number;
  readonly until: number;
}

/** What a ledger asks of the directory: to use so much of a limit that others use too. */
export interface LeaseRequest extends Pick<LimitUse, "key" | "issuer" | "max"> {
  readonly period: Period;
  /** With less it cannot begin anything; more than `want` is too much. */
  readonly need: number;
  readonly want: number;
  /** Whether it holds nothing yet of this period. */
  readonly isFirst: boolean;
}

/** A time in which calls are counted together, seconds. */
export interface Period {
  /** Names it among those of the same key. */
  readonly id: number;
  readonly from: number;
  /** Nobody counts in it any more. */
  readonly end: number;
}

/** What the directory answers to one request. */
export type Lease =
  | { readonly kind: "granted"; readonly units: number }
  /** There are only so many, and no more will there be. */
  | { readonly kind: "exhausted"; readonly left: number }
  /** It keeps as many counts of this issuer as it may. */
  | { readonly kind: "full" }
  /** It cannot say what was handed out: the period is not of its time, or began before something was lost. */
  | { readonly kind: "unknown" };
