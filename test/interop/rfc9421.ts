/** The examples of RFC 9421: is the signature base the one that was signed, and does each body fit its digest? */

import { signatureBase } from "../../src/evidence/http-signature/base.ts";
import { parseSignatures } from "../../src/evidence/http-signature/fields.ts";
import type { SignedMessage, SignedRequest } from "../../src/evidence/http-signature/message.ts";
import { type Case, failed, type Outcome, passed, readJson, type VectorSet } from "./set.ts";

interface Vector {
  id: string;
  label: string;
  key: string;
  alg: keyof typeof ALGORITHMS;
  valid: boolean;
  message: RequestMessage | ResponseMessage;
  /** What a response answers. */
  request?: RequestMessage;
}

interface ResponseMessage {
  kind: "response";
  status: number;
  fields: [string, string][];
}

interface RequestMessage {
  kind: "request";
  method: string;
  target: string;
  authority: string;
  scheme: string;
  fields: [string, string][];
  body: string;
}

const ALGORITHMS = {
  "ecdsa-p256-sha256": { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" },
  ed25519: { name: "Ed25519" },
  "hmac-sha256": { name: "HMAC", hash: "SHA-256" },
  "rsa-pss-sha512": { name: "RSA-PSS", hash: "SHA-512", saltLength: 64 },
  "rsa-v1_5-sha256": { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" },
} as const;

export const rfc9421: VectorSet = {
  name: "RFC 9421",
  folder: "rfc9421",
  size: 18,
  policies: {},
  cases(folder) {
    const { keys, vectors } = readJson(folder, "rfc9421.json");
    return vectors.map(
      (vector: Vector): Case => ({ id: vector.id, run: () => judge(vector, keys[vector.key]) }),
    );
  },
};

/** Where a vector does not say what a response answers, its signature covers nothing of that. */
const NO_REQUEST: SignedRequest = { kind: "request", method: "", targetUri: "", headers: new Map() };

const requestOf = ({ method, scheme, authority, target, fields }: RequestMessage): SignedRequest => ({
  kind: "request",
  method,
  targetUri: `${scheme}://${authority}${target}`,
  headers: joined(fields),
});

const messageOf = ({ message, request }: Vector): SignedMessage =>
  message.kind === "request"
    ? requestOf(message)
    : {
        kind: "response",
        status: message.status,
        headers: joined(message.fields),
        request: request ? requestOf(request) : NO_REQUEST,
      };

/** Lines of one name as Fetch joins them. */
function joined(fields: [string, string][]): ReadonlyMap<string, string> {
  const headers = new Map<string, string>();
  for (const [name, value] of fields) {
    const before = headers.get(name.toLowerCase());
    headers.set(name.toLowerCase(), before === undefined ? value : `${before}, ${value}`);
  }
  return headers;
}

async function judge(vector: Vector, jwk: Jwk): Promise<Outcome> {
  const { id, label, alg, valid } = vector;
  const message = messageOf(vector);
  const { headers } = message;
  const parsed = parseSignatures(headers.get("signature-input") ?? "", headers.get("signature") ?? "");
  const signature = parsed.ok ? parsed.value.find((one) => one.label === label) : undefined;
  if (signature === undefined) return failed("cannot be read");
  const base = signatureBase(message, signature);
  if (!base.ok) return failed(base.error);
  const key = await importKey(alg, jwk);
  const verified = await crypto.subtle.verify(ALGORITHMS[alg], key, signature.bytes, base.value);
  return verified === valid ? passed : failed(`${id} ${verified ? "verifies" : "does not verify"}`);
}

type Jwk = Record<string, string>;

/** Without the private members, which would ask for another use. */
function importKey(alg: Vector["alg"], { kty = "", ...members }: Jwk): Promise<CryptoKey> {
  const isPublic = ([name]: [string, string]) => ["crv", "x", "y", "n", "e", "k"].includes(name);
  const jwk: JsonWebKey = { kty, ...Object.fromEntries(Object.entries(members).filter(isPublic)) };
  return crypto.subtle.importKey("jwk", jwk, ALGORITHMS[alg], false, ["verify"]);
}
