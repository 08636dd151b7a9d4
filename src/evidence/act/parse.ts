import { isObject, type JsonObject, type JsonValue } from "../../json/strict-json.ts";
import { MAX_CAPABILITIES } from "../../limits.ts";
import type { Reason } from "../../reasons.ts";
import { fail, ok, type Result } from "../../result.ts";
import { type CommonClaims, readCommonClaims, readIdentifier } from "../claims.ts";
import { decodeJws, type Jws } from "../jws.ts";
import { absent, malformed, type Presented, present } from "../presented.ts";

/** One entry of `cap`: an action the agent may take. */
export interface Capability {
  readonly action: string;
  /** True where the entry has a constraint: none can be evaluated yet, so such an entry allows nothing. */
  readonly constrained: boolean;
}

/** An ACT mandate (phase 1) with every claim typed, not yet verified. */
export interface Mandate extends CommonClaims {
  readonly jws: Jws;
  readonly alg: "EdDSA" | "ES256";
  readonly kid: string;
  readonly sub: string;
  readonly cap: readonly Capability[];
  readonly delegated: boolean;
}

/** Claims that only an execution record (phase 2) has. */
const RECORD_CLAIMS = ["exec_act", "exec_ts", "status", "pred", "par", "err", "inp_hash", "out_hash"];

/**
 * Finds the mandate in `Authorization: Bearer` or `ACT-Mandate`. Both present must be equal.
 * Facts: draft-nennemann-act, Countersign profile (phase 1, trust tier 1).
 */
export function parseMandate(headers: ReadonlyMap<string, string>): Presented<Mandate> {
  const authorization = headers.get("authorization");
  const own = headers.get("act-mandate");
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

function readMandate(token: string): Result<Mandate, Reason> {
  const decoded = decodeJws(token);
  if (!decoded.ok) return fail(decoded.error === "too_large" ? "act.too_large" : "act.malformed");
  const { header, payload } = decoded.value;
  if (header.typ === "at+jwt" || header.typ === "application/at+jwt") return fail("bearer.access_token");
  if (header.typ !== "act+jwt") return fail("act.typ");
  if (header.alg !== "EdDSA" && header.alg !== "ES256") return fail("act.alg");
  if (header.crit !== undefined) return fail("act.crit");
  const kid = readIdentifier(header.kid);
  if (kid === null) return fail("act.kid");
  if (RECORD_CLAIMS.some((claim) => payload[claim] !== undefined)) return fail("act.phase");
  const claims = readClaims(payload);
  return claims === null ? fail("act.claims") : ok({ jws: decoded.value, alg: header.alg, kid, ...claims });
}

function readClaims(payload: JsonObject): Omit<Mandate, "jws" | "alg" | "kid"> | null {
  const common = readCommonClaims(payload);
  const sub = readIdentifier(payload.sub);
  const cap = readCapabilities(payload.cap);
  const purpose = isObject(payload.task) ? payload.task.purpose : undefined;
  if (common === null || sub === null || cap === null || typeof purpose !== "string") return null;
  return { ...common, sub, cap, delegated: payload.del !== undefined };
}

function readCapabilities(value: JsonValue | undefined): readonly Capability[] | null {
  if (!Array.isArray(value) || value.length === 0 || value.length > MAX_CAPABILITIES) return null;
  const read: Capability[] = [];
  for (const entry of value as readonly JsonValue[]) {
    const action = isObject(entry) ? readIdentifier(entry.action) : null;
    if (!isObject(entry) || action === null) return null;
    read.push({ action, constrained: isConstrained(entry) });
  }
  return read;
}

/** A member we do not know counts as a constraint: it may be one, misspelt or newer than we are. */
const isConstrained = ({ action: _, constraints = {}, ...unknown }: JsonObject): boolean =>
  !isObject(constraints) || Object.keys({ ...constraints, ...unknown }).length > 0;
