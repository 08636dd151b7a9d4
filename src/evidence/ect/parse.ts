import { fromBase64url, utf8 } from "../../encoding.ts";
import { canonical } from "../../json/canonical.ts";
import { isObject, type JsonObject, type JsonValue } from "../../json/strict-json.ts";
import { MAX_ECT_EXT_BYTES, MAX_ECT_EXT_DEPTH, MAX_JTI_LENGTH, MAX_PRED } from "../../limits.ts";
import type { Reason } from "../../reasons.ts";
import { fail, ok, type Result } from "../../result.ts";
import { type CommonClaims, readCommonClaims, readIdentifier } from "../claims.ts";
import { decodeJws, decodeObject, type Jws } from "../jws.ts";
import { absent, malformed, type Presented, present } from "../presented.ts";

/** An execution context token with every claim typed, not yet verified. */
export interface Ect extends CommonClaims {
  readonly jws: Jws;
  readonly alg: "ES256" | "EdDSA";
  readonly kid: string;
  readonly execAct: string;
  /** The steps before this one; `par` in the first revision of the draft. */
  readonly pred: readonly string[];
  /** SHA-256 of the request body; null where the claim is absent. */
  readonly inpHash: Uint8Array | null;
}

/**
 * Finds the ECT in `Wimse-ECT` or `Execution-Context`. Both present must be equal.
 * Facts: draft-nennemann-wimse-ect, Countersign profile (level 2: signed).
 */
export function parseEct(headers: ReadonlyMap<string, string>): Presented<Ect> {
  const wimse = headers.get("wimse-ect");
  const other = headers.get("execution-context");
  const token = wimse ?? other;
  if (token === undefined) return absent;
  if (wimse !== undefined && other !== undefined && wimse !== other) return malformed("ect.conflict");
  const read = readEct(token);
  return read.ok ? present(read.value) : malformed(read.error);
}

function readEct(token: string): Result<Ect, Reason> {
  const decoded = decodeJws(token);
  if (!decoded.ok) {
    if (decoded.error === "too_large") return fail("ect.too_large");
    return fail(isUnsigned(token) ? "ect.unsigned" : "ect.malformed");
  }
  const { header, payload } = decoded.value;
  if (header.typ !== "exec+jwt" && header.typ !== "wimse-exec+jwt") return fail("ect.typ");
  if (header.alg !== "ES256" && header.alg !== "EdDSA") return fail("ect.alg");
  if (header.crit !== undefined) return fail("ect.crit");
  const kid = readIdentifier(header.kid);
  if (kid === null) return fail("ect.kid");
  const claims = readClaims(payload);
  return claims.ok ? ok({ jws: decoded.value, alg: header.alg, kid, ...claims.value }) : claims;
}

function readClaims(payload: JsonObject): Result<Omit<Ect, "jws" | "alg" | "kid">, Reason> {
  const common = readCommonClaims(payload);
  const execAct = readIdentifier(payload.exec_act);
  const inpHash = payload.inp_hash === undefined ? null : readHash(payload.inp_hash);
  if (common === null || execAct === null) return fail("ect.claims");
  if (payload.inp_hash !== undefined && inpHash === null) return fail("ect.claims");
  if (!isExtensionSmall(payload.ect_ext)) return fail("ect.extension");
  const pred = readPred(payload);
  return pred.ok ? ok({ ...common, execAct, pred: pred.value, inpHash }) : pred;
}

function readPred(payload: JsonObject): Result<readonly string[], Reason> {
  if (payload.pred !== undefined && payload.par !== undefined) return fail("ect.claims");
  const named = payload.pred ?? payload.par;
  if (!Array.isArray(named)) return fail("ect.claims");
  if (named.length > MAX_PRED) return fail("ect.pred_too_long");
  const parents = new Set<string>();
  for (const item of named as readonly JsonValue[]) {
    const parent = readIdentifier(item, MAX_JTI_LENGTH);
    if (parent === null) return fail("ect.claims");
    parents.add(parent);
  }
  return ok([...parents]);
}

function readHash(value: JsonValue): Uint8Array | null {
  const bytes = typeof value === "string" ? fromBase64url(value) : null;
  return bytes?.length === 32 ? bytes : null;
}

function isExtensionSmall(extension: JsonValue | undefined): boolean {
  if (extension === undefined) return true;
  if (!isObject(extension) || depth(extension) > MAX_ECT_EXT_DEPTH) return false;
  return utf8(canonical(extension)).length <= MAX_ECT_EXT_BYTES;
}

/** Recursion is safe here: the strict parser has bounded the nesting. */
const depth = (value: JsonValue): number =>
  typeof value === "object" && value !== null ? 1 + Math.max(0, ...Object.values(value).map(depth)) : 0;

/** Level 1 of the draft: base64url of a JSON object instead of a JWS. */
function isUnsigned(token: string): boolean {
  const bytes = fromBase64url(token);
  return bytes !== null && decodeObject(bytes) !== null;
}
