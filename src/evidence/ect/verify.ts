import { TOKEN_ALGORITHMS } from "../../keys/key.ts";
import { CLOCK_SKEW, MAX_ECT_AGE } from "../../limits.ts";
import type { Reason } from "../../reasons.ts";
import { fail, ok, type Result } from "../../result.ts";
import type { AgentKey, EctLevel, Tenant } from "../../tenant/tenant.ts";
import type { FindAgentKey } from "../agent-key.ts";
import { plainIdentifier } from "../http-signature/fields.ts";
import type { VerifiedSignature } from "../http-signature/verify.ts";
import { verifyJws } from "../jws.ts";
import type { Ect, SignedForm } from "./parse.ts";

/** An ECT of an agent, in time and for this audience. Says nothing about the body yet. */
export interface VerifiedEct extends Omit<Ect, "signed" | "carriers"> {
  /** The key that signed it; of an unsigned one that of the HTTP signature which covers it. */
  readonly key: AgentKey;
  /** The level it is taken at. */
  readonly level: EctLevel;
  /** The last second at which it could be accepted; its jti is remembered at least until then. */
  readonly lastAcceptable: number;
}

export interface EctContext {
  readonly tenant: Tenant;
  readonly findKey: FindAgentKey;
  /** The HTTP signature of the message, verified. */
  readonly signature: Pick<VerifiedSignature, "key" | "covers">;
  /** Seconds. */
  readonly now: number;
}

/** Verifies an ECT: key and signature, or what stands for them; then identity, time, audience. */
export async function verifyEct(ect: Ect, context: EctContext): Promise<Result<VerifiedEct, Reason>> {
  const { tenant, now } = context;
  const proven = ect.signed === null ? coveringKey(ect, context) : await signingKey(ect.signed, context);
  if (!proven.ok) return proven;
  const key = proven.value;

  // Without this an agent could sign with its own key in another agent's name.
  if (ect.iss !== null && tenant.agents.byEctIssuer.get(ect.iss) !== key.agent) return fail("ect.issuer");
  if (Math.max(ect.iat, ect.notBefore) > now + CLOCK_SKEW) return fail("ect.in_future");
  if (now > ect.iat + tenant.ect.maxAge + CLOCK_SKEW) return fail("ect.too_old");
  if (now > ect.exp + CLOCK_SKEW) return fail("ect.expired");
  if (ect.aud?.some((audience) => tenant.audiences.has(audience)) === false) return fail("ect.audience");

  const { signed, carriers: _carriers, ...claims } = ect;
  const level = signed === null ? 1 : tenant.ect.level;
  return ok({ ...claims, key, level, lastAcceptable: lastAcceptable(ect) });
}

/** Levels 2 and 3: the registered key that signed the token. */
async function signingKey(
  { jws, alg, kid }: SignedForm,
  { tenant, findKey }: EctContext,
): Promise<Result<AgentKey, Reason>> {
  if (!tenant.ect.algorithms.has(alg)) return fail("ect.alg");
  const found = await findKey({ kid, algorithms: TOKEN_ALGORITHMS, x5c: null });
  if (!found.ok) return found;
  const key = found.value;
  if (key === null) return fail("ect.key_unknown");
  if (key.alg !== alg) return fail("ect.alg");
  return (await verifyJws(jws, key)) ? ok(key) : fail("ect.signature");
}

/** Level 1: the key of the HTTP signature, if that covers the token. */
function coveringKey({ carriers }: Ect, { tenant, signature }: EctContext): Result<AgentKey, Reason> {
  const isCovered = carriers.every((name) => signature.covers.has(plainIdentifier(name)));
  return tenant.ect.unsafeUnsigned && isCovered ? ok(signature.key) : fail("ect.unsigned");
}

/** From signed values and constants alone: a tenant's narrower age must not shorten what is remembered. */
export const lastAcceptable = (ect: Pick<Ect, "iat" | "exp">): number =>
  Math.min(ect.exp, ect.iat + MAX_ECT_AGE) + CLOCK_SKEW;
