/** Makes attestations (SEP-2787), for callers. Runs wherever WebCrypto does: Node 20 or later, Workers, browsers. */

import { sha256, sha256Hex, toBase64url, toHex, utf8 } from "../../encoding.ts";
import { canonical } from "../../json/canonical.ts";
import { type JsonObject, parseStrictJson } from "../../json/strict-json.ts";
import { MAX_ATTESTATION_TTL } from "../../limits.ts";
import type { AttestationDialect } from "../../tenant/tenant.ts";
import { type AttestationAlgorithm, signingInput, webCrypto } from "./signature.ts";

/** Who attests, and with what. The verifier finds the key by `iss` and `secretVersion`. */
export interface AttestationSigner {
  readonly alg: AttestationAlgorithm;
  /** An HMAC secret or a private key, imported for `alg` and the use `sign`. */
  readonly key: CryptoKey;
  readonly iss: string;
  readonly sub: string;
  readonly secretVersion: string;
}

/** A call, and what the envelope says of its arguments. */
export interface AttestedCallClaim {
  readonly tool: string;
  /** `params.arguments` as they will be sent; `{}` where the call has none. In B integers only. */
  readonly arguments: JsonObject;
  readonly serverFingerprint: string;
  readonly projection: ProjectionChoice;
}

/**
 * The arguments themselves; their digest alone, which keeps them out of the envelope; a part of them, which a verifier
 * takes for few tools, if for any; or where they are, as their JCS (RFC 8785), for verifiers that fetch them.
 */
export type ProjectionChoice =
  | "identity"
  | "hash-only"
  | { readonly redacted: JsonObject }
  | { readonly ref: string };

/** The call that is attested, or the plan of several. */
export interface AttestationClaim extends AttestedCallClaim {
  readonly dialect: AttestationDialect;
  /** Further calls of the plan, each at another server. All servers are shown the same envelope. */
  readonly others?: readonly AttestedCallClaim[];
  /** What the call is for; not empty. */
  readonly intent: string;
  readonly requestedCapability?: string;
  /** Dialect A only: readers of B drop it, and then the signature fails. */
  readonly plannerRef?: string;
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
      toolCalls: await Promise.all([claim, ...(claim.others ?? [])].map((call) => plan(dialect, call))),
    },
  };
  const signature = toHex(
    new Uint8Array(await crypto.subtle.sign(webCrypto(alg), key, signingInput(unsigned))),
  );
  const envelope = { ...unsigned, signature };
  return { envelope, header: toBase64url(utf8(canonical(envelope))) };
}

async function plan(dialect: AttestationDialect, call: AttestedCallClaim): Promise<JsonObject> {
  const run = canonical(call.arguments);
  if (dialect === "B" && !parseStrictJson(run, "integer").ok)
    throw new TypeError("dialect B commits to integers only");
  const commitment = await commit(dialect, call.projection, run);
  return { name: call.tool, serverFingerprint: call.serverFingerprint, ...commitment };
}

/** @param run JCS of the arguments */
async function commit(
  dialect: AttestationDialect,
  choice: ProjectionChoice,
  run: string,
): Promise<JsonObject> {
  if (typeof choice === "object" && "ref" in choice) {
    return dialect === "A"
      ? { argsRef: { uri: choice.ref, digest: toBase64url(await sha256(utf8(run))) } }
      : { args: { ref: choice.ref, digest: await sha256Digest(run), canonicalization: "jcs" } };
  }
  const projection = await project(choice, run);
  return dialect === "A"
    ? { argsProjection: projection }
    : { args: { projection, projectionDigest: await sha256Digest(projection) } };
}

async function project(
  choice: Exclude<ProjectionChoice, { readonly ref: string }>,
  run: string,
): Promise<string> {
  if (choice === "identity") return run;
  return choice === "hash-only" ? `{"digest":"${await sha256Digest(run)}"}` : canonical(choice.redacted);
}

const sha256Digest = async (text: string): Promise<string> => `sha256:${await sha256Hex(utf8(text))}`;
