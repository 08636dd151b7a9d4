/** What an administrator asks for and is told. Plain data: it crosses an RPC. */

import type { Revoked } from "../ledger/revoked.ts";

/** What an administrator asks for. */
export interface Revocation {
  readonly revoked: Revoked;
  readonly reason: string | null;
  /** Seconds: its end; null where it has none. */
  readonly until: number | null;
}

/** A revocation, and how it stands. Times are milliseconds but for `until`. */
export interface Revoking extends Revocation {
  readonly number: number;
  /** The principal who asked for it; null where only ledgers remember it. */
  readonly by: string | null;
  readonly at: number;
  readonly lifted: { readonly by: string; readonly at: number } | null;
  /** Whether it holds at every ledger: no call is admitted against it, or, once it is lifted, refused for it. */
  readonly effective: boolean;
  /** Ledgers that have not confirmed it. */
  readonly waiting: number;
}
