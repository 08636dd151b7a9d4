/** What the tests of this folder share: keys, well-signed envelopes, and one function that judges a request. */

import { toBase64url, toHex, utf8 } from "../../../src/encoding.ts";
import { bindAttestation } from "../../../src/evidence/attestation/bind.ts";
import { parseAttestation } from "../../../src/evidence/attestation/parse.ts";
import { resolveReference } from "../../../src/evidence/attestation/reference.ts";
import {
  type AttestationAlgorithm,
  signingInput,
  webCrypto,
} from "../../../src/evidence/attestation/signature.ts";
import { verifyAttestation } from "../../../src/evidence/attestation/verify.ts";
import { canonical } from "../../../src/json/canonical.ts";
import { isObject, type JsonObject, type JsonValue, parseStrictJson } from "../../../src/json/strict-json.ts";
import type { Reason } from "../../../src/reasons.ts";
import {
  type AttestationDialect,
  type AttestationKey,
  attestationIdentity,
  attestationKeyId,
} from "../../../src/tenant/tenant.ts";
import { agentNamed } from "../../support/agents.ts";
import { policyOf } from "../../support/attestation-policy.ts";

export const ISS = "issuer://test";
export const SUB = "agent:archiver";
export const FINGERPRINT = "mcp://files.example";
export const TOOL = "delete_file";
export const ARGS = '{"path":"/archive/2024-Q3.md","recursive":false}';
export const ARGS_DIGEST = "sha256:16fcac2dbb8f5d911362b041bbd7e2bb68393b45858d1414983be44a18df3dd4";
/** 2026-05-29T10:00:00Z, the `iat` of every envelope here. */
export const IAT = 1780048800;

/** One key pair, or a secret that is both halves. */
export interface Keys {
  readonly alg: AttestationAlgorithm;
  readonly sign: CryptoKey;
  readonly verify: AttestationKey;
}

export async function hmacKeys(secret: Uint8Array<ArrayBuffer>): Promise<Keys> {
  const key = await crypto.subtle.importKey("raw", secret, { name: "HMAC", hash: "SHA-256" }, false, [
    "sign",
    "verify",
  ]);
  return { alg: "HS256", sign: key, verify: { alg: "HS256", key } };
}

async function keyPair(alg: "ES256" | "RS256"): Promise<Keys> {
  const parameters =
    alg === "ES256"
      ? { name: "ECDSA", namedCurve: "P-256" }
      : {
          name: "RSASSA-PKCS1-v1_5",
          hash: "SHA-256",
          modulusLength: 2048,
          publicExponent: new Uint8Array([1, 0, 1]),
        };
  const pair = (await crypto.subtle.generateKey(parameters, true, ["sign", "verify"])) as CryptoKeyPair;
  return { alg, sign: pair.privateKey, verify: { kid: alg, alg, thumbprint: alg, key: pair.publicKey } };
}

export const HS256 = await hmacKeys(new Uint8Array(32).fill(0x42));
export const ES256 = await keyPair("ES256");
export const RS256 = await keyPair("RS256");

/** The commitment of a planned call, by dialect. */
export const commitA = (projection: string): JsonObject => ({ argsProjection: projection });

export async function commitB(projection: string): Promise<JsonObject> {
  const digest = await crypto.subtle.digest("SHA-256", utf8(projection));
  return { args: { projection, projectionDigest: `sha256:${toHex(new Uint8Array(digest))}` } };
}

/** A dialect's unsigned envelope for the call above, with the arguments themselves as projection. */
export async function draft(dialect: AttestationDialect, alg = "HS256"): Promise<JsonObject> {
  const commitment = dialect === "A" ? commitA(ARGS) : await commitB(ARGS);
  return {
    ...(dialect === "B" && { version: 1, alg }),
    issuerAsserted: {
      alg,
      expSeconds: 300,
      iat: "2026-05-29T10:00:00Z",
      iss: ISS,
      nonce: "AAECAwQFBgcICQoLDA0ODw",
      secretVersion: "v1",
      sub: SUB,
    },
    payloadDerived: { toolCalls: [{ ...commitment, name: TOOL, serverFingerprint: FINGERPRINT }] },
    plannerDeclared: { intent: "archive obsolete report" },
  };
}

