import type { JsonObject, JsonValue } from "../json/strict-json.ts";
import { MAX_AUDIENCES, MAX_IDENTIFIER_LENGTH, MAX_JTI_LENGTH } from "../limits.ts";

/** The claims that every mandate and ECT has, typed (RFC 7519 section 4.1, and `wid`). */
export interface TokenClaims {
  readonly iat: number;
  /** `nbf`; `iat` where it is absent. */
  readonly notBefore: number;
  readonly exp: number;
  readonly jti: string;
  readonly wid: string | null;
}

/** Those and the two that signed ones have: from whom, and for whom. */
export interface CommonClaims extends TokenClaims {
  readonly iss: string;
  readonly aud: readonly string[];
}

/** Null where one is missing (`nbf` and `wid` may be) or has the wrong type, or `exp` is not after `iat`. */
export function readCommonClaims(payload: JsonObject): CommonClaims | null {
  const iss = readIdentifier(payload.iss);
  const aud = readIdentifiers(payload.aud, MAX_AUDIENCES);
  const claims = readTokenClaims(payload);
  return iss === null || aud === null || claims === null ? null : { iss, aud, ...claims };
}

/** The same without `iss` and `aud`. */
export function readTokenClaims(payload: JsonObject): TokenClaims | null {
  const iat = readTime(payload.iat);
  const notBefore = payload.nbf === undefined ? iat : readTime(payload.nbf);
  const exp = readTime(payload.exp);
  const jti = readIdentifier(payload.jti, MAX_JTI_LENGTH);
  const wid = payload.wid === undefined ? null : readIdentifier(payload.wid, MAX_JTI_LENGTH);
  if (iat === null || notBefore === null || exp === null || jti === null) return null;
  if (exp <= iat || (payload.wid !== undefined && wid === null)) return null;
  return { iat, notBefore, exp, jti, wid };
}

/** A string of 1 to `max` printable ASCII characters; null otherwise. Identifiers are compared byte for byte. */
export const readIdentifier = (value: JsonValue | undefined, max = MAX_IDENTIFIER_LENGTH): string | null =>
  typeof value === "string" && value.length <= max && /^[\x21-\x7e]+$/.test(value) ? value : null;

/** A NumericDate (RFC 7519 section 2) in whole seconds; null otherwise. */
export const readTime = (value: JsonValue | undefined): number | null =>
  typeof value === "number" && Number.isSafeInteger(value) && value >= 0 ? value : null;

/** A string, or a non-empty array of at most `max` of them (the two forms of `aud`); null otherwise. */
export function readIdentifiers(value: JsonValue | undefined, max: number): readonly string[] | null {
  const items = Array.isArray(value) ? value : [value];
  if (items.length === 0 || items.length > max) return null;
  const read = items.map((item) => readIdentifier(item));
  return read.includes(null) ? null : (read as string[]);
}
