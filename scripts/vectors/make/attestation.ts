/** Tool call attestations (SEP-2787) in both dialects, and whatever else a case wants. */

import canonicalize from "canonicalize";
import { type Bytes, key } from "./keys.ts";
import { base64url, type Members, sha256, utf8 } from "./tokens.ts";

export type Dialect = "A" | "B";

export type Envelope = Record<string, unknown>;

export interface AttestationChanges {
  readonly dialect?: Dialect;
  /** Name of the key, whose kid is the `secretVersion`. */
  readonly by?: string;
  readonly iss?: string;
  readonly projection?: "identity" | "hash-only";
  /** The projection's text, in place of what it would be. */
  readonly projectionText?: string;
  readonly issuer?: Members;
  readonly planner?: Members;
  /** The plan, in place of the one call that is made. */
  readonly calls?: (call: Members) => readonly unknown[];
  /** The envelope before it is signed. */
  readonly envelope?: (envelope: Envelope) => unknown;
  /** The signed octets. */
  readonly input?: (input: Bytes) => Bytes;
  readonly sign?: (input: Bytes) => Promise<Bytes>;
  /** The signature as text: lower-case hex otherwise. */
  readonly signature?: (hex: string) => unknown;
  /** The text in the header, in place of the JCS of the envelope. */
  readonly text?: (text: string) => string | Bytes;
  /** The header's value, in place of base64url of that. */
  readonly header?: (value: string) => string;
  /** Where it goes: the header without it. */
  readonly in?: "header" | "meta" | "both";
  /** What goes into `_meta`, in place of the envelope. */
  readonly meta?: (envelope: Envelope) => unknown;
}

export interface AttestedCall {
  readonly tool: string;
  readonly arguments: unknown;
  readonly fingerprint: string;
  readonly nonce: string;
  readonly now: number;
}

/** JSON Canonicalization Scheme (RFC 8785). */
export function jcs(value: unknown): string {
  const text = canonicalize(value);
  if (typeof text !== "string") throw new Error("no JSON value");
  return text;
}

export const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

export const digestOf = async (text: string): Promise<string> => `sha256:${hex(await sha256(utf8(text)))}`;

/** ISO 8601 in whole seconds. */
export const isoTime = (now: number): string => new Date(now * 1000).toISOString().replace(".000Z", "Z");

export interface Attestation {
  readonly envelope: Envelope;
  /** Value of `X-MCP-Attestation`. */
  readonly header: string;
}

export async function attest(
  call: AttestedCall,
  iss: string,
  changes: AttestationChanges,
): Promise<Attestation> {
  const { dialect = "A", by = "planner-hs256", planner = {}, issuer = {} } = changes;
  const signer = key(by);
  const planned = {
    name: call.tool,
    serverFingerprint: call.fingerprint,
    ...(await commitment(call, dialect, changes)),
  };
  const made: Envelope = {
    ...(dialect === "B" && { version: 1, alg: signer.alg }),
    plannerDeclared: { intent: "Show how it is done", ...planner },
    issuerAsserted: {
      alg: signer.alg,
      iss: changes.iss ?? iss,
      sub: "agent:ada",
      secretVersion: signer.kid,
      iat: isoTime(call.now),
      expSeconds: 300,
      nonce: call.nonce,
      ...issuer,
    },
    payloadDerived: { toolCalls: changes.calls?.(planned) ?? [planned] },
  };
  const unsigned = (changes.envelope?.(made) ?? made) as Envelope;
  const input = utf8(jcs(unsigned));
  const octets = await (changes.sign ?? signer.sign)(changes.input?.(input) ?? input);
  const envelope = { ...unsigned, signature: changes.signature?.(hex(octets)) ?? hex(octets) };
  const text = changes.text?.(jcs(envelope)) ?? jcs(envelope);
  const value = base64url(typeof text === "string" ? utf8(text) : text);
  return { envelope, header: changes.header?.(value) ?? value };
}

async function commitment(
  call: AttestedCall,
  dialect: Dialect,
  { projection = "hash-only", projectionText }: AttestationChanges,
): Promise<Members> {
  const run = jcs(call.arguments);
  const own = projection === "identity" ? run : `{"digest":"${await digestOf(run)}"}`;
  const text = projectionText ?? own;
  return dialect === "A"
    ? { argsProjection: text }
    : { args: { projection: text, projectionDigest: await digestOf(text) } };
}
