/** A request of HTTP/1.1 as text, as tools show it: request line, header lines, an empty line, and the body. */

import { fail, ok, type Result } from "../../result.ts";

export interface WrittenRequest {
  readonly method: string;
  /** Host and port as the request names them. */
  readonly host: string;
  /** Path and query, as they stand in the request line. */
  readonly target: string;
  readonly headers: Headers;
  readonly body: Uint8Array<ArrayBuffer>;
}

/**
 * Reads a request. Lines end with LF or CRLF. `Content-Length` says how long the body is, and may be followed by a line break; without
 * it the body is all the rest.
 *
 * @returns or what is wrong with the text, for the user
 */
export function readRequest(bytes: Uint8Array<ArrayBuffer>): Result<WrittenRequest, string> {
  const { lines, rest } = splitHead(bytes);
  const [, method, written = ""] = /^([!#$%&'*+.^_`|~\w-]+) (\S+) HTTP\/1\.[01]$/.exec(lines[0] ?? "") ?? [];
  if (method === undefined)
    return fail("does not begin with a request line, such as: POST /acme/mcp HTTP/1.1");
  const headers = readHeaders(lines.slice(1));
  if (!headers.ok) return headers;
  const named = /^(?:https?:\/\/([^/?#]+)(?=[/?]|$)|(?=\/))(.*)$/i.exec(written);
  if (named === null) return fail("names neither a path nor a URL in its request line");
  const [, authority, target = ""] = named;
  const host = authority ?? headers.value.get("host");
  if (host === null) return fail("has no Host header");
  if (!/^[^\s,/\\?#@]+$/.test(host)) return fail("does not name one host");
  if (headers.value.has("transfer-encoding"))
    return fail("has Transfer-Encoding: write the body as it is, without chunks, and leave the header out");
  const body = readContent(rest, headers.value.get("content-length"));
  return body.ok ? ok({ method, host, target, headers: headers.value, body: body.value }) : body;
}

/** As the Worker is given it. An object of Node's own would have its URL normalised, which is to be judged as it was sent. */
export const asRequest = ({ method, host, target, headers, body }: WrittenRequest): Request =>
  ({
    method,
    url: `https://${host}${target}`,
    headers,
    body: body.length === 0 ? null : new Response(body).body,
    signal: new AbortController().signal,
  }) as unknown as Request;

/** The lines before the first empty one, byte for character, and what follows it. */
function splitHead(bytes: Uint8Array<ArrayBuffer>): {
  lines: readonly string[];
  rest: Uint8Array<ArrayBuffer>;
} {
  const lines: string[] = [];
  let at = 0;
  while (at < bytes.length) {
    const end = bytes.indexOf(LF, at);
    const stop = end < 0 ? bytes.length : end;
    const line = latin1(bytes.subarray(at, stop)).replace(/\r$/, "");
    at = stop + 1;
    if (line === "") break;
    lines.push(line);
  }
  return { lines, rest: bytes.subarray(at) };
}

const LF = 0x0a;

const latin1 = (bytes: Uint8Array): string => Buffer.from(bytes).toString("latin1");

function readHeaders(lines: readonly string[]): Result<Headers, string> {
  const headers = new Headers();
  for (const [i, line] of lines.entries()) {
    const [, name, value = ""] = /^([!#$%&'*+.^_`|~\w-]+):[ \t]*(.*?)[ \t]*$/.exec(line) ?? [];
    // What is in it may be a secret.
    if (name === undefined) return fail(`has a line that is no header: the ${i + 2}. one`);
    try {
      headers.append(name, value);
    } catch {
      return fail(`has a header that cannot be sent: ${name}`);
    }
  }
  return ok(headers);
}

function readContent(
  rest: Uint8Array<ArrayBuffer>,
  length: string | null,
): Result<Uint8Array<ArrayBuffer>, string> {
  if (length === null) return ok(rest);
  const body = rest.subarray(0, Number(length));
  const beyond = latin1(rest.subarray(body.length, body.length + 3));
  if (/^\d+$/.test(length) && body.length === Number(length) && /^(\r?\n)?$/.test(beyond)) return ok(body);
  return fail(`has Content-Length: ${length}, and ${rest.length} bytes behind the empty line`);
}
