import { askAncestors } from "../ancestors.ts";
import { attemptOf, factsOf, homeOf } from "../attempt.ts";
import { isForwarded } from "../audit/record.ts";
import { readSigningKeys } from "../audit/signing-keys.ts";
import { allowed } from "../execution.ts";
import { decide, keptStub } from "../ledger/client.ts";
import type { Reason } from "../reasons.ts";
import { fail, ok, type Result } from "../result.ts";
import type { Tenant } from "../tenant/tenant.ts";
import type { Trail } from "../trail.ts";

/** The last step before forwarding: claims what can be used once and writes the decision, in one transaction. Stage 9. */
export async function admit(trail: Trail, tenant: Tenant, env: Env): Promise<Result<void, Reason>> {
  // Nobody could be given a receipt.
  const keys = await readSigningKeys(env.SIGNING_KEYS);
  if (keys === null) return fail("signing.unconfigured");
  const record = await allowed(trail, keys);
  trail.decisionRecord = record;
  const attempt = attemptOf(trail, factsOf(trail, tenant), null, record && [record.text]);
  const others = trail.caller?.mandate ? askAncestors(trail.caller.mandate, tenant, env) : undefined;
  const home = homeOf(trail, tenant);
  trail.ledgerStub = keptStub(env, home);
  const ruled = await decide(env, home, attempt, others, trail.ledgerStub);
  if (!ruled.ok) return ruled;
  trail.ruling = ruled.value;
  return isForwarded(ruled.value.verdict) ? ok(undefined) : fail(ruled.value.reason ?? "internal.error");
}
