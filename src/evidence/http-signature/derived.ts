/** Components that are derived from a message and are no fields of it (RFC 9421 section 2.2). */

import type { SignedMessage } from "./message.ts";

/**
 * The value of a derived component; null where the message has none of that name.
 *
 * @param queryName the parameter `name`, which `@query-param` alone has
 */
export function derivedValue(message: SignedMessage, name: string, queryName: string | null): string | null {
  if (message.kind === "response") {
    return name === "@status" && queryName === null ? String(message.status).padStart(3, "0") : null;
  }
  if ((queryName !== null) !== (name === "@query-param")) return null;
  if (name === "@method") return message.method;
  const target = splitTarget(message.targetUri);
  if (target === null) return null;
  switch (name) {
    case "@query-param":
      return queryName === null ? null : queryParam(target.query, queryName);
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
function queryParam(query: string, wanted: string): string | null {
  // With its question mark: URLSearchParams takes one off the front, which may else be part of the first name.
  const found = [...new URLSearchParams(query)].filter(([name]) => formEncode(name) === wanted);
  const value = found.length === 1 ? found[0]?.[1] : undefined;
  return value === undefined ? null : formEncode(value);
}

/** Percent-encodes all but `A-Z a-z 0-9 * - . _`; encodeURIComponent also leaves these five. */
const formEncode = (text: string): string =>
  encodeURIComponent(text).replace(/[!'()~]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
