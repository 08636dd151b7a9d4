import { WIT_HEADER } from "../../evidence-headers.ts";
import { isObject, type JsonObject } from "../../json/strict-json.ts";
import { type KeyAlgorithm, WIT_ALGORITHMS } from "../../keys/key.ts";
import type { Reason } from "../../reasons.ts";
import { fail, ok, type Result } from "../../result.ts";
import { trustDomainOf } from "../../tenant/workload-identifier.ts";
import { readIdentifier, readTime } from "../claims.ts";
import { decodeJws, type Jws } from "../jws.ts";
import { absent, malformed, type Presented, present } from "../presented.ts";

/** A workload identity token with every claim typed, not yet verified. */
export interface Wit {
  readonly jws: Jws;
  readonly alg: KeyAlgorithm;
  readonly kid: string;
  /** The workload identifier: `sub`. */
  readonly subject: string;
  readonly trustDomain: string;
  /** The latest of `iat` and `nbf`; null where neither is there. */
  readonly notBefore: number | null;
  readonly exp: number;
  /** `cnf.jwk`, whose holder this token is for. */
  readonly confirmed: JsonObject;
}

/** By what `alg` says. RFC 9864 has the last name for EdDSA with this curve. */
const ALGORITHMS: ReadonlyMap<unknown, KeyAlgorithm> = new Map([
  ...WIT_ALGORITHMS.map((alg): [string, KeyAlgorithm] => [alg, alg]),
  ["Ed25519", "EdDSA"],
]);

/** Finds the WIT (draft-ietf-wimse-workload-creds sections 3 and 5.1). */
export function parseWit(headers: ReadonlyMap<string, string>): Presented<Wit> {
  const token = headers.get(WIT_HEADER);
  if (token === undefined) return absent;
  const read = readWit(token);
  return read.ok ? present(read.value) : malformed(read.error);
}

export function readWit(token: string): Result<Wit, Reason> {
  const decoded = decodeJws(token);
  if (!decoded.ok) return fail(decoded.error === "too_large" ? "wit.too_large" : "wit.malformed");
  if (token.endsWith(".")) return fail("wit.malformed");
  const { header, payload } = decoded.value;
  if (header.typ !== "wit+jwt") return fail("wit.typ");
  const alg = ALGORITHMS.get(header.alg);
  if (alg === undefined) return fail("wit.alg");
  if (header.crit !== undefined) return fail("wit.crit");
  const kid = readIdentifier(header.kid);
  if (kid === null) return fail("wit.kid");
  const claims = readClaims(payload);
  return claims.ok ? ok({ jws: decoded.value, alg, kid, ...claims.value }) : claims;
}

/**
 * What else can confirm a key in `cnf`, which has to be one key's alone (RFC 7800 section 3.1): an encrypted one, a URL, and
 * the thumbprints of RFC 9449 section 6.1 and RFC 8705 section 3.1.
 */
const OTHER_KEYS = ["jwe", "jku", "jkt", "x5t#S256"] as const;

/** `iss` and `jti` say nothing that is decided upon, but have to be what they claim to be. */
function readClaims(payload: JsonObject): Result<Omit<Wit, "jws" | "alg" | "kid">, Reason> {
  const { sub, iss, jti, iat, nbf, cnf } = payload;
  const exp = readTime(payload.exp);
  const starts = [iat, nbf].filter((time) => time !== undefined).map(readTime);
  const names = [iss, jti].filter((name) => name !== undefined).map((name) => readIdentifier(name));
  if (exp === null || starts.includes(null) || names.includes(null)) return fail("wit.claims");
  const notBefore = starts.length === 0 ? null : Math.max(...(starts as number[]));
  if (notBefore !== null && exp < notBefore) return fail("wit.claims");
  const trustDomain = typeof sub === "string" ? trustDomainOf(sub) : null;
  if (typeof sub !== "string" || trustDomain === null) return fail("wit.subject");
  const confirmed =
    isObject(cnf) && !OTHER_KEYS.some((name) => Object.hasOwn(cnf, name)) ? cnf.jwk : undefined;
  // Without `alg` a key does not say what its proof is made with, and the message must not.
  if (!isObject(confirmed) || typeof confirmed.alg !== "string") return fail("wit.confirmation");
  return ok({ subject: sub, trustDomain, notBefore, exp, confirmed });
}
