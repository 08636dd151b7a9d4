import { fromBase64url, utf8 } from "../encoding.ts";
import { MAX_SESSION_KEY_ID_LENGTH } from "../limits.ts";

/** The secrets that MCP session ids are sealed with. The first one seals, all of them open. */
export interface SessionKeys {
  readonly sealing: { readonly id: string; readonly key: CryptoKey };
  readonly byId: ReadonlyMap<string, CryptoKey>;
  /** For the MACs that are server nonces of DPoP, in the same order: each derived from one of the secrets. */
  readonly nonces: readonly CryptoKey[];
  /** For what approvals keep or hand to a browser, by id and in the same order; derived likewise. */
  readonly approvals: ReadonlyMap<string, CryptoKey>;
}

/** AES-256-GCM (NIST SP 800-38D). */
const KEY_BYTES = 32;

/** The text that was read last, and what it gave: the secret of a deployment changes only with a new isolate. */
let known: { readonly text: string; readonly keys: SessionKeys | null } | null = null;

/**
 * Reads the secret `SESSION_KEYS`: `id:key` pairs with commas between them, where an id has 1 to 16 characters of
 * A-Z, a-z, 0-9, `_` and `-`, and a key is 32 bytes in base64url.
 *
 * @returns null where it is absent or has any other form: then no session can be sealed or opened
 */
export async function readSessionKeys(text: string | undefined): Promise<SessionKeys | null> {
  if (text === undefined) return null;
  if (known?.text === text) return known.keys;
  const keys = await importKeys(text);
  if (keys === null) console.error(JSON.stringify({ event: "session_keys.malformed" }));
  known = { text, keys };
  return keys;
}

async function importKeys(text: string): Promise<SessionKeys | null> {
  const byId = new Map<string, CryptoKey>();
  const nonces: CryptoKey[] = [];
  const approvals = new Map<string, CryptoKey>();
  for (const pair of text.split(",")) {
    const [, id = "", encoded = ""] = /^([\w-]+):([\w-]+)$/.exec(pair.trim()) ?? [];
    const bytes = fromBase64url(encoded);
    if (bytes?.length !== KEY_BYTES || id.length > MAX_SESSION_KEY_ID_LENGTH || byId.has(id)) return null;
    byId.set(id, await crypto.subtle.importKey("raw", bytes, "AES-GCM", false, ["encrypt", "decrypt"]));
    nonces.push(await nonceKey(bytes));
    approvals.set(id, await approvalKey(bytes));
  }
  const [first] = byId;
  return first === undefined ? null : { sealing: { id: first[0], key: first[1] }, byId, nonces, approvals };
}

const nonceKey = (secret: Uint8Array<ArrayBuffer>): Promise<CryptoKey> =>
  derive(secret, "countersign dpop nonce v1", { name: "HMAC", hash: "SHA-256" }, ["sign"]);

const approvalKey = (secret: Uint8Array<ArrayBuffer>): Promise<CryptoKey> =>
  derive(secret, "countersign approval v1", { name: "AES-GCM", length: 256 }, ["encrypt", "decrypt"]);

/** HKDF (RFC 5869): what one key makes says nothing of the other. */
async function derive(
  secret: Uint8Array<ArrayBuffer>,
  info: string,
  algorithm: { readonly name: string; readonly hash?: string; readonly length?: number },
  uses: ("sign" | "encrypt" | "decrypt")[],
): Promise<CryptoKey> {
  const base = await crypto.subtle.importKey("raw", secret, "HKDF", false, ["deriveKey"]);
  const derivation = { name: "HKDF", hash: "SHA-256", salt: new Uint8Array(), info: utf8(info) };
  return crypto.subtle.deriveKey(derivation, base, algorithm, false, uses);
}
