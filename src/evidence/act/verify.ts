import { sha256, toBase64url, utf8 } from "../../encoding.ts";
import { canonical } from "../../json/canonical.ts";
import { findKey } from "../../keys/find.ts";
import type { KeyFault, KeyFinder } from "../../keys/source.ts";
import { CLOCK_SKEW } from "../../limits.ts";
import type { Reason } from "../../reasons.ts";
import { fail, ok, type Result } from "../../result.ts";
import type { Agent, Tenant } from "../../tenant/tenant.ts";
import { verifyJws } from "../jws.ts";
import type { Capability, Mandate } from "./parse.ts";

/** A mandate that its issuer signed and may grant, for an agent of this tenant. */
export interface VerifiedMandate {
  readonly iss: string;
  /** The issuer of the mandate that the chain of delegation begins with; `iss` where nothing was delegated. */
  readonly rootIss: string;
  readonly jti: string;
  readonly wid: string | null;
  readonly iat: number;
  readonly exp: number;
  readonly agent: Agent;
  readonly cap: readonly Capability[];
  /** base64url SHA-256 of the canonical claims: a mandate may not change under one jti. */
  readonly digest: string;
}

/**
 * Verifies an ACT mandate: issuer's key and signature, then time, audience, and what the issuer may grant.
 * A mandate is used many times in a run, so its jti is not spent here.
 *
 * @param now seconds
 */
export async function verifyMandate(
  mandate: Mandate,
  tenant: Tenant,
  keys: KeyFinder,
  now: number,
): Promise<Result<VerifiedMandate, Reason>> {
  const issuer = tenant.issuers.get(mandate.iss);
  if (issuer === undefined) return fail("act.issuer_unknown");
  const found = await findKey(
    issuer.keys,
    { kid: mandate.kid, algorithms: ["EdDSA", "ES256"], x5c: null },
    keys,
  );
  if (!found.ok) return fail(KEY_FAULTS[found.error]);
  const key = found.value;
  if (key.alg !== mandate.alg) return fail("act.alg");
  if (!(await verifyJws(mandate.jws, key))) return fail("act.signature");

  if (now > lastAcceptable(mandate)) return fail("act.expired");
  if (Math.max(mandate.iat, mandate.notBefore) > now + CLOCK_SKEW) return fail("act.in_future");
  if (mandate.exp - mandate.iat > issuer.maxLifetime) return fail("act.lifetime");
  if (!mandate.aud.some((audience) => tenant.audiences.has(audience))) return fail("act.audience");
  if (mandate.delegated) return fail("act.delegation_off");

  const agent = tenant.agents.bySubject.get(mandate.sub);
  if (agent === undefined) return fail("act.subject_unknown");
  if (!issuer.agents.has(agent.name)) return fail("act.agent_not_granted");
  const granted = ({ action }: Capability) =>
    issuer.actions.some((pattern) => actionMatches(pattern, action));
  if (!mandate.cap.every(granted)) return fail("act.action_not_granted");

  const { iss, jti, wid, iat, exp, cap } = mandate;
  const digest = toBase64url(await sha256(utf8(canonical(mandate.jws.payload))));
  return ok({ iss, rootIss: iss, jti, wid, iat, exp, agent, cap, digest });
}

const KEY_FAULTS: Readonly<Record<KeyFault, Reason>> = {
  unknown: "act.key_unknown",
  unavailable: "keys.unavailable",
  untrusted: "act.key_untrusted",
};

/** The last second at which a mandate can be accepted. */
export const lastAcceptable = ({ exp }: { readonly exp: number }): number => exp + CLOCK_SKEW;

/** Whether a pattern of the tenant document covers an action: equal, or `prefix.*` for all below the prefix. */
export const actionMatches = (pattern: string, action: string): boolean =>
  pattern.endsWith(".*") ? action.startsWith(pattern.slice(0, -1)) : pattern === action;
