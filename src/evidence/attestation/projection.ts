/** What a projection shows of the arguments, held against those of the call (SEP-2787 rule 5, made binding). */

import { sha256Hex, utf8 } from "../../encoding.ts";
import { canonical } from "../../json/canonical.ts";
import { hasCaseVariant } from "../../json/fold-case.ts";
import { isObject, type JsonValue, parseStrictJson } from "../../json/strict-json.ts";
import type { Reason } from "../../reasons.ts";
import { fail, ok, type Result } from "../../result.ts";
import { digitsOf, type Projection } from "./envelope.ts";

/** What a projection is to the arguments: they themselves, their digest, or something else that was let through. */
export type ProjectionForm = "identity" | "hash-only" | "redacted";

/**
 * The text of SEP-2787 lets any projection that differs from the arguments pass as "redacted", so that it would bind
 * nothing.
 *
 * @param args the arguments; or the result, which receipts commit to in the same way
 * @param redaction what may differ: nothing, what leaves members out, or anything
 */
export async function projectionForm(
  { text, digest }: Projection,
  args: JsonValue,
  redaction: "none" | "subset" | "unsafeAnyProjection",
): Promise<Result<ProjectionForm, Reason>> {
  if (digest !== null && digest !== (await sha256Hex(utf8(text))))
    return fail("attestation.projection_digest_mismatch");
  const parsed = parseStrictJson(text);
  if (!parsed.ok) return fail("attestation.projection_not_json");
  const projection = canonical(parsed.value);
  if (digest !== null && projection !== text) return fail("attestation.projection_not_canonical");

  // Identity first: arguments may themselves be {"digest": "sha256:..."}.
  const run = canonical(args);
  if (projection === run) return ok("identity");
  const committed = hashOnly(parsed.value);
  // A wrong digest is never a redaction.
  if (committed !== null)
    return committed === (await sha256Hex(utf8(run)))
      ? ok("hash-only")
      : fail("attestation.hash_only_mismatch");
  if (redaction === "none") return fail("attestation.redacted_not_allowed");
  return redaction === "unsafeAnyProjection" || isSubset(parsed.value, args)
    ? ok("redacted")
    : fail("attestation.redacted_not_subset");
}

/**
 * Whether every member that is shown is there, with the same value, and in one spelling: a tool that ignores case might
 * take the other, which was not shown. Arrays are compared whole.
 */
function isSubset(shown: JsonValue, actual: JsonValue): boolean {
  if (!isObject(shown) || !isObject(actual)) return canonical(shown) === canonical(actual);
  if (hasCaseVariant(actual, Object.keys(shown))) return false;
  return Object.entries(shown).every(([name, value]) => {
    const other = Object.hasOwn(actual, name) ? actual[name] : undefined;
    return other !== undefined && isSubset(value, other);
  });
}

/** The hex digits of a projection that is `{"digest": "sha256:<hex>"}` and nothing else. */
const hashOnly = (projection: JsonValue): string | null =>
  isObject(projection) && Object.keys(projection).length === 1 ? digitsOf(projection.digest) : null;
