import { addEvidence, type EvidenceOptions } from "./evidence.ts";

/** The part of `fetch` that MCP clients use. */
export type FetchFunction = (input: string | URL | Request, init?: RequestInit) => Promise<Response>;

export interface FetchOptions extends EvidenceOptions {
  /** The URL of the MCP server, as the tenant publishes it. */
  readonly endpoint: string | URL;
  /** What sends the requests; the global `fetch` without it. */
  readonly fetch?: FetchFunction;
}

/** Browsers show a redirect that was not followed as status 0. */
const REDIRECTS: ReadonlySet<number> = new Set([0, 301, 302, 303, 307, 308]);

/**
 * A `fetch` that adds evidence to what goes to the endpoint and keeps the run. Hand it to the Streamable HTTP
 * transport of the MCP TypeScript SDK, 1.x or 2.x.
 *
 * - A request to any other origin or path (OAuth metadata, for instance) goes out as it is: evidence for one server
 *   is nobody else's business.
 * - A redirect of the endpoint is never followed: the evidence is for the URL that was signed, and following would
 *   show it to a stranger. It rejects instead.
 * - The body is read once, and exactly those bytes are sent. The response is handed on untouched, so it streams.
 * - Of a `Request` method, URL, headers, body and signal are used.
 *
 * @example
 * import { createFetch, generateSigner, mintMandate, SESSION_ACTIONS, startRun } from "countersign/agent";
 *
 * const endpoint = "https://mcp.example/mcp";
 * const issuer = await generateSigner({ alg: "EdDSA" });
 * const agent = await generateSigner({ alg: "ES256" });
 * const mandate = await mintMandate({
 *   signer: issuer.signer,
 *   iss: "https://issuer.example",
 *   sub: "agent:researcher",
 *   aud: endpoint,
 *   purpose: "Find recent papers on tides",
 *   actions: [...SESSION_ACTIONS, "mcp.search"],
 * });
 * const fetch = createFetch({ endpoint, run: startRun(mandate), signer: agent.signer });
 * // const transport = new StreamableHTTPClientTransport(new URL(endpoint), { fetch });
 */
export function createFetch({
  endpoint,
  fetch: send = globalFetch,
  ...options
}: FetchOptions): FetchFunction {
  const home = placeOf(new URL(endpoint));
  return async (input, init) => {
    // A Request resolves what a browser takes relative to its page, as fetch does.
    const url = new URL((input instanceof Request ? input : new Request(input)).url);
    if (placeOf(url) !== home) return send(input, init);
    url.hash = "";

    const signal = init?.signal ?? (input instanceof Request ? input.signal : null);
    // The signal goes to the sender itself: one that hangs on this short-lived copy could be lost with it.
    const request = new Request(input, { ...init, signal: null });
    const { method } = request;
    const body = new Uint8Array(await request.arrayBuffer());
    const { headers, step } = await addEvidence({ method, url, headers: request.headers, body }, options);
    const response = await send(url, {
      ...init,
      method,
      headers,
      body: body.length > 0 ? body : null,
      ...(signal !== null && { signal }),
      redirect: "manual",
    });
    options.run.answered(step, response);
    if (REDIRECTS.has(response.status)) {
      await response.body?.cancel();
      throw new TypeError(
        `${url.href} answered with a redirect to ${response.headers.get("location") ?? "a place unknown"}; ` +
          "evidence is for one URL, so it was not followed. If that server is meant, make it the endpoint.",
      );
    }
    return response;
  };
}

/** Looked up at each call, so that a test or a tool can replace it; and never called as a method of something else. */
const globalFetch: FetchFunction = (input, init) => fetch(input, init);

const placeOf = (url: URL): string => url.origin + url.pathname;
