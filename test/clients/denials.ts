/** The classes of refusals, each with evidence or a way that makes Countersign refuse. */

import { expect } from "vitest";
import { addEvidence } from "../../src/agent/index.ts";
import type { Wishes } from "../socket/harness.ts";
import { type Line, MAX_BODY, type Place, type Served } from "./place.ts";
import type { Arguments } from "./sdks.ts";

/** Matches a text that holds a refusal with this reason. */
export const reasonIn = (reason: string) => expect.stringContaining(`"reason":"${reason}"`);

/** Matches the tool result that SEP-2787 prescribes for a failed attestation. */
export const attestationError = (reason: string) => ({
  isError: true,
  text: JSON.stringify({ attestationError: true, reason }),
});

/** What a promise that must reject rejects with. */
export const refusal = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => expect.fail("it was not refused"),
    (error: unknown) => error,
  );

/** A way on which everything is refused. */
export interface Denial {
  readonly what: string;
  /** What the client is told. */
  readonly reason: string;
  /** HTTP status of the answer to `initialize`, and to any other request but these two. */
  readonly status: number;
  /** To `server/discover`. */
  readonly discover: 401 | 403 | 503;
  /** To `tools/call`, where it differs. */
  readonly toolCall?: 200;
  line(place: Place, tenant: Served): Promise<Line>;
}

/** Honest evidence for another URL than its own tenant's. */
async function astray(place: Place, tenant: string, endpoint: () => Promise<string>): Promise<Line> {
  const evidence = await place.options(tenant);
  return async () => ({ endpoint: await endpoint(), evidence });
}

export const DENIALS: readonly Denial[] = [
  {
    what: "no mandate",
    reason: "bearer.missing",
    status: 401,
    discover: 401,
    line: async (place, tenant) => {
      const url = place.scene.endpoint(tenant);
      return async () => url;
    },
  },
  {
    what: "a mandate that has expired",
    reason: "bearer.invalid",
    status: 401,
    discover: 401,
    line: async (place, tenant) =>
      place.line(tenant, { run: await place.scene.run(tenant, { now: 1_700_000_000 }) }),
  },
  {
    what: "a signature with another key",
    reason: "signature.invalid",
    status: 403,
    discover: 403,
    line: (place, tenant) => {
      const { reader, writer } = place.scene;
      return place.line(tenant, { signer: { ...writer.signer, kid: reader.signer.kid } });
    },
  },
  {
    what: "an ECT that was used before",
    reason: "replay.ect",
    status: 403,
    discover: 403,
    line: replaying,
  },
  {
    what: "a mandate without the action",
    reason: "capability.missing",
    status: 403,
    discover: 403,
    toolCall: 200,
    line: async (place, tenant) =>
      place.line(tenant, { run: await place.scene.run(tenant, { actions: ["mcp.none"] }) }),
  },
  {
    what: "too many requests",
    reason: "rate.brake",
    status: 429,
    discover: 503,
    line: (place, tenant) => astray(place, tenant, place.braked),
  },
  {
    what: "a tenant that does not exist",
    reason: "target.unknown",
    status: 404,
    discover: 403,
    line: (place, tenant) => astray(place, tenant, async () => place.scene.endpoint("nobody")),
  },
  {
    what: "a tenant document with faults",
    reason: "tenant.invalid",
    status: 503,
    discover: 503,
    line: (place, tenant) => astray(place, tenant, async () => place.scene.endpoint("faulty")),
  },
];

/** The one with this reason. */
export function denialFor(reason: string): Denial {
  const [denial] = DENIALS.filter((row) => row.reason === reason);
  return denial ?? expect.fail(`no denial for ${reason}`);
}

/** The same, of tenants whose origin is never there. A session belongs to its tenant, so these are for its beginning. */
export const ORIGIN_DENIALS: readonly Denial[] = [
  {
    what: "an origin that cannot be reached",
    reason: "origin.unreachable",
    status: 502,
    discover: 503,
    line: (place) => place.line("unreachable"),
  },
  {
    what: "an origin that does not answer",
    reason: "origin.timeout",
    status: 504,
    discover: 503,
    line: (place) => place.line("silent"),
  },
  {
    what: "an origin that redirects",
    reason: "origin.redirect",
    status: 502,
    discover: 503,
    line: (place) => place.line("moved"),
  },
];

/** Every ECT has the jti of one that was admitted. */
async function replaying(place: Place, tenant: Served): Promise<Line> {
  const endpoint = place.scene.endpoint(tenant);
  const jti = crypto.randomUUID();
  const wish = async (run?: Wishes["run"]) => {
    const ids = [jti];
    return place.options(tenant, { ...(run && { run }), newId: () => ids.pop() ?? crypto.randomUUID() });
  };
  const first = await wish();
  const body = '{"jsonrpc":"2.0","id":1,"method":"ping"}';
  const headers = { "content-type": "application/json", accept: "application/json, text/event-stream" };
  const signed = await addEvidence({ method: "POST", url: endpoint, headers, body }, first);
  const answer = await fetch(endpoint, { method: "POST", headers: signed.headers, body });
  await answer.body?.cancel();
  if (answer.headers.get("countersign-ect") !== "recorded") throw new Error("the first ECT was not admitted");
  return async () => ({ endpoint, evidence: await wish(first.run) });
}

/** A tool call that is refused, of a client that is otherwise welcome. */
export type DeniedCall = {
  readonly what: string;
  readonly reason: string;
  readonly tool: string;
  readonly args: Arguments;
  /** Where it must be another one than the client has. */
  readonly tenant?: "hasty";
  /** What its evidence has in place of the honest one. */
  readonly wishes?: (place: Place) => Wishes;
} & ({ readonly form: "result" } | { readonly form: "error"; readonly status: 400 | 413 | 502 | 504 });

export const DENIED_CALLS: readonly DeniedCall[] = [
  {
    what: "no attestation",
    reason: "attestation_required",
    form: "result",
    tool: "sealed",
    args: { query: "wax" },
    wishes: ({ scene: { reader } }) => ({
      attestation: { signer: reader.attestor, intent: "none", when: () => false },
    }),
  },
  {
    what: "an attestation of another agent",
    reason: "signature_invalid",
    form: "result",
    tool: "sealed",
    args: { query: "wax" },
    wishes: ({ scene: { writer } }) => ({ attestation: { signer: writer.attestor, intent: "test" } }),
  },
  {
    what: "a body that is too large",
    reason: "message.too_large",
    form: "error",
    status: 413,
    tool: "search",
    args: { query: "x".repeat(MAX_BODY) },
  },
  {
    what: "a number that parsers read differently",
    reason: "message.number",
    form: "error",
    status: 400,
    tool: "search",
    args: { query: "wax", limit: 2 ** 53 },
  },
  {
    what: "an origin that does not answer",
    reason: "origin.timeout",
    form: "error",
    status: 504,
    tenant: "hasty",
    tool: "silent",
    args: {},
  },
  {
    what: "an origin that breaks off",
    reason: "origin.unreachable",
    form: "error",
    status: 502,
    tool: "broken",
    args: {},
  },
  {
    what: "an origin that redirects",
    reason: "origin.redirect",
    form: "error",
    status: 502,
    tool: "moved",
    args: {},
  },
];
