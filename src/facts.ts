import { MAX_HEADER_COUNT, MAX_HEADERS_BYTES } from "./limits.ts";
import type { Reason } from "./reasons.ts";
import { fail, ok, type Result } from "./result.ts";

/** A request as it arrived, before anything is interpreted. Stage 0. */
export interface Facts {
  readonly method: string;
  /** Host and port the client asked for, in lower case: host names have no case. */
  readonly host: string;
  /** Raw path and query: never normalised by a URL parser. */
  readonly path: string;
  /** With its leading `?`; null where there is none. */
  readonly query: string | null;
  /** Lower-case names; repeated lines joined with ", ". */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: ReadableStream<Uint8Array> | null;
  /** Address of the client, where Cloudflare's edge vouches for it; elsewhere the header is anybody's word. */
  readonly clientAddress: string | null;
  /** Aborted when the client goes away. */
  readonly signal: AbortSignal;
}

/** Cut by hand: `new URL` would collapse dot segments and re-encode, and the signed target is the raw one. */
const RAW_URL = /^https?:\/\/([^/?#]*)([^?#]*)(\?[^#]*)?/i;

/** RFC 9110 section 5.5: what no value may hold. Some parsers let it through, and the next one refuses the whole request. */
const CONTROL = /[\x00-\x08\x0a-\x1f\x7f]/;

/** Reads the facts and checks the caps on header count and size, and that each value could be passed on. */
export function readFacts(request: Request): Result<Facts, Reason> {
  const headers = new Map<string, string>();
  let size = 0;
  for (const [name, value] of request.headers) {
    headers.set(name, value);
    size += name.length + value.length;
  }
  if (headers.size > MAX_HEADER_COUNT) return fail("request.too_many_headers");
  if (size > MAX_HEADERS_BYTES) return fail("request.headers_too_large");
  for (const value of headers.values()) if (CONTROL.test(value)) return fail("request.header_value");

  const target = RAW_URL.exec(request.url);
  // What two Host headers give may still fit; then no tenant has such a host.
  if (target === null) return fail("target.unknown");
  const [, host = "", path = "", query] = target;
  return ok({
    method: request.method,
    host: host.toLowerCase(),
    path: path === "" ? "/" : path,
    query: query ?? null,
    headers,
    body: request.body,
    clientAddress: request.cf === undefined ? null : (headers.get("cf-connecting-ip") ?? null),
    signal: request.signal,
  });
}
