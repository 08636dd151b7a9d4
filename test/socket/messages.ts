/** Requests to send and answers to read: JSON-RPC bodies, changed headers, and what a caller was told. */

import { expect } from "vitest";
import { signMessage } from "../../src/agent/index.ts";
import type { Scene, Wishes } from "./harness.ts";
import type { Answer, Wire } from "./raw.ts";

// -- requests -----------------------------------------------------------------------------------------

export const rpc = (method: string, params: object = {}, id: string | number | null = 1): string =>
  JSON.stringify({ jsonrpc: "2.0", ...(id !== null && { id }), method, params });

export const toolCall = (name = "search", args: object = { query: "wax" }, id: string | number = 1): string =>
  rpc("tools/call", { name, arguments: args }, id);

export const RESPONSE = '{"jsonrpc":"2.0","id":"s1","result":{}}';

/** Begins a session, as a caller of the tenant, in which the origin's own id is the given one. */
export async function beginSession(
  scene: Scene,
  tenant: string,
  id = "s-1",
  wishes: Wishes = {},
): Promise<string> {
  const origin = scene.origin(tenant);
  const { handler } = origin;
  origin.handler = ({ response }) =>
    void response.writeHead(200, { "content-type": "application/json", "mcp-session-id": id }).end("{}");
  const answer = await scene.send(await scene.sign(tenant, rpc("initialize"), wishes));
  origin.handler = handler;
  return answer.headers.get("mcp-session-id") ?? "";
}

/** With a header set (its other lines gone), or removed where the value is null. */
export const withHeader = (wire: Wire, name: string, value: string | null): Wire => ({
  ...wire,
  headers: [
    ...wire.headers.filter(([other]) => other.toLowerCase() !== name),
    ...(value === null ? [] : [[name, value] as const]),
  ],
});

export const headerOf = (wire: Wire, name: string): string =>
  wire.headers.find(([other]) => other.toLowerCase() === name)?.[1] ?? "";

/** Signs what there is again, as one who has the agent's key can: an attack from within. */
export async function resign(
  scene: Scene,
  tenant: string,
  wire: Wire,
  { caller = scene.reader, nonce = crypto.randomUUID() as string } = {},
): Promise<Wire> {
  const bare = withHeader(withHeader(wire, "signature", null), "signature-input", null);
  const headers = new Headers(bare.headers.filter(([name]) => name !== "Host").map(([n, v]) => [n, v]));
  const { signatureInput, signature } = await signMessage(
    { method: wire.method, url: scene.endpoint(tenant), headers },
    {
      signer: caller.signer,
      profile: caller.profile,
      audience: scene.endpoint(tenant),
      cover: [],
      nonce,
      now: Math.floor(Date.now() / 1000),
      lifetimeSeconds: 120,
    },
  );
  return withHeader(withHeader(bare, "signature-input", signatureInput), "signature", signature);
}

// -- answers ------------------------------------------------------------------------------------------

/** The decision id. Everything that is Countersign's own answer has one. */
export function decisionOf({ headers }: Pick<Answer, "headers">): string {
  const decision = headers.get("countersign-decision") ?? "";
  expect(decision).toMatch(/^[A-Za-z0-9_-]{22}$/);
  return decision;
}

/** `200` where the origin answered; else the status and the reason that the caller was told. */
export function told({ status, text }: Pick<Answer, "status" | "text">): string {
  try {
    const { error, result } = JSON.parse(text);
    const reason = error?.data?.reason ?? JSON.parse(result.content[0].text).reason;
    return `${status} ${reason}`;
  } catch {
    return String(status);
  }
}
