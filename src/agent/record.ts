import { seconds } from "../clock.ts";
import { sha256, toBase64url } from "../encoding.ts";
import { parsed } from "./mandate.ts";
import { type Signer, signJwt } from "./signer.ts";

/** What an agent says it did under a mandate. */
export interface RecordClaims {
  /** The agent's mandate, as a compact JWS. */
  readonly mandate: string;
  /** A key of the agent's. */
  readonly signer: Signer;
  /** An action of the mandate's `cap`. */
  readonly execAct: string;
  /** The steps it follows: jtis of recorded ECTs, or of the mandate; none without it. */
  readonly pred?: readonly string[];
  /** `completed` without it; a tenant lists those it takes. */
  readonly status?: string;
  /** What went in and what came out: only the SHA-256 is in the record. */
  readonly input?: Uint8Array;
  readonly output?: Uint8Array;
  /** What went wrong, where it did. */
  readonly err?: Readonly<Record<string, unknown>>;
  /** Seconds; the machine's clock without it. */
  readonly now?: number;
}

/**
 * Signs the execution record of a mandate: an ACT of phase 2 (draft-nennemann-act, Countersign profile). A mandate has one. It is
 * sent in `ACT-Record` with a call of the same agent, under the same mandate or a later one, or by `postRecord` of a visitor.
 *
 * @returns a compact JWS
 * @example
 * import { generateSigner, mintMandate, mintRecord } from "countersign/agent";
 *
 * const issuer = await generateSigner({ alg: "EdDSA" });
 * const { signer } = await generateSigner({ alg: "ES256" });
 * const [iss, sub, aud] = ["https://issuer.example", "agent:researcher", "https://mcp.example/mcp"];
 * const grant = { signer: issuer.signer, iss, sub, aud, purpose: "Search", actions: ["mcp.search"] };
 * const mandate = await mintMandate(grant);
 * const record = await mintRecord({ mandate, signer, execAct: "mcp.search" });
 * // await addEvidence({ method: "POST", url: aud, headers: { "act-record": record }, body }, options);
 */
export async function mintRecord(claims: RecordClaims): Promise<string> {
  const { signer, execAct, pred = [], status = "completed", input, output, err } = claims;
  const { jws } = parsed(claims.mandate);
  return signJwt(signer, "act+jwt", {
    ...jws.payload,
    exec_act: execAct,
    pred,
    exec_ts: claims.now ?? seconds(),
    status,
    ...(input !== undefined && { inp_hash: await hashOf(input) }),
    ...(output !== undefined && { out_hash: await hashOf(output) }),
    ...(err !== undefined && { err }),
  });
}

const hashOf = async (bytes: Uint8Array): Promise<string> => toBase64url(await sha256(new Uint8Array(bytes)));
