/** Makes attestations (SEP-2787), for callers. Runs wherever WebCrypto does: Node 20 or later, Workers, browsers. */

import { sha256, toBase64url, utf8 } from "../../encoding.ts";
import { canonical } from "../../json/canonical.ts";
import { type JsonObject, parseStrictJson } from "../../json/strict-json.ts";
import { MAX_ATTESTATION_TTL } from "../../limits.ts";
import type { AttestationDialect } from "../../tenant/tenant.ts";
import { type AttestationAlgorithm, signingInput, toHex, webCrypto } from "./signature.ts";

/** Who attests, and with what. The verifier finds the key by `iss` and `secretVersion`. */
export interface AttestationSigner {
  readonly alg: AttestationAlgorithm;
  /** An HMAC secret or a private key, imported for `alg` and the use `sign`. */
  readonly key: CryptoKey;
  readonly iss: string;
  readonly sub: string;
  readonly secretVersion: string;
}

/** The one call that is attested. */
export interface AttestationClaim {
  readonly dialect: AttestationDialect;
  readonly tool: string;
  /** `params.arguments` as they will be sent; `{}` where the call has none. In B integers only. */
  readonly arguments: JsonObject;
  readonly serverFingerprint: string;
  /** What the call is for; not empty. */
  readonly intent: string;
  readonly requestedCapability?: string;
  /** Dialect A only: readers of B drop it, and then the signature fails. */
  readonly plannerRef?: string;
  /** Commit to the arguments themselves, or to their digest alone, which keeps them out of the envelope. */
  readonly projection: "identity" | "hash-only";
  /** Seconds, an integer. */
  readonly now: number;
  /** Seconds, an integer of 1 or more; without it the longest that is accepted. */
  readonly ttl?: number;
  /** Used once; without it 144 random bits. */
  readonly nonce?: string;
}

export interface SignedAttestation {
  /** For `params._meta`. */
  readonly envelope: JsonObject;
  /** For `X-MCP-Attestation`: base64url of the JCS of the envelope. */
  readonly header: string;
}

/** Throws a TypeError for a claim that no verifier of its dialect would take. */
export async function signAttestation(
  signer: AttestationSigner,
  claim: AttestationClaim,
): Promise<SignedAttestation> {
  const { alg, key, iss, sub, secretVersion } = signer;
  const { dialect, requestedCapability, plannerRef } = claim;
  if (dialect === "B" && plannerRef !== undefined) throw new TypeError("plannerRef belongs to dialect A");

  const unsigned = {
    ...(dialect === "B" && { version: 1, alg }),
    plannerDeclared: {
      intent: claim.intent,
      ...(requestedCapability !== undefined && { requestedCapability }),
      ...(plannerRef !== undefined && { plannerRef }),
    },
    issuerAsserted: {
      alg,
      iss,
      sub,
      secretVersion,
      iat: new Date(claim.now * 1000).toISOString().replace(".000Z", "Z"),
      expSeconds: claim.ttl ?? MAX_ATTESTATION_TTL,
      nonce: claim.nonce ?? toBase64url(crypto.getRandomValues(new Uint8Array(18))),
    },
    payloadDerived: {
      toolCalls: [{ name: claim.tool, serverFingerprint: claim.serverFingerprint, ...(await commit(claim)) }],
    },
  };
  const signature = toHex(
    new Uint8Array(await crypto.subtle.sign(webCrypto(alg), key, signingInput(unsigned))),
  );
  const envelope = { ...unsigned, signature };
  return { envelope, header: toBase64url(utf8(canonical(envelope))) };
}

async function commit(claim: AttestationClaim): Promise<JsonObject> {
  const run = canonical(claim.arguments);
  const projection = claim.projection === "identity" ? run : `{"digest":"${await sha256Digest(run)}"}`;
  if (claim.dialect === "A") return { argsProjection: projection };
  if (!parseStrictJson(run, "integer").ok) throw new TypeError("dialect B commits to integers only");
  return { args: { projection, projectionDigest: await sha256Digest(projection) } };
}

const sha256Digest = async (text: string): Promise<string> => `sha256:${toHex(await sha256(utf8(text)))}`;
