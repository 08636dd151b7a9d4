import { fromBase64url } from "../../encoding.ts";
import { MANDATE_HEADERS } from "../../evidence-headers.ts";
import { isObject, type JsonObject, type JsonValue } from "../../json/strict-json.ts";
import type { OAuthAlgorithm } from "../../keys/key.ts";
import { MAX_PRINCIPAL_LENGTH, MAX_TOKEN_SUBJECT_LENGTH } from "../../limits.ts";
import type { Reason } from "../../reasons.ts";
import { fail, ok, type Result } from "../../result.ts";
import { type CommonClaims, readCommonClaims, readIdentifier } from "../claims.ts";
import { decodeJws, decodeObject, type Jws } from "../jws.ts";
import { absent, malformed, type Presented, present } from "../presented.ts";
import { algorithmNamed } from "./algorithm.ts";
import { tokenPrincipal } from "./subject.ts";

/** An access token (RFC 9068) with every claim typed, not yet verified. */
export interface AccessToken extends Omit<CommonClaims, "wid"> {
  readonly jws: Jws;
  readonly scheme: "Bearer" | "DPoP";
  readonly alg: OAuthAlgorithm;
  readonly kid: string;
  readonly sub: string;
  readonly clientId: string;
  readonly scopes: ReadonlySet<string>;
  /** RFC 7638 thumbprint of the key that it is bound to (RFC 9449 section 6.1); null for a bearer token. */
  readonly confirmation: string | null;
}

const [AUTHORIZATION, MANDATE] = MANDATE_HEADERS;

/** RFC 9068 section 2.1: the prefix `application/` may be there. */
const TYPES: ReadonlySet<unknown> = new Set(["at+jwt", "application/at+jwt"]);

/**
 * Finds the access token in `Authorization`. With the scheme DPoP nothing else is taken; with Bearer it is one where its header says
 * so. What is neither is for whoever looks for a mandate to judge.
 */
export function parseAccessToken(headers: ReadonlyMap<string, string>): Presented<AccessToken> {
  // Repeated header lines arrive joined by ", ", which is no token.
  const credentials = /^(Bearer|DPoP) +([A-Za-z0-9._~+/=-]+)$/i.exec(headers.get(AUTHORIZATION) ?? "");
  if (credentials === null) return absent;
  const [, name = "", token = ""] = credentials;
  const scheme = name.toLowerCase() === "dpop" ? "DPoP" : "Bearer";
  if (scheme === "Bearer" && !TYPES.has(headerOf(token)?.typ)) return absent;
  if (headers.has(MANDATE)) return malformed("bearer.two_kinds");
  const read = readAccessToken(token, scheme);
  return read.ok ? present(read.value) : malformed(read.error);
}

const headerOf = (token: string): JsonObject | null => {
  const bytes = fromBase64url(token.slice(0, token.indexOf(".")));
  return bytes && decodeObject(bytes);
};

function readAccessToken(token: string, scheme: AccessToken["scheme"]): Result<AccessToken, Reason> {
  const jws = decodeJws(token);
  if (!jws.ok) return fail("token.malformed");
  const { header, payload } = jws.value;
  if (!TYPES.has(header.typ)) return fail("token.typ");
  const alg = algorithmNamed(header);
  if (alg === null) return fail("token.alg");
  if (header.crit !== undefined) return fail("token.crit");
  const kid = readIdentifier(header.kid);
  if (kid === null) return fail("token.kid");
  const claims = readClaims(payload);
  if (claims === null) return fail("token.claims");
  const confirmation = readConfirmation(payload.cnf);
  if (!confirmation.ok) return confirmation;
  return ok({ jws: jws.value, scheme, alg, kid, ...claims, confirmation: confirmation.value });
}

/** RFC 9068 section 2.2: all of them are required but `nbf` and `scope`. */
function readClaims({
  wid: _,
  ...payload
}: JsonObject): Omit<AccessToken, "jws" | "scheme" | "alg" | "kid" | "confirmation"> | null {
  // `wid` is a claim of mandates, and here somebody else's name for something.
  const common = readCommonClaims(payload);
  const sub = readIdentifier(payload.sub, MAX_TOKEN_SUBJECT_LENGTH);
  const clientId = readIdentifier(payload.client_id);
  const scopes = readScopes(payload.scope);
  if (common === null || sub === null || clientId === null || scopes === null) return null;
  const principal = tokenPrincipal({ iss: common.iss, sub });
  if (JSON.stringify(principal).length > MAX_PRINCIPAL_LENGTH) return null;
  return { ...common, sub, clientId, scopes };
}

/** RFC 6749 section 3.3: scope tokens with one space between them. */
function readScopes(scope: JsonValue | undefined): ReadonlySet<string> | null {
  if (scope === undefined || scope === "") return new Set();
  const isScope = typeof scope === "string" && /^[!#-[\]-~]+( [!#-[\]-~]+)*$/.test(scope);
  return isScope ? new Set(scope.split(" ")) : null;
}

/** A member of `cnf` that is not understood would ask for a proof that nobody here checks (RFC 7800 section 3.1). */
function readConfirmation(cnf: JsonValue | undefined): Result<string | null, Reason> {
  if (cnf === undefined) return ok(null);
  if (!isObject(cnf)) return fail("token.confirmation");
  const { jkt, ...others } = cnf;
  const isThumbprint = typeof jkt === "string" && fromBase64url(jkt)?.length === 32;
  return isThumbprint && Object.keys(others).length === 0 ? ok(jkt) : fail("token.confirmation");
}
