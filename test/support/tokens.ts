/** Keys and compact JWS for tests: whatever header and payload they are given is really signed. */

import { exportJWK } from "jose";
import { toBase64url, utf8 } from "../../src/encoding.ts";
import type { JsonObject, JsonValue } from "../../src/json/strict-json.ts";

type Alg = "ES256" | "EdDSA";

const ALGORITHMS = {
  ES256: { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" },
  EdDSA: { name: "Ed25519" },
} as const;

/** Somebody with a key pair. */
export interface Signer {
  readonly alg: Alg;
  readonly kid: string;
  readonly jwk: Record<string, unknown>;
  readonly sign: (bytes: Uint8Array<ArrayBuffer>) => Promise<Uint8Array<ArrayBuffer>>;
}

export async function signer(alg: Alg, kid: string): Promise<Signer> {
  const algorithm = ALGORITHMS[alg];
  const pair = (await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"])) as CryptoKeyPair;
  return {
    alg,
    kid,
    jwk: { ...(await exportJWK(pair.publicKey)), kid },
    sign: async (bytes) => new Uint8Array(await crypto.subtle.sign(algorithm, pair.privateKey, bytes)),
  };
}

/** An HS256 signer with any bytes as its secret, such as somebody's public key. */
export async function hmacSign(secret: Uint8Array<ArrayBuffer>): Promise<Signer["sign"]> {
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  const key = await crypto.subtle.importKey("raw", secret, algorithm, false, ["sign"]);
  return async (bytes) => new Uint8Array(await crypto.subtle.sign("HMAC", key, bytes));
}

/** What a test changes in a claim set or header; undefined takes a member out. */
export type Changes = Readonly<Record<string, JsonValue | undefined>>;

export const merge = (base: JsonObject, changes: Changes): JsonObject =>
  JSON.parse(JSON.stringify({ ...base, ...changes }));

/** Signs header and payload, each an object or the JSON text itself. */
export async function compact(
  header: JsonObject | string,
  payload: JsonValue,
  sign: Signer["sign"],
): Promise<string> {
  const part = (value: JsonValue) =>
    toBase64url(utf8(typeof value === "string" ? value : JSON.stringify(value)));
  const input = `${part(header)}.${part(payload)}`;
  return `${input}.${toBase64url(await sign(utf8(input)))}`;
}

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/** Another spelling of the same bytes, for the n-th part of a token: an unused bit of its last character set. */
export function respell(token: string, n: number): string {
  const parts = token.split(".");
  const part = parts[n] ?? "";
  if (part.length % 4 === 0) throw new Error("This part has no unused bits");
  const last = ALPHABET[ALPHABET.indexOf(part.slice(-1)) ^ 1] ?? "";
  return parts.with(n, part.slice(0, -1) + last).join(".");
}

/** Every JSON type where another one belongs, for a claim that must be a printable identifier. */
export const NOT_AN_IDENTIFIER: readonly (readonly [string, JsonValue | undefined])[] = [
  ["missing", undefined],
  ["null", null],
  ["a number", 7],
  ["true", true],
  ["an array", ["x"]],
  ["an empty array", []],
  ["an object", { x: "y" }],
  ["a nested string", [["x"]]],
  ["empty", ""],
  ["a space", "a b"],
  ["a line feed", "agent:ada\n"],
  ["a NUL", "\u0000"],
  ["not ASCII", "agent:adä"],
  ["a look-alike", "agent:\u0430da"],
];

/** The same for a time in whole seconds. */
export const NOT_A_TIME: readonly (readonly [string, JsonValue | undefined])[] = [
  ["missing", undefined],
  ["null", null],
  ["a string", "1772064000"],
  ["true", true],
  ["an array", [1772064000]],
  ["an object", {}],
  ["a fraction", 1772064000.5],
  ["negative", -1],
];

/** Identifiers alone are allowed to be long. */
export const long = (length: number) => "x".repeat(length);
