import { seconds } from "../clock.ts";
import { checkChain, checkPrivilege, linksOf } from "../evidence/act/chain.ts";
import { MAX_DELEGATION_DEPTH } from "../limits.ts";
import { capOf, type MandateGrant, parsed } from "./mandate.ts";
import { type Signer, signJwt } from "./signer.ts";

/** What an agent hands on of its own mandate, and to whom. */
export interface DelegationGrant extends Pick<MandateGrant, "purpose" | "actions" | "jti" | "now"> {
  /** The agent's own mandate, as a compact JWS. */
  readonly parent: string;
  /** A key of the agent's, registered for the signature profile `agent`. */
  readonly signer: Signer;
  /** The agent it is for. */
  readonly sub: string;
  /** Some or all of the parent's; all without it. */
  readonly aud?: MandateGrant["aud"];
  /** 900 without it, and never longer than the parent lives. */
  readonly lifetimeSeconds?: number;
  /** The most the parent allows without it. */
  readonly maxDepth?: number;
}

/**
 * Derives a mandate from the agent's own, for another agent. The wire form is Countersign's; see `docs/act.md`. A verifier takes it
 * only where its tenant has turned delegation on.
 *
 * @returns a compact JWS, which holds the parent
 * @throws TypeError with the reason code that a verifier would give: where it would reach beyond its parent, above all
 * @example
 * import { delegateMandate, generateSigner, mintMandate } from "countersign/agent";
 *
 * const issuer = await generateSigner({ alg: "EdDSA" });
 * const planner = await generateSigner({ alg: "ES256" });
 * const parent = await mintMandate({
 *   signer: issuer.signer,
 *   iss: "https://issuer.example",
 *   sub: "agent:planner",
 *   aud: "https://mcp.example/mcp",
 *   purpose: "Write a survey of tides",
 *   actions: ["mcp.search", "mcp.fetch"],
 *   maxDepth: 1,
 * });
 * const mandate = await delegateMandate({
 *   parent,
 *   signer: planner.signer,
 *   sub: "agent:researcher",
 *   purpose: "Find recent papers on tides",
 *   actions: [{ action: "mcp.search", constraints: { arguments: { "/q": { prefix: "tides " } } } }],
 * });
 */
export async function delegateMandate(grant: DelegationGrant): Promise<string> {
  const { signer, sub, purpose, lifetimeSeconds = 900 } = grant;
  const parent = parsed(grant.parent);
  const { depth, maxDepth } = parent.delegation ?? { depth: 0, maxDepth: 0 };
  const iat = grant.now ?? seconds();
  const token = await signJwt(signer, "act+jwt", {
    iss: parent.sub,
    sub,
    aud: grant.aud ?? parent.aud,
    iat,
    exp: Math.min(iat + lifetimeSeconds, parent.exp),
    jti: grant.jti ?? crypto.randomUUID(),
    ...(parent.wid !== null && { wid: parent.wid }),
    task: { purpose },
    cap: capOf(grant.actions),
    del: { depth: depth + 1, max_depth: grant.maxDepth ?? maxDepth, parent: grant.parent },
  });
  const links = linksOf(parsed(token));
  for (const checked of [checkChain(links, MAX_DELEGATION_DEPTH), checkPrivilege(links)]) {
    if (!checked.ok) throw new TypeError(`not a mandate that would be taken: ${checked.error}`);
  }
  return token;
}
