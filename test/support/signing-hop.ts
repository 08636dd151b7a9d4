/**
 * A hop on loopback that adds evidence to what clients send that cannot sign, and otherwise changes nothing: status,
 * headers and bytes of the answer pass as they come, and each side learns when the other has gone.
 */

import { once } from "node:events";
import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import { buffer } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import { addEvidence, type EvidenceOptions } from "../../src/agent/index.ts";
import { type Listening, listen } from "./web-server.ts";

/** Where a hop sends what it has signed, and as whom. Asked for each request. */
export interface HopRoute {
  /** URL of the tenant: what is signed, and where it goes. */
  readonly endpoint: string;
  readonly evidence: EvidenceOptions;
}

/** @param route by path and query; a URL alone is sent to without evidence, as to the well-known documents */
export async function startSigningHop(
  route: (path: string) => Promise<HopRoute | string>,
): Promise<Listening> {
  const server = createServer((incoming, outgoing) => {
    pass(incoming, outgoing).catch(() => outgoing.destroy());
  });
  const listening = await listen(server);
  const { host: own } = new URL(listening.origin);

  async function pass(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const gone = new AbortController();
    outgoing.once("close", () => gone.abort());
    const {
      method = "GET",
      url: path = "/",
      headersDistinct,
      headers: { host = "" },
    } = incoming;
    const body = new Uint8Array(await buffer(incoming));
    const to = await route(path);
    const headers = new Headers();
    for (const [name, values] of Object.entries(headersDistinct)) {
      if (!OF_THE_CONNECTION.has(name)) for (const value of values ?? []) headers.append(name, value);
    }
    const url = typeof to === "string" ? to : to.endpoint;
    const signed =
      typeof to === "string"
        ? { headers, step: null }
        : await addEvidence({ method, url, headers, body }, to.evidence);
    // Who names the hop means what is behind it; any other Host is what the client wants to say.
    const isOurs = host.replace(/^localhost:/, "127.0.0.1:") === own;
    const sent = request(url, {
      method,
      headers: { ...spelledAs(incoming.rawHeaders, signed.headers), ...(!isOurs && { host }) },
      signal: gone.signal,
      agent: false,
    });
    sent.end(body);
    const [answer] = (await once(sent, "response")) as [IncomingMessage];
    if (typeof to !== "string") {
      const get = (name: string) => answer.headersDistinct[name]?.join(", ") ?? null;
      to.evidence.run.answered(signed.step, { headers: { get } });
    }
    outgoing.writeHead(answer.statusCode ?? 502, answer.rawHeaders).flushHeaders();
    await pipeline(answer, outgoing);
  }

  return listening;
}

/** Names as the client wrote them: a `Headers` has forgotten. */
function spelledAs(rawHeaders: readonly string[], headers: Headers): Record<string, string> {
  const names = rawHeaders.filter((_, index) => index % 2 === 0);
  const spelling = new Map(names.map((name) => [name.toLowerCase(), name]));
  return Object.fromEntries([...headers].map(([name, value]) => [spelling.get(name) ?? name, value]));
}

/** What Node makes anew for its own connection. */
const OF_THE_CONNECTION = new Set([
  "host",
  "connection",
  "content-length",
  "transfer-encoding",
  "keep-alive",
]);
