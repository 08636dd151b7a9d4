import { seconds } from "../clock.ts";
import { type Mandate as ParsedMandate, parseMandate } from "../evidence/act/parse.ts";
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
  /** How often the agent may hand the mandate on, one to the next; without it the mandate cannot be delegated. */
  readonly maxDepth?: number;
  /** Workflow id: mandates of one issuer with the same `wid` are one run, and one can follow another. */
  readonly wid?: string;
  /** A UUID without it. */
  readonly jti?: string;
  /** Seconds; the machine's clock without it. */
  readonly now?: number;
}

/** An entry of `cap` as it is written. Several entries of one action are alternatives. */
export interface CapabilityEntry {
  readonly action: string;
  readonly constraints?: CapabilityConstraints;
}

/** What an entry allows of its action. The vocabulary is Countersign's; see `docs/act.md`. */
export interface CapabilityConstraints {
  /** By JSON Pointer (RFC 6901) into the arguments of the tool call. */
  readonly arguments?: Readonly<Record<string, ArgumentConstraint>>;
  /** Whether there may be arguments that no pointer names; no, where anything is said about arguments. */
  readonly additional?: boolean;
  /** Calls under this entry; any number without it. Such an entry cannot be delegated. */
  readonly max_calls?: number;
}

/** What one argument must be. All of it must hold. */
export interface ArgumentConstraint {
  /** `required` without it. */
  readonly presence?: "required" | "optional" | "forbidden";
  readonly equals?: unknown;
  readonly in?: readonly unknown[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly prefix?: string;
  /** Of the whole text: I-Regexp (RFC 9485) without groups, alternatives and category escapes. */
  readonly pattern?: string;
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
 *   actions: [
 *     ...SESSION_ACTIONS,
 *     "mcp.search",
 *     { action: "mcp.fetch", constraints: { arguments: { "/url": { prefix: "https://papers.example/" } } } },
 *   ],
 * });
 */
export function mintMandate(grant: MandateGrant): Promise<string> {
  const { signer, iss, sub, aud, purpose, wid, maxDepth, lifetimeSeconds = 900 } = grant;
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
    cap: capOf(grant.actions),
    ...(maxDepth !== undefined && { del: { depth: 0, max_depth: maxDepth } }),
  });
}

/** Entries of `cap`, from actions and entries. */
export const capOf = (actions: MandateGrant["actions"]): readonly CapabilityEntry[] =>
  actions.map((entry) => (typeof entry === "string" ? { action: entry } : entry));

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
  const { iss, sub, aud, iat, exp, jti, wid, cap } = parsed(token);
  return { token, iss, sub, aud, iat, exp, jti, wid, actions: cap.map(({ action }) => action) };
}

/** The mandate as a verifier reads it. */
export function parsed(token: string): ParsedMandate {
  const read = parseMandate(new Map([["act-mandate", token]]));
  if (read.state === "present") return read.value;
  throw new TypeError(`not a mandate: ${read.state === "malformed" ? read.reason : "empty"}`);
}
