import { sha256, toBase64url, utf8 } from "../encoding.ts";
import { canonical } from "../json/canonical.ts";
import type { JsonObject } from "../json/strict-json.ts";
import type { Reason } from "../reasons.ts";

/**
 * `decision`: what was decided about one request. `outcome`: what became of an admitted one.
 * `summary`: denials that were too many to be written one by one.
 */
export type RecordKind = "decision" | "outcome" | "summary";

/** `observed`: it would have been refused, and was passed on because the tenant only looks at that for a while. */
export type Verdict = "admitted" | "observed" | "denied";

/** Whether the call was passed on. */
export const isForwarded = (verdict: Verdict | null): boolean =>
  verdict === "admitted" || verdict === "observed";

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
  /**
   * The checks that were passed, in order; among them what was only observed (`observed.<gate>:<reason>`), and rules of the policy that
   * were true (`rule:<name>`).
   */
  readonly checks: readonly string[];
  /** Denials that were not written and that this record counts; null where it counts none. */
  readonly count: number | null;
  /** The fields of the arguments that the tenant keeps, by JSON Pointer (RFC 6901); null where it keeps none of them, and in an outcome. */
  readonly kept: Readonly<Record<string, Kept>> | null;
}

export type Kept = string | number | boolean | null;

/** What a decision rests on, as far as it was verified. Digests and identifiers alone. */
export interface RecordedEvidence {
  /** Times in seconds; `digest` is the base64url SHA-256 of the canonical claims. */
  readonly mandate: { readonly digest: string; readonly iat: number; readonly exp: number } | null;
  /** The access token (RFC 9068) in its place. */
  readonly token: { readonly digest: string; readonly iat: number; readonly exp: number } | null;
  /** What people said to the call: the id it was asked for under, and the digests of the approvals that it used up. */
  readonly approval: { readonly id: string; readonly approvals: readonly string[] } | null;
  /**
   * The step; `joined` says whether it is in the graph of its run, and `foreign` which parents of it are mandates that its own derives
   * from, or steps that the ledgers of their agents have confirmed.
   */
  readonly ect: {
    readonly jti: string;
    readonly iat: number;
    readonly level: number;
    readonly pred: readonly string[];
    readonly foreign: readonly string[];
    readonly joined: boolean;
  } | null;
  /** `sha256:<hex>` of the canonical attestation as received, with its signature. */
  readonly attestation: { readonly digest: string; readonly nonce: string } | null;
  /** An ACT record (phase 2) that came with the request, of the mandate that it names. */
  readonly record: {
    readonly iss: string;
    readonly jti: string;
    /** `runKey` of that mandate. */
    readonly run: string;
    readonly digest: string;
    readonly exec_act: string;
    readonly exec_ts: number;
    readonly status: string;
    readonly pred: readonly string[];
  } | null;
}

/** One row of the audit log, and the pre-image of its hash (without `hash` itself). */
export interface AuditRecord extends DecisionFacts {
  /** Version of this form. */
  readonly v: 3;
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
  /** `runKey` of the mandate. */
  readonly run: string | null;
  /** Null for what is no decision. */
  readonly evidence: RecordedEvidence | null;
  /** Decision record and execution receipt of an attested call (SEP-2828), as they were signed; null where there are none. */
  readonly execution: readonly string[] | null;
  /** base64url SHA-256 of what the origin answered. */
  readonly output_hash: string | null;
  /** The same of what the caller was given, where that is not what the origin answered. */
  readonly delivered_hash: string | null;
  readonly latency_ms: number | null;
  /** base64url SHA-256 of all that this record says; see `digestRecord`. */
  readonly digest: string;
  /** `hash` of the record before it; `GENESIS` for the first one. */
  readonly prev_hash: string;
  /** Ties `digest` to all records before it; see `linkHash`. */
  readonly hash: string;
}

/** `prev_hash` of the first record of a chain. */
export const GENESIS = toBase64url(new Uint8Array(32));

/** Separate these hashes from every other use of SHA-256, and one version of the record from the next. */
const RECORD_DOMAIN = "countersign-audit-record-v3\n";
const LINK_DOMAIN = "countersign-audit-link-v2\n";

/** SHA-256 over the domain and the canonical form (RFC 8785) of all members but the three hashes. */
export function digestRecord(record: Unhashed): Promise<string> {
  const { digest: _d, prev_hash: _p, hash: _h, ...content } = record as AuditRecord;
  return digestContent(canonical(content as unknown as JsonObject));
}

/** The same of a record whose canonical form is there. */
export const digestContent = async (content: string): Promise<string> =>
  toBase64url(await sha256(utf8(RECORD_DOMAIN + content)));

/** A record before it is chained; what hashes it may have are not looked at. */
export type Unhashed = Omit<AuditRecord, "digest" | "prev_hash" | "hash">;

/**
 * Hash of a record in its chain: over the hash before it and its own digest alone. So a chain can be followed by digests, without
 * showing what the records say.
 */
export const linkHash = async (prevHash: string, digest: string): Promise<string> =>
  toBase64url(await sha256(utf8(`${LINK_DOMAIN}${prevHash}\n${digest}`)));
