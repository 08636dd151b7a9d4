import { agentKeys } from "../evidence/agent-key.ts";
import { type PresentedBearer, verifyBearer } from "../evidence/bearer.ts";
import type { AgentCaller, Caller } from "../evidence/caller.ts";
import { findAnchor } from "../evidence/wit/verify.ts";
import { keyFinder } from "../keys/find.ts";
import type { KeyFinder } from "../keys/source.ts";
import type { Received } from "../mcp/read.ts";
import { observes } from "../observe.ts";
import { authorize } from "../policy/authorize.ts";
import { requiredEvidence } from "../policy/required.ts";
import type { Reason } from "../reasons.ts";
import { fail, ok, type Result } from "../result.ts";
import { readTenant } from "../tenant/store.ts";
import type { Agent, Tenant } from "../tenant/tenant.ts";

/** Who was admitted, at which tenant, and with what. */
export interface Admission {
  readonly tenant: Tenant;
  /** The bearer as it was sent. */
  readonly presented: PresentedBearer;
  readonly caller: Caller;
  readonly received: Received;
}

/**
 * Whether the tenant document, as it is now, still trusts a caller that was admitted: tenant and agent are not suspended,
 * mandate and key would be accepted, and some rule still matches such a message. Expiry is not asked here: an open answer
 * has a time of grace.
 *
 * One read of KV at the most: an invocation may make 1,000, and a stream is one invocation.
 *
 * @param now milliseconds
 */
export async function recheck(
  { tenant: { id }, presented, caller, received }: Admission,
  env: Env,
  now: number,
): Promise<Result<void, Reason>> {
  const found = await readTenant(id, env, now);
  if (!found.ok) return found;
  const tenant = found.value;
  if (tenant.suspended) return fail("policy.tenant_suspended");
  const keys = keyFinder(env, Date.now);
  const end = presented.kind === "mandate" ? presented.mandate.exp : presented.token.exp;
  const bearer = await verifyBearer(presented, tenant, keys, Math.min(Math.floor(now / 1000), end));
  if (!bearer.ok) return bearer;
  if (caller.kind === "token" || bearer.value.kind === "token") return ok(undefined);
  const { mandate } = bearer.value;
  const { agent } = mandate;
  if (agent.name !== caller.agent.name) return fail("principal.mismatch");
  const proven = await recheckProof(caller, agent, tenant, keys);
  if (!proven.ok) return proven;
  const required = requiredEvidence(received.message, tenant.evidenceRules, agent);
  return required.ok ? authorize({ agent, mandate }) : required;
}

/**
 * Whether the tenant still lets such a message through although nobody has proven to send it.
 *
 * @param now milliseconds
 */
export async function recheckObserved(
  { tenant: { id }, received: { message } }: Pick<Admission, "tenant" | "received">,
  env: Env,
  now: number,
): Promise<Result<void, Reason>> {
  const found = await readTenant(id, env, now);
  if (!found.ok) return found;
  const tenant = found.value;
  if (tenant.suspended) return fail("policy.tenant_suspended");
  const tool = (message.kind === "request" && message.tool?.name) || null;
  return observes(tenant, "evidence", tool, now) ? ok(undefined) : fail("policy.caller_unknown");
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
