/**
 * Adds a test key to `vectors/keys.json`: `node scripts/vectors/new-key.ts NAME ALG KID`, where ALG is one of
 * EdDSA, ES256, ES384, RS256, HS256, A256GCM. Keys that are there are never made anew: every vector rests on them.
 */

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const FILE = join(import.meta.dirname, "../../vectors/keys.json");

const ALGORITHMS: Readonly<Record<string, Parameters<typeof crypto.subtle.generateKey>[0]>> = {
  EdDSA: { name: "Ed25519" },
  ES256: { name: "ECDSA", namedCurve: "P-256" },
  ES384: { name: "ECDSA", namedCurve: "P-384" },
  RS256: {
    name: "RSASSA-PKCS1-v1_5",
    modulusLength: 2048,
    publicExponent: new Uint8Array([1, 0, 1]),
    hash: "SHA-256",
  },
};

/** The members that say what a key is; not those that WebCrypto adds. */
const MEMBERS = ["kty", "crv", "x", "y", "n", "e", "d", "p", "q", "dp", "dq", "qi", "k"];

async function generate(alg: string): Promise<Record<string, unknown>> {
  if (alg === "HS256" || alg === "A256GCM") {
    return { kty: "oct", k: Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString("base64url") };
  }
  const algorithm = ALGORITHMS[alg];
  if (algorithm === undefined) throw new Error(`no such algorithm: ${alg}`);
  const pair = (await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"])) as CryptoKeyPair;
  const jwk: unknown = await crypto.subtle.exportKey("jwk", pair.privateKey);
  const members = Object.entries(jwk as object).filter(([member]) => MEMBERS.includes(member));
  return Object.fromEntries(members);
}

const [name, alg, kid] = process.argv.slice(2);
if (name === undefined || alg === undefined || kid === undefined) throw new Error("NAME ALG KID");
const file = JSON.parse(readFileSync(FILE, "utf8")) as { keys: Record<string, unknown> };
if (Object.hasOwn(file.keys, name)) throw new Error(`${name} is there already`);
file.keys[name] = { alg, jwk: { kid, ...(await generate(alg)) } };
writeFileSync(FILE, `${JSON.stringify(file, null, 2)}\n`);
