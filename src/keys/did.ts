/** Decentralized identifiers: `did:key`, which is its key, and `did:web`, whose document stands on a web server. */

import { isObject, type JsonObject, type JsonValue } from "../json/strict-json.ts";
import { remoteUrlProblem } from "../remote/url.ts";
import { fail, type Result } from "../result.ts";
import { hasPrivateMember, type KeyTable, keyTable, type SetFault } from "./key-table.ts";
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
 * controllers, those that are revoked, and kinds of keys that are not known here, are left out. A private key anywhere in
 * it spoils the document.
 */
export async function didDocumentKeys(
  document: JsonValue,
  did: string,
  relationship: Relationship,
): Promise<Result<KeyTable, SetFault>> {
  if (!isObject(document) || document.id !== did) return fail("not_owned");
  const methods = listOf(document.verificationMethod);
  const allowed = listOf(document[relationship]);
  if (methods === null || allowed === null) return fail("malformed");
  // Also in the lists of other purposes.
  if (Object.values(document).some((list) => Array.isArray(list) && list.some(showsSecret)))
    return fail("private_key");
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

/** Names of private keys in methods: Controlled Identifiers 1.0, 2.2.2 and 2.2.3, and what came before it. */
const SECRET_MEMBERS = [
  "secretKeyJwk",
  "secretKeyMultibase",
  "privateKeyJwk",
  "privateKeyMultibase",
  "privateKeyBase58",
];

const showsSecret = (method: JsonValue): boolean =>
  isObject(method) &&
  (SECRET_MEMBERS.some((name) => Object.hasOwn(method, name)) ||
    (isObject(method.publicKeyJwk) && hasPrivateMember(method.publicKeyJwk)));

/**
 * A method has its key once: two could differ. When it ends by `expires` (Controlled Identifiers 1.0, 2.2) its key does.
 *
 * @returns null for a method without a key that may be used, ever
 */
function methodJwk({ publicKeyJwk, publicKeyMultibase, revoked, expires }: JsonObject): JsonObject | null {
  if (revoked !== undefined || (publicKeyJwk !== undefined && publicKeyMultibase !== undefined)) return null;
  const jwk = typeof publicKeyMultibase === "string" ? multikeyJwk(publicKeyMultibase) : publicKeyJwk;
  if (jwk === undefined || !isObject(jwk)) return null;
  if (expires === undefined) return jwk;
  const end = dateTimeStamp(expires);
  if (end === null) return null;
  const { exp = end } = jwk;
  // An `exp` of the JWK's own that is no number stays, and spoils it.
  return { ...jwk, exp: typeof exp === "number" ? Math.min(exp, end) : exp };
}

/** NumericDate of an XML Schema dateTimeStamp in UTC, as DID Core 3.2 wants it; null for anything else. */
function dateTimeStamp(value: JsonValue): number | null {
  if (typeof value !== "string" || !/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/.test(value)) return null;
  const second = value.slice(0, 19);
  const ms = Date.parse(`${second}Z`);
  // What is no date, such as 31 February, comes back as another one.
  return Number.isFinite(ms) && new Date(ms).toISOString().startsWith(second) ? ms / 1000 : null;
}
