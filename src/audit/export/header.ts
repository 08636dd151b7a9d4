/** The first line of an export: what was asked for and when, signed. */

import { decodeJws } from "../../evidence/jws.ts";
import { isObject, type JsonObject } from "../../json/strict-json.ts";
import { MAX_TIME_MS } from "../../limits.ts";
import { fail, ok, type Result } from "../../result.ts";
import { type Check, isCount, isHash, isListOf, isNullOr, isText, memberFault } from "../shapes.ts";
import { type StatementKeys, verifyStatement } from "../statement.ts";
import { EXPORT_TYPE, type ExportClaims, isRange, type Mark } from "./format.ts";

/** @returns else what is wrong, in words that follow "line 1: " */
export async function verifyHeader(jws: string, keys: StatementKeys): Promise<Result<ExportClaims, string>> {
  const decoded = decodeJws(jws);
  if (!decoded.ok) return fail("what says what the export is of cannot be read");
  const verified = await verifyStatement(decoded.value, EXPORT_TYPE, keys);
  if (!verified.ok)
    return fail(`what says what the export is of is not signed by these keys (${verified.error})`);
  const claims = readClaims(verified.value);
  return claims === null ? fail("what says what the export is of has another form") : ok(claims);
}

/** What a first line says, unverified: for who wants to go on with an export. Null where it is none. */
export function readHeader(jws: string): ExportClaims | null {
  const decoded = decodeJws(jws);
  return decoded.ok ? readClaims(decoded.value.payload) : null;
}

function readClaims(payload: JsonObject): ExportClaims | null {
  if (memberFault(payload, CLAIMS) !== null) return null;
  const claims = payload as unknown as ExportClaims;
  const { time, from, to, base, last, latest } = claims;
  const isTimely = time <= MAX_TIME_MS && isRange(from, to);
  // Without a bound, the export begins and ends where the log does.
  const isWhole = (from !== null || base === null) && (to !== null || isSame(last, latest));
  return isTimely && isWhole && (base ?? 1) <= last.number && last.number <= latest.number ? claims : null;
}

export const isSame = (a: Mark, b: Mark): boolean => a.number === b.number && a.digest === b.digest;

const isNumber: Check = (value) => isCount(value) && value !== 0;

const isMark: Check = (value) =>
  isObject(value) && memberFault(value, { number: isNumber, digest: isHash }) === null;

const isPlace: Check = (value) =>
  isObject(value) && memberFault(value, { chain: isText, seq: isNumber }) === null;

const CLAIMS: Readonly<Record<keyof ExportClaims, Check>> = {
  v: (version) => version === 1,
  iss: isText,
  tenant: isText,
  time: isCount,
  from: isNullOr(isCount),
  to: isNullOr(isCount),
  base: isNullOr(isNumber),
  last: isMark,
  latest: isMark,
  retained: isNumber,
  set_aside: isCount,
  unknown: isListOf(isPlace),
};
