import type { Mandate } from "../evidence/act/parse.ts";
import { verifyMandate } from "../evidence/act/verify.ts";
import { agentKeys } from "../evidence/agent-key.ts";
import type { Caller } from "../evidence/caller.ts";
import { keyFinder } from "../keys/find.ts";
import type { Received } from "../mcp/read.ts";
import { authorize } from "../policy/authorize.ts";
import { requiredEvidence } from "../policy/required.ts";
import type { Reason } from "../reasons.ts";
import { fail, type Result } from "../result.ts";
import { readTenant } from "../tenant/store.ts";
import type { Tenant } from "../tenant/tenant.ts";

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
  const keys = keyFinder(env);
  const mandate = await verifyMandate(
    presented,
    tenant,
    keys,
    Math.min(Math.floor(now / 1000), presented.exp),
  );
  if (!mandate.ok) return mandate;
  const { agent } = mandate.value;
  if (agent.name !== caller.agent.name) return fail("principal.mismatch");
  if (caller.signature === null) {
    if (agent.unsafeBearerOnly === null) return fail("signature.missing");
  } else {
    const { kid, thumbprint } = caller.signature.key;
    const found = await agentKeys(
      agent,
      tenant,
      keys,
    )({ kid, algorithms: [caller.signature.key.alg], x5c: null });
    if (!found.ok) return found;
    const key = found.value;
    if (key?.thumbprint !== thumbprint || key.agent !== agent) return fail("signature.key_unknown");
  }
  const required = requiredEvidence(received.message, tenant.evidenceRules, agent);
  return required.ok ? authorize(tenant, agent) : required;
}
