/**
 * The execution record: an ACT of phase 2, in which an agent says what it did under a mandate. Parsed and verified here; whether
 * the mandate was used, has no record yet, and knows the steps that the record names, only its agent's ledger can tell.
 */

import { sha256, toBase64url, utf8 } from "../../encoding.ts";
import { RECORD_HEADER } from "../../evidence-headers.ts";
import { canonical } from "../../json/canonical.ts";
import { isObject, type JsonObject } from "../../json/strict-json.ts";
import { TOKEN_ALGORITHMS, type TokenAlgorithm } from "../../keys/key.ts";
import type { RunMember } from "../../ledger/run-key.ts";
import { CLOCK_SKEW } from "../../limits.ts";
import type { Reason } from "../../reasons.ts";
import { fail, ok, type Result } from "../../result.ts";
import type { Agent, Tenant } from "../../tenant/tenant.ts";
import type { FindAgentKey } from "../agent-key.ts";
import { readIdentifier, readTime } from "../claims.ts";
import { decodeJws, type Jws, verifyJws } from "../jws.ts";
import { absent, malformed, type Presented, present } from "../presented.ts";
import { readHash, readPredecessors } from "../step-claims.ts";
import { linksOf } from "./chain.ts";
import { type MandateClaims, RECORD_CLAIMS, readHeader, readMandateClaims } from "./parse.ts";

/** A record with every claim typed, not yet verified. */
export interface ActRecord extends MandateClaims {
  readonly jws: Jws;
  readonly alg: TokenAlgorithm;
  readonly kid: string;
  readonly execAct: string;
  /** Seconds. */
  readonly execTs: number;
  readonly status: string;
  /** The steps it follows; `par` in the first revision of the draft. */
  readonly pred: readonly string[];
}

/** A record that its agent signed, with what the ledger compares. */
export interface VerifiedRecord extends RunMember {
  /** That of its mandate, if the mandate's claims are in it unchanged. */
  readonly mandateDigest: string;
  readonly pred: readonly string[];
  readonly execAct: string;
  /** Seconds. */
  readonly execTs: number;
  readonly status: string;
  /** base64url SHA-256 of the canonical claims. */
  readonly digest: string;
}

export function parseRecord(headers: ReadonlyMap<string, string>): Presented<ActRecord> {
  const token = headers.get(RECORD_HEADER);
  if (token === undefined) return absent;
  const read = readRecord(token);
  return read.ok ? present(read.value) : malformed(read.error);
}

/** Reads a record: a mandate's claims, and those of phase 2. Facts: draft-nennemann-act, Countersign profile. */
export function readRecord(token: string): Result<ActRecord, Reason> {
  const decoded = decodeJws(token);
  if (!decoded.ok) return fail("record.malformed");
  const header = readHeader(decoded.value.header);
  if (!header.ok) return fail("record.malformed");
  const { payload } = decoded.value;
  const claims = readMandateClaims(payload);
  const execution = readExecution(payload);
  if (!claims.ok || execution === null) return fail("record.claims");
  return ok({ jws: decoded.value, ...header.value, ...claims.value, ...execution });
}

/** Null where a claim is missing or has the wrong type. `err` may hold anything: the draft does not say what. */
function readExecution(
  payload: JsonObject,
): Pick<ActRecord, "execAct" | "execTs" | "status" | "pred"> | null {
  const execAct = readIdentifier(payload.exec_act);
  const execTs = readTime(payload.exec_ts);
  const status = readIdentifier(payload.status);
  const pred = readPredecessors(payload);
  if (execAct === null || execTs === null || status === null || !pred.ok) return null;
  const hashes = [readHash(payload.inp_hash), readHash(payload.out_hash)];
  if (hashes.includes("malformed") || (payload.err !== undefined && !isObject(payload.err))) return null;
  return { execAct, execTs, status, pred: pred.value };
}

/**
 * Verifies a record of the calling agent: its key and signature, status, action and time. Its mandate may have ended in
 * the meantime, and another one may be the bearer of this call.
 *
 * @param findKey finds the keys of `agent`
 * @param now seconds
 */
export async function verifyRecord(
  record: ActRecord,
  agent: Agent,
  tenant: Tenant,
  findKey: FindAgentKey,
  now: number,
): Promise<Result<VerifiedRecord, Reason>> {
  const { jws, kid, alg, sub, iss, jti, wid, iat, exp, pred, execTs } = record;
  if (tenant.agents.bySubject.get(sub) !== agent) return fail("record.subject");
  const found = await findKey({ kid, algorithms: TOKEN_ALGORITHMS, x5c: null });
  if (!found.ok) return fail(found.error === "keys.unavailable" ? found.error : "record.key_unknown");
  const key = found.value;
  if (key?.agent !== agent || key.alg !== alg) return fail("record.key_unknown");
  if (!(await verifyJws(jws, key))) return fail("record.signature");

  if (!tenant.act.recordStatuses.has(record.status)) return fail("record.status");
  if (!record.cap.some(({ action }) => action === record.execAct)) return fail("record.action");
  if (execTs > now + CLOCK_SKEW || execTs < iat - CLOCK_SKEW || execTs > exp + CLOCK_SKEW) {
    return fail("record.time");
  }
  const ofMandate = Object.fromEntries(
    Object.entries(jws.payload).filter(([claim]) => !RECORD_CLAIMS.includes(claim)),
  );
  const [mandateDigest, digest] = [await digestOf(ofMandate), await digestOf(jws.payload)];
  const [{ iss: rootIss }] = linksOf(record);
  const { execAct, status } = record;
  return ok({ iss, rootIss, jti, wid, mandateDigest, pred, execAct, execTs, status, digest });
}

const digestOf = async (claims: JsonObject): Promise<string> =>
  toBase64url(await sha256(utf8(canonical(claims))));
