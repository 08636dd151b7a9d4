/** The signature base (RFC 9421 section 2.5), the same for signer and verifier. */

import {
  type Dictionary,
  isInnerList,
  type Parameters,
  serializeDictionary,
  serializeInnerList,
  serializeItem,
} from "structured-headers";
import { fail, ok, type Result } from "../../result.ts";
import { strictDictionary } from "./dictionary.ts";
import type { Component, SignatureInput } from "./fields.ts";
import type { SignedMessage } from "./message.ts";

/** Fields known to be Dictionaries, so that `sf` can serialise them anew. */
const DICTIONARY_FIELDS: ReadonlySet<string> = new Set([
  "content-digest",
  "priority",
  "repr-digest",
  "signature",
  "signature-agent",
  "signature-input",
]);

/**
 * A line of the base is ASCII without line ends. A line end would let a value forge the next line; of other
 * characters Fetch has lost the octets that were signed.
 */
const LINE_VALUE = /^[\t\x20-\x7e]*$/;

/**
 * The text that is signed, for a request. A component that cannot be had exactly as RFC 9421 section 2 wants it
 * fails the whole signature and is never skipped: absent or repeated, unknown name or parameter, `req` (responses
 * only), `bs` and `tr` (Fetch keeps neither separate lines nor trailers).
 */
export function signatureBase(
  message: SignedMessage,
  input: SignatureInput,
): Result<string, "signature.component"> {
  const dictionary = dictionariesOf(message);
  const lines: string[] = [];
  const seen = new Set<string>();
  for (const covered of input.components) {
    if (seen.has(covered.identifier)) return fail("signature.component");
    seen.add(covered.identifier);
    const value = componentValue(message, covered, dictionary);
    if (value === null || !LINE_VALUE.test(value)) return fail("signature.component");
    lines.push(`${covered.identifier}: ${value}`);
  }
  lines.push(`"@signature-params": ${input.serialised}`);
  return ok(lines.join("\n"));
}

type DictionaryOf = (field: string) => Dictionary | null;

/** Parses each field once, however many of its members are covered. */
function dictionariesOf({ headers }: SignedMessage): DictionaryOf {
  const parsed = new Map<string, Dictionary | null>();
  return (field) => {
    const known = parsed.get(field);
    if (known !== undefined) return known;
    const value = strictDictionary(headers.get(field) ?? "");
    parsed.set(field, value);
    return value;
  };
}

function componentValue(message: SignedMessage, covered: Component, dictionary: DictionaryOf): string | null {
  const { name, parameters } = covered;
  // No two parameters make sense together in a request here. With one at most, their order cannot hide a repetition.
  if (parameters.size > 1) return null;
  // A name with @ is always derived, never a header field of that name (RFC 9421 section 7.5.1).
  if (name.startsWith("@")) return derivedValue(message, name, parameters);
  if (parameters.size === 0) return message.headers.get(name) ?? null;
  if (parameters.get("sf") === true) return wholeField(name, dictionary);
  const key = parameters.get("key");
  return typeof key === "string" ? memberOf(dictionary(name), key) : null;
}

function wholeField(name: string, dictionary: DictionaryOf): string | null {
  const field = DICTIONARY_FIELDS.has(name) ? dictionary(name) : null;
  return field === null ? null : serializeDictionary(field);
}

function memberOf(field: Dictionary | null, key: string): string | null {
  const member = field?.get(key);
  if (member === undefined) return null;
  return isInnerList(member) ? serializeInnerList(member) : serializeItem(member);
}

function derivedValue(message: SignedMessage, name: string, parameters: Parameters): string | null {
  const target = splitTarget(message.targetUri);
  if (target === null) return null;
  if (name === "@query-param") return queryParam(target.query, parameters.get("name"));
  if (parameters.size > 0) return null;
  switch (name) {
    case "@method":
      return message.method;
    case "@target-uri":
      return message.targetUri;
    case "@scheme":
      return target.scheme;
    case "@authority":
      return target.authority;
    case "@request-target":
      return target.path + target.query;
    case "@path":
      return target.path;
    case "@query":
      return target.query || "?";
    default:
      return null;
  }
}

interface Target {
  readonly scheme: string;
  readonly authority: string;
  /** As sent; "/" where it is empty. */
  readonly path: string;
  /** As sent, with its question mark; empty where there is none. */
  readonly query: string;
}

const TARGET = /^(https?):\/\/([a-z0-9._-]+|\[[0-9a-f:.]+\])(?::([0-9]*))?(\/[^?#]*)?(\?[^#]*)?$/i;
const DEFAULT_PORTS: Readonly<Record<string, string>> = { http: "80", https: "443" };

/** Cuts the string. A URL parser would collapse dot segments and decode, and so change what was signed. */
function splitTarget(uri: string): Target | null {
  const [, scheme, host, port = "", path = "/", query = ""] = TARGET.exec(uri) ?? [];
  if (scheme === undefined || host === undefined) return null;
  const lower = scheme.toLowerCase();
  const suffix = port === "" || port === DEFAULT_PORTS[lower] ? "" : `:${port}`;
  return { scheme: lower, authority: host.toLowerCase() + suffix, path, query };
}

/**
 * RFC 9421 section 2.2.8: the parameter's name and value, decoded as a form and encoded again. A name that
 * occurs twice fails, because the order of its values is not signed.
 */
function queryParam(query: string, wanted: unknown): string | null {
  // With its question mark: URLSearchParams takes one off the front, which may else be part of the first name.
  const found = [...new URLSearchParams(query)].filter(([name]) => formEncode(name) === wanted);
  const value = found.length === 1 ? found[0]?.[1] : undefined;
  return value === undefined ? null : formEncode(value);
}

/** Percent-encodes all but `A-Z a-z 0-9 * - . _`; encodeURIComponent also leaves these five. */
const formEncode = (text: string): string =>
  encodeURIComponent(text).replace(/[!'()~]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
