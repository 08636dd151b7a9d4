/** Session ids as the gateway gives them to clients: sealed with the key `session` of `vectors/keys.json`. */

import { type Bytes, key } from "./keys.ts";
import { base64url, utf8 } from "./tokens.ts";

export interface SealedSession {
  /** Name of the key; `session` without it. */
  readonly by?: string;
  readonly tenant: string;
  readonly principal?: string;
  readonly issuer?: string;
  /** The origin's own id. */
  readonly id?: string;
  /** NumericDate. */
  readonly at: number;
}

/** A real one is random; a fixed one makes the same id each time. */
const IV: Bytes = new Uint8Array(12).fill(7);

/** `<kid>.<base64url(IV || AES-256-GCM of [at, id])>`, authenticated with whose it is. */
export async function sealSession({
  by = "session",
  tenant,
  principal = "agent:ada",
  issuer = "https://issuer.example",
  id = "s-1",
  at,
}: SealedSession): Promise<string> {
  const { kid, secret } = key(by);
  const bytes = new Uint8Array(Buffer.from(secret ?? "", "base64url"));
  const imported = await crypto.subtle.importKey("raw", bytes, "AES-GCM", false, ["encrypt"]);
  const additionalData = utf8(JSON.stringify(["countersign session v1", tenant, principal, issuer, kid]));
  const algorithm = { name: "AES-GCM", iv: IV, additionalData };
  const sealed = await crypto.subtle.encrypt(algorithm, imported, utf8(JSON.stringify([at, id])));
  return `${kid}.${base64url(new Uint8Array([...IV, ...new Uint8Array(sealed)]))}`;
}
