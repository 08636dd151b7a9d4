import { sha256, toBase64url } from "../encoding.ts";
import { type Signer, signJwt } from "./signer.ts";

/** What an ECT says of one request. */
export interface EctClaims {
  readonly iss: string;
  readonly aud: string;
  readonly jti: string;
  readonly wid: string | null;
  readonly execAct: string;
  readonly pred: readonly string[];
  /** The body, exactly as it will be sent. */
  readonly body: Uint8Array;
  /** Seconds. */
  readonly now: number;
  readonly lifetimeSeconds: number;
}

/**
 * Signs an ECT of level 2 (draft-nennemann-wimse-ect, Countersign profile). `addEvidence` does this for a request;
 * alone it serves those who put a request together by hand.
 *
 * @returns a compact JWS
 * @example
 * import { generateSigner, mintEct } from "countersign/agent";
 *
 * const { signer } = await generateSigner({ alg: "ES256" });
 * const ect = await mintEct(signer, {
 *   iss: "agent:researcher",
 *   aud: "https://mcp.example/mcp",
 *   jti: crypto.randomUUID(),
 *   wid: null,
 *   execAct: "mcp.session.ping",
 *   pred: ["9c8ff8a4-5f8c-4c59-8a4e-0d9ea0f9a1f6"],
 *   body: new TextEncoder().encode('{"jsonrpc":"2.0","id":1,"method":"ping"}'),
 *   now: Math.floor(Date.now() / 1000),
 *   lifetimeSeconds: 120,
 * });
 */
export async function mintEct(signer: Signer, claims: EctClaims): Promise<string> {
  const { iss, aud, jti, wid, execAct, pred, body, now, lifetimeSeconds } = claims;
  return signJwt(signer, "exec+jwt", {
    iss,
    aud,
    iat: now,
    exp: now + lifetimeSeconds,
    jti,
    ...(wid !== null && { wid }),
    exec_act: execAct,
    pred,
    inp_hash: toBase64url(await sha256(new Uint8Array(body))),
  });
}
