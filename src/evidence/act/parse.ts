import { MANDATE_HEADERS } from "../../evidence-headers.ts";
import { isObject, type JsonObject, type JsonValue } from "../../json/strict-json.ts";
import { TOKEN_ALGORITHMS, type TokenAlgorithm } from "../../keys/key.ts";
import type { Reason } from "../../reasons.ts";
import { fail, ok, type Result } from "../../result.ts";
import { type CommonClaims, readCommonClaims, readIdentifier } from "../claims.ts";
import { decodeJws, type Jws } from "../jws.ts";
import { absent, malformed, type Presented, present } from "../presented.ts";
import { type Capability, readCapabilities } from "./capability.ts";

/** The claims that mandate (phase 1) and record (phase 2) have in common, typed. */
export interface MandateClaims extends CommonClaims {
  readonly sub: string;
  /** `task.purpose`: what the work is for, in words. */
  readonly purpose: string;
  readonly cap: readonly Capability[];
  /** The claim `del`; null where the mandate has none, so that it can neither have been delegated nor be. */
  readonly delegation: Delegation | null;
}

/** The place of a mandate in a chain of delegations. The wire form is Countersign's own; see `docs/act.md`. */
export interface Delegation {
  /** 0 for the root, which an issuer signed. */
  readonly depth: number;
  readonly maxDepth: number;
  /** The mandate it was derived from; null for the root. */
  readonly parent: Mandate | null;
}

/** An ACT mandate (phase 1) with every claim typed, not yet verified. */
export interface Mandate extends MandateClaims {
  readonly jws: Jws;
  readonly alg: TokenAlgorithm;
  readonly kid: string;
}

/** Claims that only an execution record (phase 2) has. */
export const RECORD_CLAIMS = ["exec_act", "exec_ts", "status", "pred", "par", "err", "inp_hash", "out_hash"];

/**
 * Finds the mandate in `Authorization: Bearer` or `ACT-Mandate`. Both present must be equal.
 * Facts: draft-nennemann-act, Countersign profile (phase 1).
 */
export function parseMandate(headers: ReadonlyMap<string, string>): Presented<Mandate> {
  const [authorization, own] = MANDATE_HEADERS.map((name) => headers.get(name));
  if (authorization === undefined && own === undefined) return absent;
  let token = own;
  if (authorization !== undefined) {
    // Repeated header lines arrive joined by ", ", which is no token and so is refused here.
    const bearer = /^Bearer +([A-Za-z0-9._~+/=-]+)$/i.exec(authorization)?.[1];
    if (bearer === undefined) return malformed("bearer.scheme");
    if (own !== undefined && own !== bearer) return malformed("bearer.conflict");
    token = bearer;
  }
  const read = readMandate(token ?? "");
  return read.ok ? present(read.value) : malformed(read.error);
}

/** Reads a mandate, and those that it was derived from. */
export function readMandate(token: string): Result<Mandate, Reason> {
  const decoded = decodeJws(token);
  if (!decoded.ok) return fail(decoded.error === "too_large" ? "act.too_large" : "act.malformed");
  const { payload } = decoded.value;
  const header = readHeader(decoded.value.header);
  if (!header.ok) return header;
  if (RECORD_CLAIMS.some((claim) => payload[claim] !== undefined)) return fail("act.phase");
  const claims = readMandateClaims(payload);
  return claims.ok ? ok({ jws: decoded.value, ...header.value, ...claims.value }) : claims;
}

/** Reads the JOSE header of an ACT, which is the same in both phases. */
export function readHeader(header: JsonObject): Result<Pick<Mandate, "alg" | "kid">, Reason> {
  const { typ, crit } = header;
  if (typ === "at+jwt" || typ === "application/at+jwt") return fail("bearer.access_token");
  if (typ !== "act+jwt") return fail("act.typ");
  const alg = TOKEN_ALGORITHMS.find((one) => one === header.alg);
  if (alg === undefined) return fail("act.alg");
  if (crit !== undefined) return fail("act.crit");
  const kid = readIdentifier(header.kid);
  return kid === null ? fail("act.kid") : ok({ alg, kid });
}

export function readMandateClaims(payload: JsonObject): Result<MandateClaims, Reason> {
  const common = readCommonClaims(payload);
  const sub = readIdentifier(payload.sub);
  const purpose = isObject(payload.task) ? payload.task.purpose : undefined;
  if (common === null || sub === null || typeof purpose !== "string") return fail("act.claims");
  const cap = readCapabilities(payload.cap);
  if (!cap.ok) return cap;
  const delegation = payload.del === undefined ? ok(null) : readDelegation(payload.del);
  return delegation.ok
    ? ok({ ...common, sub, purpose, cap: cap.value, delegation: delegation.value })
    : delegation;
}

/** Each parent is shorter than the token it is in, so the length of the token bounds the nesting. */
function readDelegation(value: JsonValue): Result<Delegation, Reason> {
  if (!isObject(value)) return fail("act.delegation_malformed");
  const { depth, max_depth: maxDepth, parent: token, ...unknown } = value;
  if (!isCount(depth) || !isCount(maxDepth) || Object.keys(unknown).length > 0) {
    return fail("act.delegation_malformed");
  }
  if (depth === 0) {
    return token === undefined ? ok({ depth, maxDepth, parent: null }) : fail("act.delegation_malformed");
  }
  const parent = typeof token === "string" ? readMandate(token) : null;
  return parent?.ok ? ok({ depth, maxDepth, parent: parent.value }) : fail("act.delegation_malformed");
}

const isCount = (value: JsonValue | undefined): value is number =>
  Number.isSafeInteger(value) && Number(value) >= 0;
