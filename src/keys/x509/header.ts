import { fromBase64url } from "../../encoding.ts";
import type { JsonObject } from "../../json/strict-json.ts";

/**
 * The `x5c` of a JOSE header (RFC 7515 section 4.1.6); null where there is none. A malformed one is a chain of nothing, which
 * leads to no anchor.
 */
export function x5cOf({ x5c }: JsonObject): readonly string[] | null {
  if (x5c === undefined) return null;
  return Array.isArray(x5c) && x5c.every((entry) => typeof entry === "string") ? x5c : [];
}

/** Decodes canonical base64 with its padding (RFC 4648 section 4); null for anything else. */
export function fromBase64(text: string): Uint8Array<ArrayBuffer> | null {
  if (text.length % 4 !== 0 || !/^[A-Za-z0-9+/]+={0,2}$/.test(text)) return null;
  return fromBase64url(text.replace(/=+$/, "").replaceAll("+", "-").replaceAll("/", "_"));
}
