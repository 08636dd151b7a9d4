import { chainParents } from "./ancestors.ts";
import type { DecisionFacts } from "./audit/record.ts";
import { toBase64url } from "./encoding.ts";
import type { VerifiedAccessToken } from "./evidence/access-token/verify.ts";
import type { VerifiedMandate } from "./evidence/act/verify.ts";
import type { ShownAttestation } from "./evidence/attested.ts";
import { bearerEnd, principalOf } from "./evidence/caller.ts";
import { ledgerName, UNVERIFIED } from "./ledger/names.ts";
import { type Attempt, type Claim, LEDGER_GATES, type MandateFacts, type Use } from "./ledger/protocol.ts";
import type { ParentPolicy, Step } from "./ledger/step.ts";
import {
  BODY_DEADLINE_MS,
  CLAIM_HORIZON,
  DPOP_WINDOW,
  LEDGER_DEADLINE_MS,
  MAX_OBSERVED_STREAM_MS,
  MAX_REMEMBERED_ID_LENGTH,
  OUTCOME_SLACK_MS,
} from "./limits.ts";
import { MCP_METHODS } from "./mcp/methods.ts";
import { isLookedAt } from "./observe.ts";
import { limitUses } from "./policy/limit-uses.ts";
import type { Reason } from "./reasons.ts";
import { revocableIn } from "./revocable.ts";
import type { Tenant } from "./tenant/tenant.ts";
import { isWimse, type Trail } from "./trail.ts";

/** Name of the ledger that rules on the request: the caller's, or the one for strangers. */
export const homeOf = ({ caller }: Trail, tenant: Tenant): string =>
  ledgerName(tenant.id, principalIn(caller), caller?.lane ?? 0);

/** What the audit record says about the request: of a stranger's, no text of its own. */
export const factsOf = (trail: Trail, tenant: Tenant): DecisionFacts => ({
  tenant: tenant.id,
  revision: tenant.revision,
  principal: principalIn(trail.caller),
  mandate: trail.mandate && JSON.stringify([trail.mandate.iss, trail.mandate.jti]),
  method: methodOf(trail, tenant),
  tool: trail.caller ? trail.tool : listedTool(trail, tenant),
  action: trail.action,
  input_hash: trail.bodySha256 && toBase64url(trail.bodySha256),
  checks: trail.checks,
  count: null,
  kept: trail.caller && trail.kept,
});

/** Of a stranger only a tool that the tenant itself names gets into the log: it is no place for anybody's texts. */
const listedTool = ({ tool }: Trail, { policy }: Tenant): string | null =>
  tool !== null && policy.tools.has(tool) ? tool : null;

/** A stranger's method only if it exists. */
function methodOf({ method, caller }: Trail, { actions }: Tenant): string | null {
  const exists = method !== null && (MCP_METHODS.has(method) || actions.extraMethods.has(method));
  return exists || caller !== null || HTTP_METHODS.has(method ?? "") ? method : null;
}

const HTTP_METHODS: ReadonlySet<string> = new Set(["GET", "DELETE", "POST"]);

/**
 * What the ledger is asked. With `denial` set, only to write it down.
 *
 * @param execution what was signed about the decision that is expected
 */
export const attemptOf = (
  trail: Trail,
  facts: DecisionFacts,
  denial: Reason | null,
  execution: Attempt["execution"] = null,
): Attempt => ({
  decision: trail.decision,
  mandate: trail.caller?.mandate ? mandateOf(trail.caller.mandate) : null,
  token: trail.caller?.token ? tokenOf(trail.caller.token) : null,
  step: stepIn(spent(trail, denial)),
  claims: claimsOf(spent(trail, denial)),
  uses: usesOf(trail),
  record: trail.record,
  denial,
  observed: trail.observed,
  observes: observedGates(trail),
  revocable: revocableIn(trail),
  documentVersion: trail.tenant?.version ?? 0,
  limits: limitUses(trail),
  approval: trail.approval,
  verified: trail.caller !== null,
  answerForm: { method: trail.method ?? trail.claimedMethod, modern: trail.modern, wimse: isWimse(trail) },
  facts,
  attestation: attestationIn(trail),
  execution,
  outcomeBy: outcomeBy(trail),
});

/** A header that anybody may have added is no reason to use up the caller's ECT, unless the call goes on all the same. */
const spent = (trail: Trail, denial: Reason | null): Trail =>
  denial !== null && trail.sparesStep ? { ...trail, step: null } : trail;

/**
 * A stream ends with its mandate and what time of grace there is; an answer may come late, and has that grace all the same. One of an
 * observed stranger's ends some time after it was answered. See `superviseCall`.
 */
