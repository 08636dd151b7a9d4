import { CLOCK_SKEW, MAX_ECT_AGE } from "../../limits.ts";
import type { Reason } from "../../reasons.ts";
import { fail, ok, type Result } from "../../result.ts";
import type { AgentKey, Tenant } from "../../tenant/tenant.ts";
import type { FindAgentKey } from "../agent-key.ts";
import { verifyJws } from "../jws.ts";
import type { Ect } from "./parse.ts";

/** An ECT that a registered agent key signed, in time and for this audience. Says nothing about the body yet. */
export interface VerifiedEct extends Omit<Ect, "jws" | "alg" | "kid"> {
  readonly key: AgentKey;
  /** The last second at which it could be accepted; its jti is remembered at least until then. */
  readonly lastAcceptable: number;
}

/**
 * Verifies an ECT at level 2: key, signature, identity, time, audience.
 *
 * @param now seconds
 */
export async function verifyEct(
  ect: Ect,
  tenant: Tenant,
  findKey: FindAgentKey,
  now: number,
): Promise<Result<VerifiedEct, Reason>> {
  if (!tenant.ect.algorithms.has(ect.alg)) return fail("ect.alg");
  const found = await findKey({ kid: ect.kid, algorithms: ["ES256", "EdDSA"], x5c: null });
  if (!found.ok) return found;
  const key = found.value;
  if (key === null) return fail("ect.key_unknown");
  if (key.alg !== ect.alg) return fail("ect.alg");
  if (!(await verifyJws(ect.jws, key))) return fail("ect.signature");

  // Without this an agent could sign with its own key in another agent's name.
  if (tenant.agents.byEctIssuer.get(ect.iss) !== key.agent) return fail("ect.issuer");
  if (Math.max(ect.iat, ect.notBefore) > now + CLOCK_SKEW) return fail("ect.in_future");
  if (now > ect.iat + tenant.ect.maxAge + CLOCK_SKEW) return fail("ect.too_old");
  if (now > ect.exp + CLOCK_SKEW) return fail("ect.expired");
  if (!ect.aud.some((audience) => tenant.audiences.has(audience))) return fail("ect.audience");

  const { jws: _jws, alg: _alg, kid: _kid, ...claims } = ect;
  return ok({ ...claims, key, lastAcceptable: lastAcceptable(ect) });
}

/** From signed values and constants alone: a tenant's narrower age must not shorten what is remembered. */
export const lastAcceptable = (ect: Pick<Ect, "iat" | "exp">): number =>
  Math.min(ect.exp, ect.iat + MAX_ECT_AGE) + CLOCK_SKEW;
