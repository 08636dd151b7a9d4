/**
 * What approvals keep or hand to a browser, so that nobody but this deployment can read or change it. Keys are derived from those of
 * `SESSION_KEYS` and rotate with them: the first seals, all open.
 */

import { fromBase64url, fromUtf8, toBase64url, utf8 } from "../encoding.ts";
import { isObject, type JsonObject, parseStrictJson } from "../json/strict-json.ts";
import type { SessionKeys } from "../session/keys.ts";

/** `view`: what an approver is shown. `sign-in`: what is awaited from the identity provider. `approver`: who is signed in. */
export type Purpose = "view" | "sign-in" | "approver";

/** What a sealed text is bound to: it opens only where all of it is the same. */
export interface Binding {
  readonly purpose: Purpose;
  readonly names: readonly string[];
}

/** Of AES-GCM (NIST SP 800-38D): random, since nothing is stored that could count. */
const IV_BYTES = 12;

/** @returns `<key id>.<base64url of IV and ciphertext>` */
export async function seal(value: object, binding: Binding, { approvals }: SessionKeys): Promise<string> {
  const [first] = approvals;
  if (first === undefined) throw new Error("session keys are never empty");
  const [keyId, key] = first;
  const iv = crypto.getRandomValues(new Uint8Array(IV_BYTES));
  const sealed = await crypto.subtle.encrypt(cipher(iv, binding, keyId), key, utf8(JSON.stringify(value)));
  return `${keyId}.${toBase64url(new Uint8Array([...iv, ...new Uint8Array(sealed)]))}`;
}

/** What was sealed; null where it was not by us, not under this binding, or under a key that is gone. */
export async function unseal(
  text: string,
  binding: Binding,
  { approvals }: SessionKeys,
): Promise<JsonObject | null> {
  const [, keyId = "", encoded = ""] = /^([\w-]+)\.([\w-]+)$/.exec(text) ?? [];
  const bytes = fromBase64url(encoded);
  const key = approvals.get(keyId);
  if (bytes === null || bytes.length <= IV_BYTES || key === undefined) return null;
  const opened = await decrypt(bytes, binding, keyId, key);
  const json = opened === null ? null : parseStrictJson(opened);
  return json?.ok && isObject(json.value) ? json.value : null;
}

async function decrypt(
  bytes: Uint8Array<ArrayBuffer>,
  binding: Binding,
  keyId: string,
  key: CryptoKey,
): Promise<string | null> {
  try {
    const algorithm = cipher(bytes.slice(0, IV_BYTES), binding, keyId);
    return fromUtf8(new Uint8Array(await crypto.subtle.decrypt(algorithm, key, bytes.slice(IV_BYTES))));
  } catch {
    // WebCrypto says "not authentic" by throwing.
    return null;
  }
}

const cipher = (iv: Uint8Array<ArrayBuffer>, { purpose, names }: Binding, keyId: string) => ({
  name: "AES-GCM",
  iv,
  additionalData: utf8(JSON.stringify(["countersign approval v1", purpose, keyId, ...names])),
});
