import { homeOf } from "../attempt.ts";
import { standing } from "../ledger/client.ts";
import type { Reason } from "../reasons.ts";
import type { Result } from "../result.ts";
import { revocableIn } from "../revocable.ts";
import { readTenant } from "../tenant/store.ts";
import type { Tenant } from "../tenant/tenant.ts";
import type { Trail } from "../trail.ts";

/**
 * Whether nothing that an admitted call rests on was revoked since. It may go on by the tenant document as it is now, if that is recent
 * enough. A ledger that cannot be asked is no leave to go on.
 *
 * @param now milliseconds
 */
export async function recheckStanding(
  trail: Trail,
  tenant: Tenant,
  env: Env,
  now: number,
): Promise<Result<void, Reason>> {
  const found = await readTenant(tenant.id, env, now);
  if (!found.ok) return found;
  const { version } = found.value;
  return standing(env, homeOf(trail, tenant), { revocable: revocableIn(trail), documentVersion: version });
}
