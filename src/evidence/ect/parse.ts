import { fromBase64url, utf8 } from "../../encoding.ts";
import { ECT_HEADERS } from "../../evidence-headers.ts";
import { canonical } from "../../json/canonical.ts";
import { isObject, type JsonObject, type JsonValue } from "../../json/strict-json.ts";
import { TOKEN_ALGORITHMS, type TokenAlgorithm } from "../../keys/key.ts";
import { MAX_AUDIENCES, MAX_ECT_EXT_BYTES, MAX_ECT_EXT_DEPTH } from "../../limits.ts";
import type { Reason } from "../../reasons.ts";
import { fail, ok, type Result } from "../../result.ts";
import { readIdentifier, readIdentifiers, readTokenClaims, type TokenClaims } from "../claims.ts";
import { decodeJws, decodeObject, type Jws } from "../jws.ts";
import { absent, malformed, type Presented, present } from "../presented.ts";
import { readHash, readPredecessors } from "../step-claims.ts";

/** An execution context token with every claim typed, not yet verified. */
export interface Ect extends TokenClaims {
  /** Null where it is unsigned (level 1): then nothing but a signature of the message stands for it. */
  readonly signed: SignedForm | null;
  /** The headers it came in, lower case. */
  readonly carriers: readonly string[];
  /** An unsigned one may leave out `iss` and `aud`. */
  readonly iss: string | null;
  readonly aud: readonly string[] | null;
  readonly execAct: string;
  /** The steps before this one; `par` in the first revision of the draft. */
  readonly pred: readonly string[];
  /** SHA-256 of the request body; null where the claim is absent. */
  readonly inpHash: Uint8Array | null;
}

/** What says who signed an ECT of level 2 or 3. */
export interface SignedForm {
  readonly jws: Jws;
  readonly alg: TokenAlgorithm;
  readonly kid: string;
}

/**
 * Finds the ECT in `Wimse-ECT` or `Execution-Context`. Both present must be equal.
 * Facts: draft-nennemann-wimse-ect, Countersign profile.
 */
export function parseEct(headers: ReadonlyMap<string, string>): Presented<Ect> {
  const carriers = ECT_HEADERS.filter((name) => headers.has(name));
  const [token, ...others] = carriers.map((name) => headers.get(name) ?? "");
  if (token === undefined) return absent;
  if (others.some((other) => other !== token)) return malformed("ect.conflict");
  const read = readEct(token);
  return read.ok ? present({ ...read.value, carriers }) : malformed(read.error);
}

/** A JWS, or base64url of a JSON object (level 1). A JWS that says `alg` none is the former, and refused. */
function readEct(token: string): Result<Omit<Ect, "carriers">, Reason> {
  const decoded = decodeJws(token);
  if (!decoded.ok) {
    if (decoded.error === "too_large") return fail("ect.too_large");
    const payload = decodeObject(fromBase64url(token) ?? new Uint8Array());
    if (payload === null) return fail("ect.malformed");
    const claims = readClaims(payload, false);
    return claims.ok ? ok({ signed: null, ...claims.value }) : claims;
  }
  const { header, payload } = decoded.value;
  if (header.typ !== "exec+jwt" && header.typ !== "wimse-exec+jwt") return fail("ect.typ");
  const alg = TOKEN_ALGORITHMS.find((one) => one === header.alg);
  if (alg === undefined) return fail("ect.alg");
  if (header.crit !== undefined) return fail("ect.crit");
  const kid = readIdentifier(header.kid);
  if (kid === null) return fail("ect.kid");
  const claims = readClaims(payload, true);
  return claims.ok ? ok({ signed: { jws: decoded.value, alg, kid }, ...claims.value }) : claims;
}

function readClaims(
  payload: JsonObject,
  isSigned: boolean,
): Result<Omit<Ect, "signed" | "carriers">, Reason> {
  const claims = readTokenClaims(payload);
  const iss = readIdentifier(payload.iss);
  const aud = readIdentifiers(payload.aud, MAX_AUDIENCES);
  const execAct = readIdentifier(payload.exec_act);
  const [inpHash, outHash] = [readHash(payload.inp_hash), readHash(payload.out_hash)];
  if (claims === null || execAct === null || inpHash === "malformed" || outHash === "malformed")
    return fail("ect.claims");
  if (iss === null && (isSigned || payload.iss !== undefined)) return fail("ect.claims");
  if (aud === null && (isSigned || payload.aud !== undefined)) return fail("ect.claims");
  if (!isExtensionFine(payload)) return fail("ect.extension");
  const pred = readPredecessors(payload);
  if (!pred.ok) return fail(pred.error === "too_long" ? "ect.pred_too_long" : "ect.claims");
  return ok({ ...claims, iss, aud, execAct, pred: pred.value, inpHash });
}

/** `ext` is the first revision's name of `ect_ext`. */
function isExtensionFine({ ect_ext, ext }: JsonObject): boolean {
  if (ect_ext !== undefined && ext !== undefined) return false;
  const extension = ect_ext === undefined ? ext : ect_ext;
  if (extension === undefined) return true;
  if (!isObject(extension) || depth(extension) > MAX_ECT_EXT_DEPTH) return false;
  return utf8(canonical(extension)).length <= MAX_ECT_EXT_BYTES;
}

/** Recursion is safe here: the strict parser has bounded the nesting. */
const depth = (value: JsonValue): number =>
  typeof value === "object" && value !== null ? 1 + Math.max(0, ...Object.values(value).map(depth)) : 0;
