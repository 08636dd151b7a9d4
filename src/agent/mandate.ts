import { seconds } from "../clock.ts";
import { parseMandate } from "../evidence/act/parse.ts";
import { type Signer, signJwt } from "./signer.ts";

/** What an issuer grants, and to whom. */
export interface MandateGrant {
  /** A key of the issuer, never one of the agent's own. */
  readonly signer: Signer;
  readonly iss: string;
  /** The agent: one of its `subjects` in the tenant document. */
  readonly sub: string;
  /** The tenant: one of its audiences, by default its public URL. */
  readonly aud: string | readonly string[];
  /** What the agent is to do, for people who read it later. */
  readonly purpose: string;
  /** One or more. */
  readonly actions: readonly (string | CapabilityEntry)[];
  /** From `iat` to `exp`; 900 without it. */
  readonly lifetimeSeconds?: number;
  /** Workflow id: mandates of one issuer with the same `wid` are one run, and one can follow another. */
  readonly wid?: string;
  /** A UUID without it. */
  readonly jti?: string;
  /** Seconds; the machine's clock without it. */
  readonly now?: number;
}

/** An entry of `cap` as it is written. A verifier that cannot evaluate a constraint lets the entry allow nothing. */
export interface CapabilityEntry {
  readonly action: string;
  readonly constraints?: unknown;
}

/** A mandate with what the kit needs of its claims; nothing here is verified. */
export interface Mandate {
  /** The compact JWS, as it is sent. */
  readonly token: string;
  readonly iss: string;
  readonly sub: string;
  readonly aud: readonly string[];
  /** Seconds. */
  readonly iat: number;
  readonly exp: number;
  readonly jti: string;
  readonly wid: string | null;
  readonly actions: readonly string[];
}

/**
 * Signs a mandate: an ACT of phase 1 (draft-nennemann-act, Countersign profile).
 *
 * @returns a compact JWS
 * @example
 * import { generateSigner, mintMandate, SESSION_ACTIONS } from "countersign/agent";
 *
 * const issuer = await generateSigner({ alg: "EdDSA" });
 * const mandate = await mintMandate({
 *   signer: issuer.signer,
 *   iss: "https://issuer.example",
 *   sub: "agent:researcher",
 *   aud: "https://mcp.example/mcp",
 *   purpose: "Find recent papers on tides",
 *   actions: [...SESSION_ACTIONS, "mcp.search"],
 * });
 */
export function mintMandate(grant: MandateGrant): Promise<string> {
  const { signer, iss, sub, aud, purpose, wid, lifetimeSeconds = 900 } = grant;
  const iat = grant.now ?? seconds();
  return signJwt(signer, "act+jwt", {
    iss,
    sub,
    aud,
    iat,
    exp: iat + lifetimeSeconds,
    jti: grant.jti ?? crypto.randomUUID(),
    ...(wid !== undefined && { wid }),
    task: { purpose },
    cap: grant.actions.map((entry) => (typeof entry === "string" ? { action: entry } : entry)),
  });
}

/**
 * Reads a mandate without verifying it: for the agent's own use, never to decide anything.
 *
 * @throws TypeError for what no verifier would take for a mandate, with the reason code it would give
 * @example
 * import { generateSigner, mintMandate, readMandate } from "countersign/agent";
 *
 * const { signer } = await generateSigner({ alg: "ES256" });
 * const [iss, sub, aud] = ["https://issuer.example", "agent:researcher", "https://mcp.example/mcp"];
 * const token = await mintMandate({ signer, iss, sub, aud, purpose: "Search", actions: ["mcp.search"] });
 * const { jti, exp } = readMandate(token);
 */
export function readMandate(token: string): Mandate {
  const read = parseMandate(new Map([["act-mandate", token]]));
  if (read.state !== "present") {
    throw new TypeError(`not a mandate: ${read.state === "malformed" ? read.reason : "empty"}`);
  }
  const { iss, sub, aud, iat, exp, jti, wid, cap } = read.value;
  return { token, iss, sub, aud, iat, exp, jti, wid, actions: cap.map(({ action }) => action) };
}
