import type { DecisionFacts } from "./audit/record.ts";
import { randomId, toBase64url } from "./encoding.ts";
import type { VerifiedMandate } from "./evidence/act/verify.ts";
import type { Attested } from "./evidence/attested.ts";
import type { Caller } from "./evidence/caller.ts";
import type { VerifiedEct } from "./evidence/ect/verify.ts";
import {
  type Attempt,
  type Claim,
  ledgerName,
  type MandateFacts,
  type Ruling,
  type Step,
  UNVERIFIED,
} from "./ledger/protocol.ts";
import type { RequestId } from "./mcp/message.ts";
import type { Reason } from "./reasons.ts";
import type { Tenant } from "./tenant/tenant.ts";

/**
 * What is known about one request so far. The gate fills it on the way; the answer and the audit record are made
 * from it, however far the request came. Nothing here decides anything.
 */
export interface Trail {
  /** The decision id, which is also the attempt id. */
  readonly decision: string;
  /** Milliseconds. */
  readonly startedAt: number;
  tenant: Tenant | null;
  /** The `Origin` of a browser client, once it is allowed. */
  corsOrigin: string | null;
  id: RequestId | null;
  method: string | null;
  tool: string | null;
  action: string | null;
  /** Whether the request follows revision 2026-07-28 or later. */
  modern: boolean;
  bodySha256: Uint8Array | null;
  caller: Caller | null;
  /** The ECT, once it is bound to body and mandate: from then on it is a step of the run, admitted or not. */
  step: VerifiedEct | null;
  attested: Attested | null;
  /** What the ledger said; null until it was asked. */
  ruling: Ruling | null;
  /** The checks passed, in order. */
  readonly checks: string[];
}

export const newTrail = (now: number): Trail => ({
  decision: randomId(),
  startedAt: now,
  tenant: null,
  corsOrigin: null,
  id: null,
  method: null,
  tool: null,
  action: null,
  modern: false,
  bodySha256: null,
  caller: null,
  step: null,
  attested: null,
  ruling: null,
  checks: [],
});

/** The ledger that rules on the request, or null while not even the tenant is known. */
export function homeOf({ tenant, caller }: Trail): string | null {
  if (tenant === null) return null;
  return ledgerName(tenant.id, principalOf(caller), caller?.key.lane ?? 0);
}

/** What the audit record says about the request. */
export const factsOf = (trail: Trail, tenant: Tenant, status: number | null): DecisionFacts => ({
  tenant: tenant.id,
  principal: principalOf(trail.caller),
  mandate: trail.caller && JSON.stringify([trail.caller.mandate.iss, trail.caller.mandate.jti]),
  method: trail.method,
  tool: trail.tool,
  action: trail.action,
  input_hash: trail.bodySha256 && toBase64url(trail.bodySha256),
  status,
  checks: trail.checks,
  count: null,
});

/** What the ledger is asked. With `denial` set, only to write it down. */
export const attemptOf = (trail: Trail, facts: DecisionFacts, denial: Reason | null): Attempt => ({
  decision: trail.decision,
  mandate: trail.caller && mandateOf(trail.caller.mandate),
  step: trail.step && stepOf(trail.step),
  claims: claimsOf(trail),
  denial,
  facts,
});

/** The request's mandate as the ledger knows it. */
const mandateOf = ({ iss, jti, wid, iat, exp, digest }: VerifiedMandate): MandateFacts => ({
  iss,
  jti,
  wid,
  iat,
  exp,
  digest,
});

const principalOf = (caller: Caller | null): string =>
  caller === null ? UNVERIFIED : `agent:${caller.key.agent.name}`;

const stepOf = (ect: VerifiedEct): Step => ({
  jti: ect.jti,
  iat: ect.iat,
  lastAcceptable: ect.lastAcceptable,
  pred: ect.pred,
  toleratesUnknownParents: ect.key.profile === "poc",
});

/** A signature that covers an ECT needs no nonce of its own: the ECT's jti is spent, and one row is written less. */
function claimsOf({ caller, step, attested }: Trail): readonly Claim[] {
  const claims: Claim[] = [];
  if (caller !== null && step === null && caller.signature.nonce !== null) {
    const { nonce, created, lastAcceptable } = caller.signature;
    claims.push({ kind: "nonce", key: nonce, issuedAt: created, lastAcceptable });
  }
  if (attested !== null) {
    const { nonceKey, iat, lastAcceptable } = attested;
    claims.push({ kind: "attestation", key: nonceKey, issuedAt: Math.floor(iat), lastAcceptable });
  }
  return claims;
}
