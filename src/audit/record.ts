import { sha256, toBase64url, utf8 } from "../encoding.ts";
import { canonical } from "../json/canonical.ts";
import type { Reason } from "../reasons.ts";

/**
 * `decision`: what was decided about one request. `outcome`: what became of an admitted one.
 * `summary`: denials that were too many to be written one by one.
 */
export type RecordKind = "decision" | "outcome" | "summary";

export type Verdict = "admitted" | "denied";

/** What the gate knows about a decision. Hashes of input and output, never their text. */
export interface DecisionFacts {
  readonly tenant: string;
  /** base64url SHA-256 of the tenant document that decided; null for a summary. */
  readonly revision: string | null;
  readonly principal: string;
  /** JSON array of `iss` and `jti` of the mandate, where one was verified. */
  readonly mandate: string | null;
  /** The MCP method; the HTTP method of what has none. */
  readonly method: string | null;
  readonly tool: string | null;
  readonly action: string | null;
  /** base64url SHA-256 of the body. */
  readonly input_hash: string | null;
  /** The checks that were passed, in order. */
  readonly checks: readonly string[];
  /** Denials that were not written and that this record counts; null where it counts none. */
  readonly count: number | null;
}

/** One row of the audit log, and the pre-image of its hash (without `hash` itself). */
export interface AuditRecord extends DecisionFacts {
  /** Version of this form. */
  readonly v: 1;
  /** Unique in the whole log: the decision id, followed by `.outcome` or `.summary` for those kinds. */
  readonly id: string;
  readonly kind: RecordKind;
  /** The id the caller was given in `Countersign-Decision`. */
  readonly decision: string;
  /** Incarnation of the ledger that wrote it: one writer, so a chain cannot fork. */
  readonly chain: string;
  /** 1 for the first record of a chain, then without gaps. */
  readonly seq: number;
  /** Milliseconds since 1970. */
  readonly time: number;
  readonly verdict: Verdict | null;
  readonly reason: Reason | null;
  /** HTTP status of the answer; null for a decision to forward, whose outcome has it. */
  readonly status: number | null;
  readonly run: string | null;
  readonly output_hash: string | null;
  readonly latency_ms: number | null;
  /** base64url SHA-256; 43 zeros' worth (`GENESIS`) for the first record. */
  readonly prev_hash: string;
  readonly hash: string;
}

/** `prev_hash` of the first record of a chain. */
export const GENESIS = toBase64url(new Uint8Array(32));

/** Separates these hashes from every other use of SHA-256, and one version of the record from the next. */
const DOMAIN = "countersign-audit-record-v1\n";

/** Hash of a record: SHA-256 over the domain and the canonical form (RFC 8785) of all members but `hash`. */
export async function hashRecord(record: Omit<AuditRecord, "hash">): Promise<string> {
  return toBase64url(await sha256(utf8(DOMAIN + canonical({ ...record, checks: [...record.checks] }))));
}
