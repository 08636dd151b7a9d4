/** The steps of a run, as gate and ledgers tell each other of them. Plain data: it crosses an RPC. */

import type { EctLevel } from "../tenant/tenant.ts";

/** A verified ECT, bound to its body and mandate: a node of the run graph. */
export interface Step {
  readonly jti: string;
  readonly iat: number;
  readonly lastAcceptable: number;
  readonly pred: readonly string[];
  /** The level it is taken at. */
  readonly level: EctLevel;
  /** What its parents must be. */
  readonly parents: ParentPolicy;
  /** Profile poc: its client also names steps that were not recorded. They are no edges of the graph. */
  readonly toleratesUnknownParents: boolean;
  /** The mandates of the chain of delegation, and steps of its agents that their ledgers have confirmed. */
  readonly foreignParents: readonly ForeignParent[];
  /** Whether there is nobody left to ask for parents that this ledger does not know. */
  readonly othersAsked: boolean;
}

export interface ParentPolicy {
  /** The lowest level. */
  readonly level: EctLevel;
  /** Whether a step that was denied may be one. */
  readonly denied: boolean;
}

/** What makes a parent of a step acceptable or not. */
export interface Parent {
  /** The earliest issue time of a child, seconds. */
  readonly earliestChild: number;
  /** That of a mandate is the highest: it is signed, or it would not be here. */
  readonly level: EctLevel;
  readonly denied: boolean;
}

/** A parent that is not of this ledger. */
export interface ForeignParent extends Parent {
  readonly jti: string;
}

/** A step as its ledger tells others of it. */
export interface FoundStep {
  readonly jti: string;
  readonly iat: number;
  readonly level: EctLevel;
  readonly denied: boolean;
}
