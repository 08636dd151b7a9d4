import { fromBase64url } from "../encoding.ts";
import type { JsonObject, JsonValue } from "../json/strict-json.ts";
import { MAX_JTI_LENGTH, MAX_PRED } from "../limits.ts";
import { fail, ok, type Result } from "../result.ts";
import { readIdentifier } from "./claims.ts";

/** The claims that say what came before and what went in and out: those of an ECT, and of an ACT record. */

/** The steps before this one, each once: `pred`, or `par` in the first revisions of both drafts. */
export function readPredecessors(payload: JsonObject): Result<readonly string[], "malformed" | "too_long"> {
  if (payload.pred !== undefined && payload.par !== undefined) return fail("malformed");
  const named = payload.pred ?? payload.par;
  if (!Array.isArray(named)) return fail("malformed");
  if (named.length > MAX_PRED) return fail("too_long");
  const parents = new Set<string>();
  for (const item of named as readonly JsonValue[]) {
    const parent = readIdentifier(item, MAX_JTI_LENGTH);
    if (parent === null) return fail("malformed");
    parents.add(parent);
  }
  return ok([...parents]);
}

/** base64url of a SHA-256 without prefix; null where the claim is absent. */
export function readHash(value: JsonValue | undefined): Uint8Array | "malformed" | null {
  if (value === undefined) return null;
  const bytes = typeof value === "string" ? fromBase64url(value) : null;
  return bytes?.length === 32 ? bytes : "malformed";
}
