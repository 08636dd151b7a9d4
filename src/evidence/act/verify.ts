import { findKey } from "../../keys/find.ts";
import { TOKEN_ALGORITHMS } from "../../keys/key.ts";
import type { KeyFault, KeyFinder, WantedKey } from "../../keys/source.ts";
import { x5cOf } from "../../keys/x509/header.ts";
import { CLOCK_SKEW } from "../../limits.ts";
import type { Reason } from "../../reasons.ts";
import { fail, ok, type Result } from "../../result.ts";
import type { Agent, Issuer, Tenant } from "../../tenant/tenant.ts";
import { agentKeys } from "../agent-key.ts";
import { claimsDigest, verifyReusableJws } from "../jws.ts";
import type { Capability } from "./capability.ts";
import { checkChain, checkPrivilege, linksOf } from "./chain.ts";
import type { Mandate } from "./parse.ts";

/** A mandate that an issuer may grant, for an agent of this tenant, and that it or an agent on its behalf signed. */
export interface VerifiedMandate {
  readonly iss: string;
  /** The issuer of the mandate that the chain of delegation begins with; `iss` where nothing was delegated. */
  readonly rootIss: string;
  readonly jti: string;
  readonly wid: string | null;
  readonly iat: number;
  readonly exp: number;
  readonly agent: Agent;
  /** `task.purpose`. */
  readonly purpose: string;
  readonly cap: readonly Capability[];
  /** What it was derived from, the root first; empty where nothing was delegated. */
  readonly chain: readonly Delegator[];
  /** RFC 7638 thumbprints of the keys that it and its chain were signed with. */
  readonly keys: readonly string[];
  /** base64url SHA-256 of the canonical claims: a mandate may not change under one jti. */
  readonly digest: string;
}

/** A mandate that the one presented was derived from, and the agent that handed it on. */
export type Delegator = Pick<VerifiedMandate, "agent" | "iss" | "rootIss" | "jti" | "wid" | "iat" | "exp">;

/**
 * Verifies an ACT mandate: issuer's key and signature, then time, audience, and what the issuer may grant. Of one that was
 * delegated all this is asked of the mandate that the chain begins with; every other link is signed by the agent that the
 * one before is for. A mandate is used many times in a run, so its jti is not spent here.
 *
 * @param now seconds
 */
export async function verifyMandate(
  mandate: Mandate,
  tenant: Tenant,
  keys: KeyFinder,
  now: number,
): Promise<Result<VerifiedMandate, Reason>> {
  const links = linksOf(mandate);
  const [root] = links;
  const chained = checkChain(links, tenant.act.maxDelegationDepth);
  if (!chained.ok) return chained;
  const issuer = tenant.issuers.get(root.iss);
  if (issuer === undefined) return fail("act.issuer_unknown");
  const signed = await checkIssuer(root, issuer, keys);
  if (!signed.ok) return signed;
  const signers = [signed.value];
  for (const [i, link] of links.slice(1).entries()) {
    const handed = await checkDelegator(link, tenant.agents.bySubject.get(links[i]?.sub ?? ""), tenant, keys);
    if (!handed.ok) return handed;
    signers.push(handed.value);
  }
  const narrowed = checkPrivilege(links);
  if (!narrowed.ok) return narrowed;

  // So the end of a chain ends first, and is for audiences of all others.
  if (now > lastAcceptable(mandate)) return fail("act.expired");
  if (links.some(({ iat, notBefore }) => Math.max(iat, notBefore) > now + CLOCK_SKEW)) {
    return fail("act.in_future");
  }
  if (root.exp - root.iat > issuer.maxLifetime) return fail("act.lifetime");
  if (!mandate.aud.some((audience) => tenant.audiences.has(audience))) return fail("act.audience");

  const chain: Delegator[] = [];
  for (const { sub, iss, jti, wid, iat, exp } of links) {
    const agent = tenant.agents.bySubject.get(sub);
    if (agent === undefined) return fail("act.subject_unknown");
    if (!issuer.agents.has(agent.name)) return fail("act.agent_not_granted");
    chain.push({ agent, iss, rootIss: root.iss, jti, wid, iat, exp });
  }
  const granted = ({ action }: Capability) =>
    issuer.actions.some((pattern) => actionMatches(pattern, action));
  if (!root.cap.every(granted)) return fail("act.action_not_granted");

  const presented = chain.pop();
  if (presented === undefined) throw new Error("a chain has a link");
  const digest = await claimsDigest(mandate.jws);
  return ok({ ...presented, chain, purpose: mandate.purpose, cap: mandate.cap, keys: signers, digest });
}

/** @returns the key's thumbprint */
async function checkIssuer(
  { kid, alg, jws }: Mandate,
  issuer: Issuer,
  keys: KeyFinder,
): Promise<Result<string, Reason>> {
  const wanted: WantedKey = { kid, algorithms: TOKEN_ALGORITHMS, x5c: x5cOf(jws.header) };
  const found = await findKey(issuer.keys, wanted, keys);
  if (!found.ok) return fail(KEY_FAULTS[found.error]);
  if (found.value.alg !== alg) return fail("act.alg");
  return (await verifyReusableJws(jws, found.value)) ? ok(found.value.thumbprint) : fail("act.signature");
}

/**
 * A key signs mandates only where it is registered for the profile `agent`: the others are for less.
 *
 * @returns the key's thumbprint
 */
async function checkDelegator(
  { kid, alg, jws }: Mandate,
  delegator: Agent | undefined,
  tenant: Tenant,
  keys: KeyFinder,
): Promise<Result<string, Reason>> {
  if (delegator === undefined) return fail("act.subject_unknown");
  const find = agentKeys(delegator, tenant, keys);
  const found = await find({ kid, algorithms: TOKEN_ALGORITHMS, x5c: null });
  if (!found.ok) return fail(found.error === "keys.unavailable" ? found.error : "act.delegation_signature");
  const key = found.value;
  if (key?.agent !== delegator || key.profile !== "agent" || key.alg !== alg) {
    return fail("act.delegation_signature");
  }
  return (await verifyReusableJws(jws, key)) ? ok(key.thumbprint) : fail("act.delegation_signature");
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
