/** Decentralized identifiers: `did:key`, which is its key, and `did:web`, whose document stands on a web server. */

import { isObject, type JsonObject, type JsonValue } from "../json/strict-json.ts";
import { remoteUrlProblem } from "../remote/url.ts";
import { fail, type Result } from "../result.ts";
import { type KeyTable, keyTable, type SetFault } from "./key-table.ts";
import { multikeyJwk } from "./multikey.ts";

/** What the subject of a document allows its key for (DID Core 5.3). */
export type Relationship = "assertionMethod" | "authentication";

/** What keeps a text from being a DID whose keys can be found; null where nothing does. */
export function didProblem(did: string): string | null {
  if (did.startsWith("did:key:")) {
    return didKeyJwk(did) === null ? "must be a did:key of an Ed25519 or P-256 key" : null;
  }
  if (!did.startsWith("did:web:")) return "must be a did:key or did:web";
  const url = didWebUrl(did);
  if (url === null) return "must be did:web: and a host name, then any path segments behind colons";
  const problem = remoteUrlProblem(url);
  return problem === null ? null : `stands for ${url}, which ${problem}`;
}

/** The JWK of a did:key, whose kid is the DID URL of its one signing key; null where it is none. */
export function didKeyJwk(did: string): Readonly<Record<string, string>> | null {
  const key = did.slice("did:key:".length);
  const jwk = did.startsWith("did:key:") ? multikeyJwk(key) : null;
  return jwk && { ...jwk, kid: `${did}#${key}` };
}

/** Where the document of a did:web stands (did:web method 1.0, section "Read"); null for what is none. A port is no part of ours. */
export function didWebUrl(did: string): string | null {
  if (!/^did:web:[a-z0-9.-]+(:[\w.~-]+)*$/.test(did)) return null;
  const [host, ...path] = did.slice("did:web:".length).split(":");
  return `https://${host}/${path.length === 0 ? ".well-known" : path.join("/")}/did.json`;
}

/**
 * The keys of a DID document, by their DID URLs, that its subject controls itself and allows for a purpose. Those of other
 * controllers, and kinds of keys that are not known here, are left out.
 */
export function didDocumentKeys(
  document: JsonValue,
  did: string,
  relationship: Relationship,
): Promise<Result<KeyTable, SetFault>> {
  if (!isObject(document) || document.id !== did) return Promise.resolve(fail("not_owned"));
  const methods = listOf(document.verificationMethod);
  const allowed = listOf(document[relationship]);
  if (methods === null || allowed === null) return Promise.resolve(fail("malformed"));
  const absolute = (id: JsonValue | undefined): JsonValue | undefined =>
    typeof id === "string" && id.startsWith("#") ? did + id : id;
  const references = new Set(allowed.filter((entry) => typeof entry === "string").map(absolute));
  const jwks = [...methods, ...allowed].flatMap((method, i): JsonObject[] => {
    if (!isObject(method) || method.controller !== did) return [];
    const id = absolute(method.id);
    if (typeof id !== "string" || !id.startsWith(`${did}#`)) return [];
    // A method that stands in the list of the relationship itself is for nothing else.
    if (i < methods.length && !references.has(id)) return [];
    const jwk = methodJwk(method);
    return jwk === null ? [] : [{ ...jwk, kid: id }];
  });
  return keyTable(jwks);
}

const listOf = (value: JsonValue | undefined): readonly JsonValue[] | null =>
  value === undefined ? [] : Array.isArray(value) ? value : null;

/** A method has its key once: two could differ. */
function methodJwk({ publicKeyJwk, publicKeyMultibase }: JsonObject): JsonObject | null {
  if (publicKeyJwk !== undefined) {
    return publicKeyMultibase === undefined && isObject(publicKeyJwk) ? publicKeyJwk : null;
  }
  return typeof publicKeyMultibase === "string" ? multikeyJwk(publicKeyMultibase) : null;
}
