import type { Mandate } from "./evidence/act/parse.ts";
import { verifyMandate } from "./evidence/act/verify.ts";
import type { Caller } from "./evidence/caller.ts";
import type { Facts } from "./facts.ts";
import { authorize } from "./policy/authorize.ts";
import type { Reason } from "./reasons.ts";
import { findTenant } from "./tenant/store.ts";

/** Who opened a stream, and with what. */
export interface Opening {
  readonly facts: Facts;
  readonly bearer: Mandate;
  readonly caller: Caller;
}

/**
 * Whether an admitted request would still be let in, as far as that can change while its response is open: by the
 * tenant document as it is now. Expiry is not asked here: a stream has a time of grace.
 *
 * @param now milliseconds
 * @returns why not; null where it would
 */
export async function recheck(
  { facts, bearer, caller }: Opening,
  env: Env,
  now: number,
): Promise<Reason | null> {
  const found = await findTenant(facts, env, now);
  if (!found.ok) return found.error;
  const tenant = found.value;
  const mandate = await verifyMandate(bearer, tenant, Math.min(Math.floor(now / 1000), bearer.exp));
  if (!mandate.ok) return mandate.error;
  const { agent } = mandate.value;
  if (agent.name !== caller.agent.name) return "principal.mismatch";
  if (caller.signature === null) {
    if (agent.unsafeBearerOnly === null) return "signature.missing";
  } else {
    const { kid, thumbprint } = caller.signature.key;
    const key = tenant.agents.keys.get(kid);
    if (key?.thumbprint !== thumbprint || key.agent !== agent) return "signature.key_unknown";
  }
  const authorized = authorize(tenant, agent);
  return authorized.ok ? null : authorized.error;
}
