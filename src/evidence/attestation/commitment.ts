/** What a planned call commits to, held against the arguments (SEP-2787 rule 5, made binding). */

import { fromUtf8, sha256, utf8 } from "../../encoding.ts";
import { canonical } from "../../json/canonical.ts";
import { isObject, type JsonObject, type JsonValue, parseStrictJson } from "../../json/strict-json.ts";
import type { Reason } from "../../reasons.ts";
import { fail, ok, type Result } from "../../result.ts";
import type { SignedDialect } from "../../tenant/tenant.ts";
import { type Projection, type Reference, sha256Hex } from "./envelope.ts";
import { toHex } from "./signature.ts";

/** What a projection is to the arguments: they themselves, their digest, or something else that was let through. */
export type ProjectionForm = "identity" | "hash-only" | "redacted";

/** Fetches what a reference names: its bytes, or the reason why there are none. */
export type Resolve = (uri: string) => Promise<Result<Uint8Array<ArrayBuffer>, Reason>>;

/**
 * The text of SEP-2787 lets any projection that differs from the arguments pass as "redacted", so that it would bind
 * nothing.
 *
 * @param redaction what may differ: nothing, what leaves members out, or anything
 */
export async function projectionForm(
  { text, digest }: Projection,
  args: JsonObject,
  redaction: "none" | "subset" | "any",
): Promise<Result<ProjectionForm, Reason>> {
  if (digest !== null && digest !== (await sha256Text(text)))
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
    return committed === (await sha256Text(run)) ? ok("hash-only") : fail("attestation.hash_only_mismatch");
  if (redaction === "none") return fail("attestation.redacted_not_allowed");
  return redaction === "any" || isSubset(parsed.value, args)
    ? ok("redacted")
    : fail("attestation.redacted_not_subset");
}

/** What is wrong with the referenced arguments; null where they are those of the call. */
export async function referenceFault(
  { uri, digest }: Reference,
  run: string,
  dialect: SignedDialect,
  resolve: Resolve | null,
): Promise<Reason | null> {
  if (resolve === null) return "attestation.ref_resolver_off";
  const content = await resolve(uri);
  if (!content.ok) return content.error;
  if (toHex(await sha256(content.value)) !== digest) return "attestation.ref_digest_mismatch";
  const text = fromUtf8(content.value);
  // B refers to canonical JSON; A does not say, and a projection of A need not be canonical either.
  const found = dialect === "B" ? text : text && canonicalText(text);
  return found === run ? null : "attestation.ref_content_mismatch";
}

function canonicalText(text: string): string | null {
  const parsed = parseStrictJson(text);
  return parsed.ok ? canonical(parsed.value) : null;
}

/** Whether every member that is shown is there, with the same value. Arrays are compared whole. */
function isSubset(shown: JsonValue, actual: JsonValue): boolean {
  if (!isObject(shown) || !isObject(actual)) return canonical(shown) === canonical(actual);
  return Object.entries(shown).every(([name, value]) => {
    const other = Object.hasOwn(actual, name) ? actual[name] : undefined;
    return other !== undefined && isSubset(value, other);
  });
}

/** The hex digits of a projection that is `{"digest": "sha256:<hex>"}` and nothing else. */
const hashOnly = (projection: JsonValue): string | null =>
  isObject(projection) && Object.keys(projection).length === 1 ? sha256Hex(projection.digest) : null;

const sha256Text = async (text: string): Promise<string> => toHex(await sha256(utf8(text)));