/** Signs whatever it is given, with any key: refusals must not rest on a signature that is wrong anyway. */
export async function signed(envelope: JsonObject, keys: Keys = HS256): Promise<JsonObject> {
  const { signature: _, ...body } = envelope;
  const bytes = await crypto.subtle.sign(webCrypto(keys.alg), keys.sign, signingInput(body));
  return { ...body, signature: toHex(new Uint8Array(bytes)) };
}

/** A copy with one member, named by its dotted path, replaced; removed where `value` is undefined. */
export function edit(root: JsonObject, path: string, value: JsonValue | undefined): JsonObject {
  const [name = "", ...rest] = path.split(".");
  const child = root[name];
  let next = value;
  if (rest.length > 0) {
    next = Array.isArray(child)
      ? Object.values(edit(Object.fromEntries(Object.entries(child)), rest.join("."), value))
      : edit(isObject(child) ? child : {}, rest.join("."), value);
  }
  const others = Object.fromEntries(Object.entries(root).filter(([key]) => key !== name));
  return next === undefined ? others : { ...others, [name]: next };
}

/** The members of the only planned call replaced. */
export const withCall = (envelope: JsonObject, members: JsonObject): JsonObject =>
  edit(envelope, "payloadDerived.toolCalls", [{ name: TOOL, serverFingerprint: FINGERPRINT, ...members }]);

export const headerOf = (envelope: JsonValue): string => toBase64url(utf8(canonical(envelope)));

export interface Attempt {
  header?: string;
  /** JSON text of `params._meta.attestation`. */
  meta?: string;
  /** Further members of `params._meta`, as JSON text. */
  otherMeta?: string;
  /** JSON text of `params.arguments`; null for none. */
  args?: string | null;
  tool?: string;
  fingerprints?: readonly string[];
  now?: number;
  key?: AttestationKey;
  /** The section `attestation` of the tenant document. */
  policy?: Parameters<typeof policyOf>[0];
  /** Answers whoever fetches through the binding STORE. */
  store?: ((url: string) => Response) | undefined;
}

/** The request through parse, verify, bind and what is left to fetch: the first reason against it, or what it came to. */
export async function judge(attempt: Attempt): Promise<Reason | "absent" | "accepted"> {
  const { header, meta, otherMeta, args = ARGS, tool = TOOL, now = IAT + 1 } = attempt;
  const metaMembers = [meta && `"attestation": ${meta}`, otherMeta].filter(Boolean).join(", ");
  const params = [`"name": "${tool}"`, args && `"arguments": ${args}`, `"_meta": { ${metaMembers} }`];
  const bodyText = `{ "jsonrpc": "2.0", "id": 1, "params": { ${params.filter(Boolean).join(", ")} } }`;
  const body = parseStrictJson(bodyText);
  if (!body.ok || !isObject(body.value) || !isObject(body.value.params)) throw new Error("not a strict body");
  const { _meta, arguments: callArguments } = body.value.params;

  const policy = policyOf(attempt.policy);
  const presented = parseAttestation({
    header,
    meta: isObject(_meta) ? _meta : undefined,
    bodyText,
    policy,
  });
  if (presented.state === "absent") return "absent";
  if (presented.state === "malformed") return presented.reason;

  const agent = agentNamed("archiver");
  const verified = await verifyAttestation(presented.value, {
    keys: new Map([[attestationKeyId(ISS, "v1"), attempt.key ?? HS256.verify]]),
    agents: new Map([[attestationIdentity(ISS, SUB), agent]]),
    policy,
    now,
  });
  if (!verified.ok) return verified.error;
  const call = {
    tenant: "acme",
    fingerprints: new Set(attempt.fingerprints ?? [FINGERPRINT]),
    tool,
    arguments: isObject(callArguments) ? callArguments : {},
    bodyText,
  };
  const bound = await bindAttestation(verified.value, call, policy);
  if (!bound.ok) return bound.error;
  const { store } = attempt;
  const env = { STORE: store && { fetch: async (url: string) => store(url) } } as unknown as Env;
  const resolved = bound.value.open && (await resolveReference(bound.value.open, env));
  return resolved?.ok === false ? resolved.error : "accepted";
}
