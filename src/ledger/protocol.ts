import type { DecisionFacts, RecordedEvidence, Verdict } from "../audit/record.ts";
import type { VerifiedRecord } from "../evidence/act/record.ts";
import type { Reason } from "../reasons.ts";
import type { EctLevel } from "../tenant/tenant.ts";
import type { RunMember } from "./run-key.ts";

/** What the gate asks of a ledger, and what it gets back. Plain data: it crosses an RPC. */

/** A one-time value that is not an ECT: the nonce of a signature, or of an attestation. */
export interface Claim {
  readonly kind: "nonce" | "attestation";
  /** Unique within its kind and principal; made of verified values. */
  readonly key: string;
  /** Signed issue time and last acceptable second. */
  readonly issuedAt: number;
  readonly lastAcceptable: number;
}

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

export interface MandateFacts extends RunMember {
  readonly iat: number;
  readonly exp: number;
  /** SHA-256 of the claims: fixed at first sight. */
  readonly digest: string;
}

/** A capability that may be used so many times under one mandate. */
export interface Use {
  /** Unique within the principal; made of verified values. */
  readonly key: string;
  readonly max: number;
  /** Seconds: the count may be forgotten when its mandate has ended. */
  readonly until: number;
}

/** One request to be admitted, or, where `denial` is set, one that was refused and is to be recorded. */
export interface Attempt {
  /** 128 random bits, once per inbound request: a repeated RPC with the same id gets the same ruling. */
  readonly decision: string;
  readonly mandate: MandateFacts | null;
  readonly step: Step | null;
  readonly claims: readonly Claim[];
  /** Counted when the call is admitted. */
  readonly uses: readonly Use[];
  /** To be taken once for its mandate. */
  readonly record: VerifiedRecord | null;
  readonly denial: Reason | null;
  /** What the form of an answer goes by; of a body that was not read, the method is what its header claims. */
  readonly answerForm: { readonly method: string | null; readonly modern: boolean; readonly wimse: boolean };
  readonly facts: DecisionFacts;
  readonly attestation: RecordedEvidence["attestation"];
  /** Execution records (SEP-2828) of the decision that is expected; kept where the ledger rules so. */
  readonly execution: readonly string[] | null;
  /** Until when an admitted call may run, milliseconds; then its outcome is written down as unknown. */
  readonly outcomeBy: number;
}

/** Where a decision stands in the journal. */
export interface Place {
  readonly chain: string;
  readonly seq: number;
  /** Milliseconds. */
  readonly time: number;
  readonly hash: string;
}

export interface Ruling {
  readonly verdict: Verdict;
  readonly reason: Reason | null;
  /** Null where nothing was written: a denial that is only counted, or a ledger that could not rule. */
  readonly place: Place | null;
  /** Whether the ECT is in the run graph now, with every parent, and a later `pred` may name it. */
  readonly stepRecorded: boolean;
}

/**
 * Instead of a ruling: all is well but for these parents, which may be steps of other agents. Nothing is written; the
 * attempt is to be made again with what those agents' ledgers know.
 */
export interface Question {
  readonly unknownParents: readonly string[];
}

export const isQuestion = <T extends object>(answer: T | Question): answer is Question =>
  "unknownParents" in answer;

/** What became of an admitted call. */
export interface Outcome {
  readonly decision: string;
  readonly facts: DecisionFacts;
  readonly run: string | null;
  /** HTTP status of the answer. */
  readonly status: number;
  /** Why there is no answer, or only a part of one; null where it is whole. */
  readonly reason: Reason | null;
  readonly output_hash: string | null;
  readonly latency_ms: number;
  /** The execution receipt of an attested call (SEP-2828); null where there is none. */
  readonly execution: readonly string[] | null;
}

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

/** What a ledger has not been able to hand on. */
export interface LedgerStatus {
  /** Empty where the ledger has no storage. */
  readonly chain: string;
  /** Number of the last record; 0 where there is none. */
  readonly seq: number;
  /** Records that are not in D1, but for those set aside. */
  readonly backlog: number;
  /** Time of the oldest of them, milliseconds. */
  readonly oldest: number | null;
  /** Records that `audit_records` did not take. */
  readonly setAside: number;
  /** Admitted calls whose outcome is not written. */
  readonly open: number;
}

/**
 * The home of a principal. Made of verified values alone, so that nothing a caller can vary (header, mandate,
 * run) carries a one-time value to another object. The version guards a later change of layout.
 */
export const ledgerName = (tenant: string, principal: string, lane: number): string =>
  JSON.stringify(["v1", tenant, principal, lane]);

/** The principal of callers that nothing is verified of; their refusals are sampled. */
export const UNVERIFIED = "unverified";
