/** The form of what is read back: records, heads, receipts, lines of an export. Hashes and signatures decide whether it is right. */

import { isObject, type JsonObject, type JsonValue } from "../json/strict-json.ts";
import type { Head } from "./checkpoint.ts";
import type { AuditRecord } from "./record.ts";

export type Check = (value: JsonValue | undefined) => boolean;

/** A member that is missing, has another form or is not among these; null where none is. */
export const memberFault = (object: JsonObject, checks: Readonly<Record<string, Check>>): string | null =>
  Object.keys(checks).find(
    (name) => !checks[name]?.(Object.hasOwn(object, name) ? object[name] : undefined),
  ) ??
  Object.keys(object).find((name) => !Object.hasOwn(checks, name)) ??
  null;

export const isText: Check = (value) => typeof value === "string";

/** A whole number, not below zero. */
export const isCount: Check = (value) =>
  typeof value === "number" && Number.isSafeInteger(value) && value >= 0;

/** SHA-256 in base64url. */
export const isHash: Check = (value) => typeof value === "string" && /^[A-Za-z0-9_-]{43}$/.test(value);

export const isNullOr =
  (check: Check): Check =>
  (value) =>
    value === null || check(value);

export const isOneOf =
  (...values: readonly string[]): Check =>
  (value) =>
    typeof value === "string" && values.includes(value);

export const isListOf =
  (check: Check): Check =>
  (value) =>
    Array.isArray(value) && value.every(check);

const RECORD: Readonly<Record<keyof AuditRecord, Check>> = {
  v: (version) => version === 3,
  id: isText,
  kind: isOneOf("decision", "outcome", "summary"),
  decision: isText,
  tenant: isText,
  revision: isNullOr(isText),
  chain: isText,
  seq: isCount,
  time: isCount,
  verdict: isNullOr(isOneOf("admitted", "observed", "denied")),
  reason: isNullOr(isText),
  principal: isText,
  mandate: isNullOr(isText),
  run: isNullOr(isText),
  method: isNullOr(isText),
  tool: isNullOr(isText),
  action: isNullOr(isText),
  input_hash: isNullOr(isText),
  output_hash: isNullOr(isText),
  delivered_hash: isNullOr(isText),
  status: isNullOr(isCount),
  latency_ms: isNullOr(isCount),
  count: isNullOr(isCount),
  checks: isListOf(isText),
  kept: isNullOr(isObject),
  evidence: isNullOr(isObject),
  execution: isNullOr(isListOf(isText)),
  digest: isHash,
  prev_hash: isHash,
  hash: isHash,
};

export const isRecord: Check = (value) => isObject(value) && memberFault(value, RECORD) === null;

const HEAD: Readonly<Record<keyof Head, Check>> = {
  chain: isText,
  seq: isCount,
  hash: isHash,
  start: isCount,
  start_prev: isHash,
};

export const isHead: Check = (value) => isObject(value) && memberFault(value, HEAD) === null;
