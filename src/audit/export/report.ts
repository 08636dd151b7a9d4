/** What the verification of an export says. */

import type { ChainFault } from "../checkpoint.ts";
import type { ExportClaims } from "./format.ts";
import type { Place } from "./spans.ts";

/** Why an export proves nothing from here on. */
export interface Fault extends Problem {
  /** Of the export, from 1; null for what is wrong with all of it. */
  readonly line: number | null;
}

export interface Problem {
  /** The place that it is about, where it is about one. */
  readonly chain: string | null;
  readonly seq: number | null;
  /** In words. */
  readonly problem: string;
}

export const general = (problem: string): Problem => ({ chain: null, seq: null, problem });

export const about = ({ chain, seq }: Place, problem: string): Problem => ({ chain, seq, problem });

/** What an export shows of the log itself, beside its records. */
export type Finding =
  /** A checkpoint says it of a chain; the first one that does. */
  | { readonly kind: ChainFault; readonly chain: string; readonly checkpoint: number }
  /** The end of a chain went with its ledger. */
  | { readonly kind: "gone"; readonly chain: string; readonly from: number; readonly to: number }
  /** D1 had records of a chain, up to this one, that no ledger has. */
  | { readonly kind: "unknown"; readonly chain: string; readonly seq: number };

/** A ledger that did not answer is asked again; all else does not mend. */
export const isGrave = ({ kind }: Finding): boolean => kind !== "unreachable";

export interface Counts {
  readonly checkpoints: number;
  readonly chains: number;
  /** Records of the range that retention has deleted, as a checkpoint says. */
  readonly expired: number;
  readonly records: number;
  readonly decisions: number;
  readonly outcomes: number;
  /** Of the records, those that were set aside. */
  readonly setAside: number;
  /** Decision records and execution receipts (SEP-2828) in them. */
  readonly executions: number;
}

/** All that an export says is proven. */
export interface Report {
  readonly claims: ExportClaims;
  readonly counts: Counts;
  readonly findings: readonly Finding[];
}
