import type { Mandate } from "../evidence/act/parse.ts";
import { verifyMandate } from "../evidence/act/verify.ts";
import { agentKeys } from "../evidence/agent-key.ts";
import type { Caller } from "../evidence/caller.ts";
import { findAnchor } from "../evidence/wit/verify.ts";
import { keyFinder } from "../keys/find.ts";
import type { KeyFinder } from "../keys/source.ts";
import type { Received } from "../mcp/read.ts";
import { authorize } from "../policy/authorize.ts";
import { requiredEvidence } from "../policy/required.ts";
import type { Reason } from "../reasons.ts";
import { fail, ok, type Result } from "../result.ts";
import { readTenant } from "../tenant/store.ts";
import type { Agent, Tenant } from "../tenant/tenant.ts";

/** Who was admitted, at which tenant, and with what. */
export interface Admission {
  readonly tenant: Tenant;
  /** The mandate as it was sent. */
  readonly presented: Mandate;
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
  const keys = keyFinder(env, Date.now);
  const mandate = await verifyMandate(
    presented,
    tenant,
    keys,
    Math.min(Math.floor(now / 1000), presented.exp),
  );
  if (!mandate.ok) return mandate;
  const { agent } = mandate.value;
  if (agent.name !== caller.agent.name) return fail("principal.mismatch");
  const proven = await recheckProof(caller, agent, tenant, keys);
  if (!proven.ok) return proven;
  const required = requiredEvidence(received.message, tenant.evidenceRules, agent);
  return required.ok ? authorize(tenant, mandate.value) : required;
}

/** Whether what the caller proved itself with is still taken from this agent. */
export async function recheckProof(
  { signature, wit }: Caller,
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
