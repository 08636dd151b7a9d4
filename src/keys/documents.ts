/** The documents that owners publish keys in, from their bytes to the keys. */

import { fromUtf8 } from "../encoding.ts";
import { isObject, type JsonObject, type JsonValue, parseStrictJson } from "../json/strict-json.ts";
import { KEYS_DEADLINE_MS, MAX_KEY_DOCUMENT_BYTES } from "../limits.ts";
import { fetchRemote, type RemoteFault } from "../remote/fetch.ts";
import { remoteUrlProblem } from "../remote/url.ts";
import { fail, ok, type Result } from "../result.ts";
import { knownKey, type LoadedKeys, rememberedKey } from "./cache.ts";
import { didDocumentKeys } from "./did.ts";
import { directoryKeys, jwksKeys, type KeyTable, keysByThumbprint, type SetFault } from "./key-table.ts";
import type { ClientMetadataSource, Clock, KeyDocument, Reach, RemoteSource } from "./source.ts";

type DocumentFault = RemoteFault | SetFault | "not_json" | "jwks_uri";

const JSON_TYPES = ["application/json"];
const JWKS_TYPES = ["application/jwk-set+json", ...JSON_TYPES];
const DIRECTORY_TYPES = ["application/http-message-signatures-directory+json"];
const DID_TYPES = ["application/did", "application/did+json", "application/did+ld+json", ...JSON_TYPES];

/** Finds the JWK that a document of the source has under a kid. */
export async function publishedKey(
  source: RemoteSource,
  kid: string,
  reach: Reach,
  env: Env,
  clock: Clock,
): Promise<Result<JsonObject, "unknown" | "unavailable">> {
  // Its keys have no other names, so that nobody need be asked.
  if (source.type === "did:web" && !kid.startsWith(`${source.did}#`)) return fail("unknown");
  if (reach === "memory") {
    const jwk = rememberedKey(documentId(source), kid, clock());
    return jwk === null ? fail("unknown") : ok(jwk);
  }
  const load = async (): Promise<LoadedKeys | null> => {
    const loaded = await loadKeys(source, env);
    if (loaded.ok) return loaded.value;
    console.error(JSON.stringify({ event: "keys.unavailable", url: source.url, fault: loaded.error }));
    return null;
  };
  return knownKey(documentId(source), kid, load, clock);
}

/** Two sources with one id find the same keys in the same place. */
function documentId(source: RemoteSource): string {
  const { type, url, binding } = source;
  switch (source.type) {
    case "jwks":
      return JSON.stringify([type, url, binding]);
    case "signatureAgent":
      return JSON.stringify([type, url, binding, source.form]);
    case "did:web":
      return JSON.stringify([type, url, binding, source.relationship]);
    case "clientIdMetadata":
      return JSON.stringify([type, url, binding, source.names, ...[...source.jwksHosts].sort()]);
  }
}

async function loadKeys(source: RemoteSource, env: Env): Promise<Result<LoadedKeys, DocumentFault>> {
  switch (source.type) {
    case "jwks":
      return load(source, JWKS_TYPES, jwksKeys, env);
    case "did:web":
      return load(
        source,
        DID_TYPES,
        (document) => didDocumentKeys(document, source.did, source.relationship),
        env,
      );
    case "clientIdMetadata":
      return loadClientKeys(source, env);
    case "signatureAgent":
      return source.form === "directory"
        ? load(source, DIRECTORY_TYPES, directoryKeys, env)
        : load(source, JWKS_TYPES, keysByThumbprint, env);
  }
}

/** draft-ietf-oauth-client-id-metadata-document: the document says of itself that it is this client's. */
async function loadClientKeys(
  source: ClientMetadataSource,
  env: Env,
): Promise<Result<LoadedKeys, DocumentFault>> {
  const fetched = await fetchJson(source, JSON_TYPES, env);
  if (!fetched.ok) return fetched;
  const { json, bytes } = fetched.value;
  if (!isObject(json) || json.client_id !== source.url) return fail("not_owned");
  const { jwks, jwks_uri: url } = json;
  const read = source.names === "kid" ? jwksKeys : keysByThumbprint;
  // RFC 7591 section 2: not both.
  if (url === undefined) return withSize(await read(jwks), bytes);
  const isAllowed =
    jwks === undefined &&
    typeof url === "string" &&
    remoteUrlProblem(url) === null &&
    source.jwksHosts.has(new URL(url).hostname);
  return isAllowed ? load({ url, binding: source.binding }, JWKS_TYPES, read, env) : fail("jwks_uri");
}

async function load(
  document: KeyDocument,
  types: readonly string[],
  read: (json: JsonValue) => Promise<Result<KeyTable, SetFault>>,
  env: Env,
): Promise<Result<LoadedKeys, DocumentFault>> {
  const fetched = await fetchJson(document, types, env);
  return fetched.ok ? withSize(await read(fetched.value.json), fetched.value.bytes) : fetched;
}

async function fetchJson(
  { url, binding }: KeyDocument,
  accept: readonly string[],
  env: Env,
): Promise<Result<{ readonly json: JsonValue; readonly bytes: number }, RemoteFault | "not_json">> {
  const limits = { maxBytes: MAX_KEY_DOCUMENT_BYTES, deadlineMs: KEYS_DEADLINE_MS };
  const fetched = await fetchRemote({ url, binding, accept, ...limits }, env);
  if (!fetched.ok) return fetched;
  const text = fromUtf8(fetched.value);
  const json = text === null ? null : parseStrictJson(text);
  return json?.ok ? ok({ json: json.value, bytes: fetched.value.length }) : fail("not_json");
}

const withSize = (read: Result<KeyTable, SetFault>, bytes: number): Result<LoadedKeys, DocumentFault> =>
  read.ok ? ok({ table: read.value, bytes }) : read;
