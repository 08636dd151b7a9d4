/** The signatures published in RFC 9421, read where a copy of them lies beside the checkout. */

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { utf8 } from "../../src/encoding.ts";
import { signatureBase } from "../../src/evidence/http-signature/base.ts";
import { parseSignatures } from "../../src/evidence/http-signature/fields.ts";

interface Vector {
  id: string;
  label: string;
  key: string;
  alg: keyof typeof ALGORITHMS;
  valid: boolean;
  message: Request | { kind: "response" };
}
interface Request {
  kind: "request";
  method: string;
  target: string;
  authority: string;
  scheme: string;
  fields: [string, string][];
}
interface Published {
  keys: Record<string, Record<string, string>>;
  vectors: Vector[];
}

const ALGORITHMS = {
  "ecdsa-p256-sha256": { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" },
  ed25519: { name: "Ed25519" },
  "hmac-sha256": { name: "HMAC", hash: "SHA-256" },
  "rsa-pss-sha512": { name: "RSA-PSS", hash: "SHA-512", saltLength: 64 },
  "rsa-v1_5-sha256": { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" },
} as const;

const file = join(import.meta.dirname, "../../../shared/vectors/rfc9421/rfc9421.json");
const found = existsSync(file);
const published: Published = found ? JSON.parse(readFileSync(file, "utf8")) : { keys: {}, vectors: [] };
const requests = published.vectors.filter((vector) => vector.message.kind === "request");

test.skipIf(!found)("RFC 9421 vectors: all sixteen requests are there", () => {
  expect(requests.length).toBe(16);
});

describe.skipIf(!found)("RFC 9421 vectors (skipped where no copy lies beside the checkout)", () => {
  for (const vector of requests) {
    test(`${vector.id} ${vector.valid ? "verifies" : "does not verify"}`, async () => {
      expect(await verifies(vector, vector.message as Request)).toBe(vector.valid);
    });
  }
});

async function verifies(vector: Vector, message: Request): Promise<boolean> {
  const headers = new Map<string, string>();
  for (const [name, value] of message.fields) {
    const before = headers.get(name.toLowerCase());
    headers.set(name.toLowerCase(), before === undefined ? value : `${before}, ${value}`);
  }
  const parsed = parseSignatures(headers.get("signature-input") ?? "", headers.get("signature") ?? "");
  const signature = parsed.ok ? parsed.value.find(({ label }) => label === vector.label) : undefined;
  if (signature === undefined) throw new Error(`${vector.id} cannot be read`);
  const targetUri = `${message.scheme}://${message.authority}${message.target}`;
  const base = signatureBase({ method: message.method, targetUri, headers }, signature);
  if (!base.ok) throw new Error(`${vector.id}: ${base.error}`);
  const key = await importKey(vector.alg, published.keys[vector.key] ?? {});
  return crypto.subtle.verify(ALGORITHMS[vector.alg], key, signature.bytes, utf8(base.value));
}

/** Without the private members, which would ask for another use. */
function importKey(alg: Vector["alg"], { kty = "", ...members }: Record<string, string>): Promise<CryptoKey> {
  const isPublic = ([name]: [string, string]) => ["crv", "x", "y", "n", "e", "k"].includes(name);
  const jwk: JsonWebKey = { kty, ...Object.fromEntries(Object.entries(members).filter(isPublic)) };
  return crypto.subtle.importKey("jwk", jwk, ALGORITHMS[alg], false, ["verify"]);
}
