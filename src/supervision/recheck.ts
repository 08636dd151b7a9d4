import { agentKeys } from "../evidence/agent-key.ts";
import { type PresentedBearer, type VerifiedBearer, verifyBearer } from "../evidence/bearer.ts";
import type { AgentCaller, Caller } from "../evidence/caller.ts";
import { findAnchor } from "../evidence/wit/verify.ts";
import { keyFinder } from "../keys/find.ts";
import type { KeyFinder } from "../keys/source.ts";
import type { Message } from "../mcp/message.ts";
import type { Received } from "../mcp/read.ts";
import { isCallersFault, observes } from "../observe.ts";
import { type Authorized, authorize } from "../policy/authorize.ts";
import type { Gate } from "../policy/gate-names.ts";
import { requiredEvidence } from "../policy/required.ts";
import { isEnough, neededScopes } from "../policy/scopes.ts";
import type { Reason } from "../reasons.ts";
import { fail, ok, type Result } from "../result.ts";
import { readTenant } from "../tenant/store.ts";
import type { Agent, Tenant } from "../tenant/tenant.ts";

/** Who was let in, at which tenant, and with what. */
export interface Admission {
  readonly tenant: Tenant;
  /** Null where the evidence did not hold, and was only observed. */
  readonly known: {
    /** The bearer as it was sent. */
    readonly presented: PresentedBearer;
    readonly caller: Caller;
  } | null;
  readonly received: Received;
}

/**
 * Whether the tenant document, as it is now, still trusts a caller that was admitted: tenant and agent are not suspended,
 * mandate and key would be accepted, and some rule still matches such a message; or whether it only looks at that. Expiry is not asked
 * here: an open answer has a time of grace.
 *
 * One read of KV at the most: an invocation may make 1,000, and a stream is one invocation.
 *
 * @param caller who has proven to have sent the call, also where other evidence did not hold; null for a stranger
 * @param now milliseconds
 */
export async function recheck(
  { tenant: { id }, known, received }: Admission,
  caller: Caller | null,
  env: Env,
  now: number,
): Promise<Result<void, Reason>> {
  const found = await readTenant(id, env, now);
  if (!found.ok) return found;
  const tenant = found.value;
  if (tenant.suspended) return fail("policy.tenant_suspended");
  const { message } = received;
  const tool = (message.kind === "request" && message.tool?.name) || null;
  const isLookedAt = (gate: Gate, reason: Reason) =>
    isCallersFault(reason) && observes(tenant, gate, tool, now);

  const holds: Result<Authorized, Reason> =
    known === null
      ? fail("policy.caller_unknown")
      : await recheckEvidence(known, message, tenant, keyFinder(env, Date.now), now);
  if (!holds.ok && !isLookedAt("evidence", holds.error)) return holds;
  const authorized = authorize(holds.ok ? holds.value : namedNow(caller, tenant));
  return authorized.ok || isLookedAt("agent", authorized.error) ? ok(undefined) : authorized;
}

/** @returns the agents that it is all of, as the document has them now */
async function recheckEvidence(
  { presented, caller }: NonNullable<Admission["known"]>,
  message: Message,
  tenant: Tenant,
  keys: KeyFinder,
  now: number,
): Promise<Result<Authorized, Reason>> {
  const end = presented.kind === "mandate" ? presented.mandate.exp : presented.token.exp;
  const bearer = await verifyBearer(presented, tenant, keys, Math.min(Math.floor(now / 1000), end));
  if (!bearer.ok) return bearer;
  if (caller.kind === "token" || bearer.value.kind === "token")
    return recheckScopes(bearer.value, message, tenant);
  const { mandate } = bearer.value;
  const { agent } = mandate;
  if (agent.name !== caller.agent.name) return fail("principal.mismatch");
  const proven = await recheckProof(caller, agent, tenant, keys);
  if (!proven.ok) return proven;
  const required = requiredEvidence(message, tenant.evidenceRules, agent);
  return required.ok ? ok({ agent, mandate }) : required;
}

/** The agents of a caller as the document has them now, by their names; null where one is gone, and for a stranger. */
function namedNow(caller: Caller | null, { agents }: Tenant): Authorized | null {
  if (caller?.kind !== "agent") return caller && { agent: null, mandate: null };
  const byName = new Map([...agents.bySubject.values()].map((agent) => [agent.name, agent]));
  const agent = byName.get(caller.agent.name);
  const chain = caller.mandate.chain.flatMap((link) => byName.get(link.agent.name) ?? []);
  const areThere = agent !== undefined && chain.length === caller.mandate.chain.length;
  return areThere ? { agent, mandate: { chain: chain.map((one) => ({ agent: one })) } } : null;
}

/** Whether the tenant still says that the scopes of a token are enough for the message that it came with. */
function recheckScopes(
  bearer: VerifiedBearer,
  message: Message,
  { accessTokens }: Tenant,
): Result<Authorized, Reason> {
  if (bearer.kind !== "token") return fail("principal.mismatch");
  const { scopes } = bearer.token;
  const needed = accessTokens && neededScopes(message, accessTokens, scopes);
  if (needed === null) return fail("token.no_rule");
  return isEnough(scopes, needed) ? ok({ agent: null, mandate: null }) : fail("token.scope");
}

/** Whether what the caller proved itself with is still taken from this agent. */
export async function recheckProof(
  { signature, wit }: AgentCaller,
  agent: Agent,
  tenant: Tenant,
  keys: KeyFinder,
): Promise<Result<void, Reason>> {
  if (signature === null) return agent.unsafeBearerOnly === null ? fail("signature.missing") : ok(undefined);
  const { kid, alg, thumbprint, profile } = signature.key;
  if (!tenant.signature.algorithms.has(alg)) return fail("signature.alg");
  if (wit !== null) {
    if (agent.workload?.profile !== profile) return fail("signature.key_unknown");
    if (!agent.workload.subjects.has(wit.subject) || tenant.pinnedKeys.has(thumbprint))
      return fail("principal.mismatch");
    const { trustDomain, key } = wit.anchor;
    const anchor = await findAnchor({ trustDomain, kid: key.kid, alg: key.alg }, tenant.trustDomains, keys);
    if (!anchor.ok) return anchor;
    return anchor.value.key.thumbprint === key.thumbprint ? ok(undefined) : fail("wit.key_unknown");
  }
  const wanted = { kid, algorithms: tenant.signature.publicAlgorithms, x5c: null };
  const found = await agentKeys(agent, tenant, keys)(wanted);
  if (!found.ok) return found;
  const key = found.value;
  const isSame = key?.thumbprint === thumbprint && key.agent === agent && key.profile === profile;
  return isSame ? ok(undefined) : fail("signature.key_unknown");
}