function outcomeBy({ caller, tenant, startedAt }: Trail): number {
  if (tenant === null) return startedAt;
  const latestAnswer = startedAt + BODY_DEADLINE_MS + LEDGER_DEADLINE_MS + tenant.origin.timeoutMs;
  const end =
    caller === null
      ? latestAnswer + MAX_OBSERVED_STREAM_MS
      : Math.max(latestAnswer, bearerEnd(caller) * 1000);
  return end + (tenant.streams.grace + tenant.streams.recheck) * 1000 + OUTCOME_SLACK_MS;
}

/** The request's mandate as the ledger knows it. */
const mandateOf = ({ iss, rootIss, jti, wid, iat, exp, digest }: VerifiedMandate): MandateFacts => ({
  iss,
  rootIss,
  jti,
  wid,
  iat,
  exp,
  digest,
});

const principalIn = (caller: Trail["caller"]): string => (caller === null ? UNVERIFIED : principalOf(caller));

const tokenOf = ({ digest, iat, exp }: VerifiedAccessToken): Attempt["token"] => ({ digest, iat, exp });

/** What the ledger finds out and the tenant only looks at. */
const observedGates = (trail: Trail): Attempt["observes"] =>
  LEDGER_GATES.filter((gate) => isLookedAt(trail, gate));

/** What a tenant asks of the parents of a step. */
export const parentPolicy = ({ ect }: Tenant): ParentPolicy => ({
  level: ect.unsafeUnsigned ? 1 : ect.level,
  denied: ect.deniedParents,
});

function stepIn({ step: ect, caller, tenant }: Trail): Step | null {
  if (ect === null || caller?.kind !== "agent" || tenant === null) return null;
  const parents = parentPolicy(tenant);
  return {
    jti: ect.jti,
    iat: ect.iat,
    lastAcceptable: ect.lastAcceptable,
    pred: ect.pred,
    level: ect.level,
    parents,
    toleratesUnknownParents: ect.key.profile === "poc" && parents.level < 3,
    foreignParents: chainParents(caller.mandate),
    othersAsked: caller.mandate.chain.length === 0,
  };
}

/** The digest fixes what stands at a place in `cap`, and how long: a mandate that is issued anew under one jti is counted anew. */
const usesOf = ({ caller, counted }: Trail): readonly Use[] => {
  if (caller?.kind !== "agent" || counted === null) return [];
  const { iss, jti, digest, exp } = caller.mandate;
  return [{ key: JSON.stringify([iss, jti, digest, counted.index]), max: counted.max, until: exp }];
};

/** A signature that covers an ECT needs no nonce of its own: the ECT's jti is spent, and one row is written less. */
function claimsOf({ caller, step, ...trail }: Trail): readonly Claim[] {
  const claims: Claim[] = [];
  const signature = caller?.signature ?? null;
  if (signature !== null && step === null && signature.nonce !== null) {
    const { nonce, created, lastAcceptable } = signature;
    claims.push({ kind: "nonce", key: nonce, issuedAt: created, lastAcceptable });
  }
  const token = caller?.token ?? null;
  if (token?.proof) {
    const { jti, iat } = token.proof;
    claims.push({
      kind: "dpop",
      key: JSON.stringify([token.confirmation, jti]),
      issuedAt: iat,
      lastAcceptable: iat + DPOP_WINDOW,
    });
  }
  const shown = shownIn(trail);
  if (shown !== null) {
    const { nonceKey, iat, lastAcceptable } = shown;
    claims.push({ kind: "attestation", key: nonceKey, issuedAt: Math.floor(iat), lastAcceptable });
  }
  return [...claims, ...requestClaims(trail)];
}

/**
 * Servers that keep sessions find the stream of a response by the id of its request: the result of a redacted tool could come as that of
 * another call with the same id. Some compare ids as texts. MCP wants ids that are used once in a session ("Requests"). Of two that begin
 * alike for longer than is remembered, the second counts as used.
 */
function requestClaims({
  id,
  session,
  tenant,
  startedAt,
}: Pick<Trail, "id" | "session" | "tenant" | "startedAt">): Claim[] {
  if (id === null || session === null || !tenant?.policy.strictestRedaction) return [];
  const issuedAt = Math.floor(startedAt / 1000);
  const key = JSON.stringify([session.id, String(id)].map((text) => text.slice(0, MAX_REMEMBERED_ID_LENGTH)));
  return [{ kind: "request", key, issuedAt, lastAcceptable: issuedAt + CLAIM_HORIZON }];
}

/** The attestation that the request came with, of this call or not. */
export const shownIn = ({
  attested,
  unbound,
}: Pick<Trail, "attested" | "unbound">): ShownAttestation | null => attested ?? unbound;

function attestationIn(trail: Trail): Attempt["attestation"] {
  const shown = shownIn(trail);
  return shown && { digest: shown.digest, nonce: shown.nonce };
}
