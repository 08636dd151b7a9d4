import { isObject, type JsonObject, type JsonValue } from "../json/strict-json.ts";
import { type StatementKeys, statementKeys } from "./statement.ts";

/** The keys to verify with, as the verifier was given them. */
export interface PublishedKeys {
  /** Whose they are, a tenant's public URL; null where that is not said. */
  readonly issuer: string | null;
  readonly jwks: { readonly keys: readonly JsonObject[] };
  readonly keys: StatementKeys;
}

/**
 * Reads the document that Countersign publishes for a tenant, or a JWK Set (RFC 7517) alone.
 *
 * @returns null where it is neither, or a key in it is not fit to verify with
 */
export async function readPublishedKeys(published: JsonValue): Promise<PublishedKeys | null> {
  const isDocument = isObject(published) && isObject(published.keys);
  const jwks = isDocument ? published.keys : published;
  const issuer = isDocument ? published.issuer : null;
  const keys = await statementKeys(jwks);
  if (keys === null || !(issuer === null || typeof issuer === "string")) return null;
  return { issuer, jwks: jwks as unknown as PublishedKeys["jwks"], keys };
}
