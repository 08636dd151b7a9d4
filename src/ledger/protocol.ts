import type { DecisionFacts, RecordedEvidence, Verdict } from "../audit/record.ts";
import type { VerifiedRecord } from "../evidence/act/record.ts";
import type { Gate } from "../policy/gate-names.ts";
import type { Reason } from "../reasons.ts";
import type { LimitUse } from "./lease.ts";
import type { RunMember } from "./run-key.ts";
import type { Step } from "./step.ts";

/** What the gate asks of a ledger, and what it gets back. Plain data: it crosses an RPC. */

/** A one-time value that is not an ECT: the nonce of a signature or of an attestation, a proof, the id of a request in its session. */
export interface Claim {
  readonly kind: "nonce" | "attestation" | "dpop" | "request";
  /** Unique within its kind and principal; made of verified values. */
  readonly key: string;
  /** Signed issue time and last acceptable second. */
  readonly issuedAt: number;
  readonly lastAcceptable: number;
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

/** What the ledger finds out: how often, whether a person approves, and only once. */
export const LEDGER_GATES = ["approval", "limits", "admission"] as const satisfies readonly Gate[];

/** The check of a record that says that a call has passed the gate `approval`: nobody had to be asked, or has approved it. */
export const APPROVED = "gate.approval";

/** What a person is to be asked about a call. */
export interface ApprovalAsk {
  /** base64url SHA-256 over run, principal, tool and `params` without `_meta`. */
  readonly digest: string;
  readonly tool: string;
  /** `revision` of the tenant document. */
  readonly revision: string;
  readonly roles: readonly string[];
  /** How many different people. */
  readonly people: number;
  /** Seconds that it lives. */
  readonly lifetime: number;
  /** What the person is shown, sealed. */
  readonly sealed: string;
}

/** A call that waits for a person: the id is the decision id of the request that asked for it first. */
export interface PendingApproval {
  readonly id: string;
  /** Seconds. */
  readonly expires: number;
}

/** What a ledger has of a call that people are asked about. */
export interface ApprovalEntry extends PendingApproval, Omit<ApprovalAsk, "lifetime" | "sealed"> {
  readonly state: "pending" | "approved" | "refused";
  /** Null once it is decided. */
  readonly sealed: string | null;
  /** What was said so far. */
  readonly approvals: readonly Approved[];
}

export interface Approved {
  /** The person. */
  readonly sub: string;
  /** base64url SHA-256 of the signed statement. */
  readonly statement: string;
}

/**
 * Why a statement about a call changes nothing. `invalid`: it is not one of ours. `unknown`: nobody is asked (any more). `decided`: others
 * were faster. `mismatch`: it is about another call. `role`: the person has none that may approve it. `own`: it is the person's own call.
 * `again`: the person has said something before. `unavailable`: it could not be written down.
 */
export type ApprovalFault =
  | "invalid"
  | "unknown"
  | "decided"
  | "mismatch"
  | "role"
  | "own"
  | "again"
  | "unavailable";

/** One request to be admitted, or, where `denial` is set, one that was refused and is to be recorded. */
export interface Attempt {
  /** 128 random bits, once per inbound request: a repeated RPC with the same id gets the same ruling. */
  readonly decision: string;
  readonly mandate: MandateFacts | null;
  /** The access token in its place. */
  readonly token: RecordedEvidence["token"];
  readonly step: Step | null;
  readonly claims: readonly Claim[];
  /** Counted when the call is admitted. */
  readonly uses: readonly Use[];
  /** To be taken once for its mandate. */
  readonly record: VerifiedRecord | null;
  readonly denial: Reason | null;
  /** Why it would have been denied, were that not only observed. */
  readonly observed: Reason | null;
  /** Of what the ledger finds out, what is only observed. */
  readonly observes: readonly (typeof LEDGER_GATES)[number][];
  /** Names of all that it rests on and that may have been revoked. */
  readonly revocable: readonly string[];
  /** `version` of the tenant document that decided. */
  readonly documentVersion: number;
  readonly limits: readonly LimitUse[];
  /** Null where no person is asked. */
  readonly approval: ApprovalAsk | null;
  /** Whether the caller is known. */
  readonly verified: boolean;
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
  /** Seconds after which a call that was refused for a limit may be made; null for every other ruling. */
  readonly retryAfter: number | null;
  /** Under what a person is asked; null where nobody is. */
  readonly approval: PendingApproval | null;
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
  /** See `AuditRecord`. */
  readonly delivered_hash: string | null;
  readonly latency_ms: number;
  /** The execution receipt of an attested call (SEP-2828); null where there is none. */
  readonly execution: readonly string[] | null;
}
