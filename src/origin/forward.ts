import { fetcherNamed } from "../bindings.ts";
import { discard } from "../bytes/discard.ts";
import type { Reason } from "../reasons.ts";
import { fail, ok, type Result } from "../result.ts";
import type { Origin } from "../tenant/tenant.ts";

/** What the origin is sent: only what was verified, and only what may be passed on. */
export interface Forward {
  readonly method: string;
  readonly headers: Headers;
  /** The very bytes that were hashed and verified; null for methods without a body. */
  readonly body: Uint8Array<ArrayBuffer> | null;
  /** Aborted when the client goes away: closing a stream is how MCP 2026-07-28 cancels. */
  readonly signal: AbortSignal;
}

/** What the client is sent of the origin's response, as far as it is known. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: ReadableStream<Uint8Array> | null;
  /** Octets of the body; null where that is not known before it ends. */
  readonly length: number | null;
}

/**
 * Sends an admitted request to the origin and waits for the response headers, at most the tenant's deadline.
 * The body is not waited for.
 */
export async function forward(origin: Origin, request: Forward, env: Env): Promise<Result<Response, Reason>> {
  const fetcher = origin.binding === null ? globalThis : fetcherNamed(env, origin.binding);
  if (fetcher === null) return fail("origin.misconfigured");
  const deadline = new AbortController();
  const timer = setTimeout(() => deadline.abort(), origin.timeoutMs);
  try {
    const response = await fetcher.fetch(origin.url, {
      method: request.method,
      headers: request.headers,
      body: request.body,
      // A redirect could carry the call, and what the tenant adds to it, to somewhere else.
      redirect: "manual",
      // No cache may answer one agent with what another was told.
      cache: "no-store",
      signal: AbortSignal.any([request.signal, deadline.signal]),
    });
    const fault = statusFault(response.status);
    if (fault === null) return ok(response);
    await discard(response.body);
    return fail(fault);
  } catch {
    if (request.signal.aborted) return fail("origin.client_gone");
    return fail(deadline.signal.aborted ? "origin.timeout" : "origin.unreachable");
  } finally {
    clearTimeout(timer);
  }
}

/** What keeps an answer with this status from being passed on; null where nothing does. */
function statusFault(status: number): Reason | null {
  // fetch hands on what no response can be made of, such as 101 and 999.
  if (status < 200 || status > 599) return "origin.unreachable";
  return status >= 300 && status < 400 ? "origin.redirect" : null;
}
