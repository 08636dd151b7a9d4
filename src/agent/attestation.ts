import { importJWK, type JWK } from "jose";
import {
  type AttestationSigner,
  type ProjectionChoice,
  signAttestation,
} from "../evidence/attestation/sign.ts";
import type { JsonObject } from "../json/strict-json.ts";

/** How tool calls are attested (SEP-2787), in the header `X-MCP-Attestation`. */
export interface AttestationOptions {
  readonly signer: AttestationSigner;
  /** What a call is for, or a function that says so; never empty. */
  readonly intent: string | ((tool: string, args: JsonObject) => string);
  /** `A`, the text of the SEP, without it. `B` commits to integers only. */
  readonly dialect?: "A" | "B";
  /** `hash-only` without it: the arguments stay out of the header. Or a function, for tools that differ in it. */
  readonly projection?: ProjectionChoice | ((tool: string, args: JsonObject) => ProjectionChoice);
  /** The audience without it. */
  readonly serverFingerprint?: string;
  /** Which tools are attested; all without it. */
  readonly when?: (tool: string) => boolean;
}

/** The call that is attested, and the moment. */
export interface AttestedToolCall {
  readonly tool: string;
  readonly arguments: JsonObject;
  /** `serverFingerprint` where the options have none. */
  readonly audience: string;
  /** Seconds. */
  readonly now: number;
  readonly lifetimeSeconds: number;
  /** Used once; random without it. */
  readonly nonce?: string;
}

/**
 * Imports the key of an attestation signer: a secret of 32 bytes or more for HS256, a private JWK for the others.
 * `iss` and `secretVersion` name the key in the tenant document, `iss` and `sub` the agent.
 *
 * @example
 * import { importAttestationSigner } from "countersign/agent";
 *
 * const signer = await importAttestationSigner({
 *   iss: "https://planner.example",
 *   sub: "agent:researcher",
 *   secretVersion: "v1",
 *   alg: "HS256",
 *   secret: crypto.getRandomValues(new Uint8Array(32)),
 * });
 */
export async function importAttestationSigner(
  named: { readonly iss: string; readonly sub: string; readonly secretVersion: string } & (
    | { readonly alg: "HS256"; readonly secret: Uint8Array }
    | { readonly alg: "ES256" | "RS256"; readonly jwk: JWK }
  ),
): Promise<AttestationSigner> {
  const { alg, iss, sub, secretVersion } = named;
  const key = alg === "HS256" ? await importSecret(named.secret) : await importJWK(named.jwk, alg);
  if (key instanceof Uint8Array) throw new TypeError("the JWK is a secret, not a private key");
  return { alg, key, iss, sub, secretVersion };
}

const importSecret = (secret: Uint8Array): Promise<CryptoKey> =>
  crypto.subtle.importKey("raw", new Uint8Array(secret), { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);

/** The value of `X-MCP-Attestation` for a call, or null for a tool that is not attested. */
export async function attest(options: AttestationOptions, call: AttestedToolCall): Promise<string | null> {
  const { signer, intent, dialect = "A", projection = "hash-only", when } = options;
  const { tool, arguments: args, audience, now, lifetimeSeconds: ttl, nonce } = call;
  if (when !== undefined && !when(tool)) return null;
  const { header } = await signAttestation(signer, {
    dialect,
    tool,
    arguments: args,
    serverFingerprint: options.serverFingerprint ?? audience,
    intent: typeof intent === "string" ? intent : intent(tool, args),
    projection: typeof projection === "function" ? projection(tool, args) : projection,
    now,
    ttl,
    ...(nonce !== undefined && { nonce }),
  });
  return header;
}
