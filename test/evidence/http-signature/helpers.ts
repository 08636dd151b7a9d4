import { calculateJwkThumbprint } from "jose";
import type { BareItem } from "structured-headers";
import * as v from "valibot";
import { toBase64url, utf8 } from "../../../src/encoding.ts";
import type { FindAgentKey } from "../../../src/evidence/agent-key.ts";
import { contentDigest } from "../../../src/evidence/http-signature/content-digest.ts";
import { component } from "../../../src/evidence/http-signature/fields.ts";
import type { SignedRequest } from "../../../src/evidence/http-signature/message.ts";
import { parseHttpSignature } from "../../../src/evidence/http-signature/parse.ts";
import { makeSignature } from "../../../src/evidence/http-signature/sign.ts";
import {
  type SignatureContext,
  type VerifiedSignature,
  verifyRegistered,
} from "../../../src/evidence/http-signature/verify.ts";
import type { Reason } from "../../../src/reasons.ts";
import { fail, type Result } from "../../../src/result.ts";
import { signature, signaturePolicy } from "../../../src/tenant/schema/signature.ts";
import type { AgentKey, SignaturePolicy, SignatureProfile } from "../../../src/tenant/tenant.ts";
import { agentNamed, keysIn } from "../../support/agents.ts";

export const NOW = 1_767_225_600;
export const TARGET = "https://mcp.example/acme/mcp";
export const BODY = utf8('{"jsonrpc":"2.0","id":1,"method":"tools/list"}');

/** The published example keys of RFC 9421 appendix B.1. */
const JWKS = {
  ed25519: {
    kty: "OKP",
    crv: "Ed25519",
    x: "JrQLj5P_89iXES9-vFgrIy29clF9CC_oPPsw3c5D0bs",
    d: "n4Ni-HpISpVObnQMW0wOhCKROaIKqKtW_2ZYb2p9KcU",
  },
  p256: {
    kty: "EC",
    crv: "P-256",
    x: "qIVYZVLCrPZHGHjP17CTW0_-D9Lfw0EkjqF7xB4FivA",
    y: "Mc4nN9LTDOBhfoUeg8Ye9WedFRhnZXZJA12Qp0zZ6F0",
    d: "UpuF81l-kOxbjf7T4mNSv0r5tN67Gim7rnf6EFpcYDs",
  },
} as const;

const WEBCRYPTO = {
  ed25519: { name: "Ed25519" },
  p256: { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" },
} as const;

export type KeyName = keyof typeof JWKS;
export type Sign = (base: Uint8Array<ArrayBuffer>) => Promise<Uint8Array<ArrayBuffer>>;

export async function signerOf(name: KeyName): Promise<Sign> {
  const key = await crypto.subtle.importKey("jwk", { ...JWKS[name] }, WEBCRYPTO[name], false, ["sign"]);
  return async (base) => new Uint8Array(await crypto.subtle.sign(WEBCRYPTO[name], key, base));
}

/** The public key, and its thumbprint. */
export async function keyOf(name: KeyName) {
  const { d: _, ...jwk } = JWKS[name];
  return { jwk, thumbprint: await calculateJwkThumbprint(jwk) };
}

export async function agentKey(
  name: KeyName,
  profile: SignatureProfile,
  kid: string = name,
): Promise<AgentKey> {
  const { d: _, ...jwk } = JWKS[name];
  return {
    kid,
    alg: name === "p256" ? "ES256" : "EdDSA",
    thumbprint: toBase64url(utf8(kid)),
    key: await crypto.subtle.importKey("jwk", jwk, WEBCRYPTO[name], true, ["verify"]),
    agent: agentNamed("ada"),
    profile,
    lane: 0,
  };
}

export async function request(
  headers: Record<string, string> = {},
  changes: Partial<SignedRequest> = {},
): Promise<SignedRequest> {
  const all = {
    authorization: "Bearer mandate",
    "content-type": "application/json",
    "content-digest": await contentDigest(BODY),
    "wimse-ect": "ect",
    ...headers,
  };
  return {
    kind: "request",
    method: "POST",
    targetUri: TARGET,
    headers: new Map(Object.entries(all)),
    ...changes,
  };
}

export const AGENT_COMPONENTS = [
  "@method",
  "@target-uri",
  "authorization",
  "content-type",
  "content-digest",
  "wimse-ect",
];
export const POC_COMPONENTS = ["@method", "@target-uri", "content-digest", "wimse-ect"];

/** Parameters that suit both profiles; undefined takes one away. */
export function parameters(changes: Record<string, BareItem | undefined> = {}): Map<string, BareItem> {
  const all: Record<string, BareItem | undefined> = {
    created: NOW,
    expires: NOW + 60,
    nonce: "n-1",
    keyid: "ed25519",
    "wimse-aud": TARGET,
    ...changes,
  };
  return new Map(Object.entries(all).filter((entry): entry is [string, BareItem] => entry[1] !== undefined));
}

export interface Signing {
  key?: KeyName;
  label?: string;
  components?: readonly string[];
  parameters?: Record<string, BareItem | undefined>;
}

/** The two field values of a signature over the message. */
export async function sign(message: SignedRequest, options: Signing = {}) {
  return makeSignature(message, {
    components: (options.components ?? AGENT_COMPONENTS).map((name) => component(name)),
    parameters: parameters({ keyid: options.key ?? "ed25519", ...options.parameters }),
    label: options.label ?? "sig",
    sign: await signerOf(options.key ?? "ed25519"),
  });
}

export type Signed = Awaited<ReturnType<typeof sign>>;

/** As of a tenant document that says nothing of it. */
export const POLICY: SignaturePolicy = signaturePolicy(v.parse(signature, {}));

/** What a test changes. */
export type Changes = Partial<SignatureContext> & { readonly findKey?: FindAgentKey };

/** Parses and verifies as the gate does. */
export async function verify(
  message: SignedRequest,
  signed: Signed,
  { findKey, ...changes }: Changes = {},
): Promise<Result<VerifiedSignature, Reason>> {
  const parsed = parseHttpSignature(
    new Map([
      ["signature-input", signed.signatureInput],
      ["signature", signed.signature],
    ]),
  );
  if (parsed.state !== "present")
    return fail(parsed.state === "malformed" ? parsed.reason : "signature.missing");
  return verifyRegistered(parsed.value, findKey ?? keysIn(await agentKey("ed25519", "agent")), {
    message,
    policy: POLICY,
    audiences: new Set([TARGET]),
    forwardHeaders: new Set(),
    hasBody: true,
    now: NOW,
    ...changes,
  });
}

export const pocContext = async (): Promise<Changes> => ({
  findKey: keysIn(await agentKey("p256", "poc")),
});

export const pocSigning = (changes: Record<string, BareItem | undefined> = {}): Signing => ({
  key: "p256",
  components: POC_COMPONENTS,
  parameters: { expires: undefined, nonce: undefined, alg: "ecdsa-p256-sha256", ...changes },
});

/** "ok" or the reason code. */
export const outcome = (result: Result<unknown, Reason>): string => (result.ok ? "ok" : result.error);
