/**
 * Session ids as clients see them. The origin's own `Mcp-Session-Id` never leaves: what the client gets is sealed
 * with whose it is, so that nothing is stored and a stolen id is of no use to anybody else. It names a session and
 * proves nothing: every request needs its evidence all the same.
 */

import { fromBase64url, fromUtf8, toBase64url, utf8 } from "../encoding.ts";
import {
  CLOCK_SKEW,
  MAX_SEALED_SESSION_LENGTH,
  MAX_SESSION_ID_LENGTH,
  MAX_SESSION_KEY_ID_LENGTH,
} from "../limits.ts";
import { fail, ok, type Result } from "../result.ts";
import type { SessionKeys } from "./keys.ts";

/** Carries the session in both directions (MCP 2025-11-25, Streamable HTTP, "Session Management"). */
export const SESSION_HEADER = "mcp-session-id";

/** Whose a session is: all of it from verified values. */
export interface SessionOwner {
  readonly tenant: string;
  /** Such as `agent:reader`. */
  readonly principal: string;
  /** `iss` of the mandate it was begun under; of an access token, that and the client. */
  readonly issuer: string;
}

/** A client's session, as both sides know it. */
export interface Session {
  /** What the client sends. */
  readonly sealed: string;
  /** What the origin is sent. */
  readonly id: string;
  /** Whether the client has said that it can send its user to a URL (MCP 2025-11-25, "Elicitation", URL mode). */
  readonly opensUrls: boolean;
}

/** Of AES-GCM: random, since nothing is stored that could count. */
const IV_BYTES = 12;

/** What the specification allows in a session id (MCP 2025-11-25, Streamable HTTP, "Session Management"). */
const isSessionId = (id: string): boolean => id.length <= MAX_SESSION_ID_LENGTH && /^[\x21-\x7e]+$/.test(id);

/**
 * Seals an id of the origin's.
 *
 * @param now seconds
 * @param opensUrls see `Session`
 * @returns `<key id>.<base64url of IV and ciphertext>`; null for what is no session id
 */
export async function sealSession(
  id: string,
  owner: SessionOwner,
  { sealing }: SessionKeys,
  now: number,
  opensUrls = false,
): Promise<string | null> {
  if (!isSessionId(id)) return null;
  const iv = crypto.getRandomValues(new Uint8Array(IV_BYTES));
  const text = utf8(JSON.stringify(opensUrls ? [now, id, 1] : [now, id]));
  const encrypted = await crypto.subtle.encrypt(cipher(iv, owner, sealing.id), sealing.key, text);
  const bytes = new Uint8Array(IV_BYTES + encrypted.byteLength);
  bytes.set(iv);
  bytes.set(new Uint8Array(encrypted), IV_BYTES);
  return `${sealing.id}.${toBase64url(bytes)}`;
}

/**
 * Opens what a client sent as its session id. A sealed id of another tenant, principal or issuer, one that was
 * changed, and one whose key is gone are the same thing here: not a session of this caller's.
 *
 * @param maxAge seconds since it was sealed
 * @param now seconds
 */
export async function openSession(
  sealed: string,
  owner: SessionOwner,
  { byId }: SessionKeys,
  maxAge: number,
  now: number,
): Promise<Result<Session, "session.malformed" | "session.unknown" | "session.expired">> {
  if (sealed.length > MAX_SEALED_SESSION_LENGTH) return fail("session.malformed");
  const [, keyId = "", encoded = ""] = /^([\w-]+)\.([\w-]+)$/.exec(sealed) ?? [];
  const bytes = fromBase64url(encoded);
  if (bytes === null || bytes.length <= IV_BYTES) return fail("session.malformed");
  if (keyId.length > MAX_SESSION_KEY_ID_LENGTH) return fail("session.malformed");
  const key = byId.get(keyId);
  if (key === undefined) return fail("session.unknown");
  const text = await decrypt(bytes, owner, keyId, key);
  if (text === null) return fail("session.unknown");
  const [sealedAt, id, opensUrls] = JSON.parse(text) as [number, string, 1?];
  const age = now - sealedAt;
  return age > maxAge || age < -CLOCK_SKEW
    ? fail("session.expired")
    : ok({ sealed, id, opensUrls: opensUrls === 1 });
}

async function decrypt(
  bytes: Uint8Array<ArrayBuffer>,
  owner: SessionOwner,
  keyId: string,
  key: CryptoKey,
): Promise<string | null> {
  try {
    const algorithm = cipher(bytes.slice(0, IV_BYTES), owner, keyId);
    return fromUtf8(new Uint8Array(await crypto.subtle.decrypt(algorithm, key, bytes.slice(IV_BYTES))));
  } catch {
    // WebCrypto says "not authentic" by throwing.
    return null;
  }
}

const cipher = (iv: Uint8Array<ArrayBuffer>, { tenant, principal, issuer }: SessionOwner, keyId: string) => ({
  name: "AES-GCM",
  iv,
  additionalData: utf8(JSON.stringify(["countersign session v1", tenant, principal, issuer, keyId])),
});
