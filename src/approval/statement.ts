/** What a person says to a call, signed by Countersign for whoever signed in: a compact JWS (RFC 7515) that the caller's ledger takes once. */

import { isCount, isHash, isListOf, isNullOr, isOneOf, isText, memberFault } from "../audit/shapes.ts";
import { type SigningKeys, signStatement } from "../audit/signing-keys.ts";
import { type StatementKeys, verifyStatement } from "../audit/statement.ts";
import { sha256, toBase64url, utf8 } from "../encoding.ts";
import { decodeJws } from "../evidence/jws.ts";

/** `typ` of its header. */
const APPROVAL_TYPE = "countersign-approval+jwt";

export const DECISIONS = ["approve", "refuse"] as const;

export type Decision = (typeof DECISIONS)[number];

export interface ApprovalStatement {
  /** The tenant's public URL. */
  readonly iss: string;
  /** The approver, as a principal is written: `oauth:<iss>:<sub>`. */
  readonly sub: string;
  /** The decision id of the request in which it was said. */
  readonly jti: string;
  /** Seconds. */
  readonly iat: number;
  /** When the call can no longer be made on it, seconds. */
  readonly exp: number;
  readonly decision: Decision;
  /** What the call waits under. */
  readonly id: string;
  /** See `approvalDigest`. */
  readonly digest: string;
  readonly tool: string;
  /** base64url SHA-256 of the tenant document. */
  readonly revision: string;
  /** Who wants to make the call. */
  readonly principal: string;
  /** `runKey` of its mandate; null where it has none. */
  readonly run: string | null;
  /** Those that the approver has. */
  readonly roles: readonly string[];
}

const CLAIMS = {
  iss: isText,
  sub: isText,
  jti: isText,
  iat: isCount,
  exp: isCount,
  decision: isOneOf(...DECISIONS),
  id: isText,
  digest: isHash,
  tool: isText,
  revision: isText,
  principal: isText,
  run: isNullOr(isText),
  roles: isListOf(isText),
};

export const signApproval = (claims: ApprovalStatement, { signing }: SigningKeys): Promise<string> =>
  signStatement(signing, APPROVAL_TYPE, claims);

/** Verifies a statement and reads it; null where it is none of ours, or is of another kind. */
export async function readApproval(text: string, keys: StatementKeys): Promise<ApprovalStatement | null> {
  const jws = decodeJws(text);
  const verified = jws.ok ? await verifyStatement(jws.value, APPROVAL_TYPE, keys) : jws;
  if (!verified.ok || memberFault(verified.value, CLAIMS) !== null) return null;
  return verified.value as unknown as ApprovalStatement;
}

/** base64url SHA-256 of a statement: what the audit log has of it. */
export const statementDigest = async (text: string): Promise<string> => toBase64url(await sha256(utf8(text)));
