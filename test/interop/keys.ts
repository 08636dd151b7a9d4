/** Keys as the published sets have them in their folder `keys`. */

import { createPublicKey } from "node:crypto";
import { readFileSync } from "node:fs";
import type { AttestationKey } from "../../src/tenant/tenant.ts";

/** The key in a file; its name tells the algorithm. */
export async function keyIn(path: string): Promise<AttestationKey> {
  const file = readFileSync(path);
  if (path.endsWith(".bin")) {
    const hmac = { name: "HMAC", hash: "SHA-256" };
    return { alg: "HS256", key: await crypto.subtle.importKey("raw", file, hmac, false, ["verify"]) };
  }
  const alg = path.includes("rs256") ? "RS256" : "ES256";
  const parameters =
    alg === "RS256" ? { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" } : { name: "ECDSA", namedCurve: "P-256" };
  const spki = new Uint8Array(createPublicKey(file).export({ type: "spki", format: "der" }));
  const key = await crypto.subtle.importKey("spki", spki, parameters, true, ["verify"]);
  return { alg, kid: path, thumbprint: path, key };
}

/** The file of a set's key for an algorithm. */
export const keyFile = (alg: string): string =>
  alg === "HS256" ? "hs256_secret.bin" : `${alg.toLowerCase()}_public.pem`;
