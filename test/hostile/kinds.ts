/** Valid calls of every kind and profile: what the mutants are made from. */

import { signAttestation } from "../../src/evidence/attestation/sign.ts";
import type { AttestationDialect } from "../../src/tenant/tenant.ts";
import type { Caller, Scene, Wishes } from "../socket/harness.ts";
import { beginSession, rpc, toolCall } from "../socket/messages.ts";
import type { Wire } from "../socket/raw.ts";

/** One kind of call. Each one made is fresh: it can be admitted once. */
export interface Kind {
  readonly name: string;
  readonly caller: Caller;
  readonly make: () => Promise<Wire>;
}

/** @param tenant takes ECTs by Ed25519 keys too */
export async function kindsOf(scene: Scene, tenant: string): Promise<readonly Kind[]> {
  const { reader, scribe, courier } = scene;
  const sessions = new Map<Caller, string>();
  for (const caller of [reader, courier]) {
    sessions.set(caller, await beginSession(scene, tenant, `s-${caller.name}`, { caller }));
  }
  /** Under one mandate for all of a kind, as an agent would. */
  const kind = async (
    name: string,
    caller: Caller,
    make: (id: number) => Promise<{ body: string | null; wishes?: Wishes }>,
  ): Promise<Kind> => {
    const run = await scene.run(tenant, { caller });
    let made = 0;
    return {
      name,
      caller,
      async make() {
        made += 1;
        const { body, wishes } = await make(made);
        return scene.sign(tenant, body, { run, caller, ...wishes });
      },
    };
  };
  const inSession = (caller: Caller) => ({ headers: { "mcp-session-id": sessions.get(caller) ?? "" } });
  const attested = (caller: Caller, dialect: AttestationDialect) => ({
    attestation: { signer: caller.attestor, intent: "test", dialect, projection: "identity" as const },
  });
  const unattested = (caller: Caller): Wishes => ({
    attestation: { signer: caller.attestor, intent: "none", when: () => false },
  });
  /** A call that has its attestation in the body. */
  const withMeta = async (caller: Caller, dialect: AttestationDialect, id: number) => {
    const args = { query: `meta-${caller.name}-${dialect}-${id}`, limit: id };
    const { envelope } = await signAttestation(caller.attestor, {
      dialect,
      tool: "sealed",
      arguments: args,
      serverFingerprint: scene.endpoint(tenant),
      intent: "test",
      projection: "hash-only",
      now: Math.floor(Date.now() / 1000),
    });
    const params = { name: "sealed", arguments: args, _meta: { attestation: envelope } };
    return { body: rpc("tools/call", params, id), wishes: unattested(caller) };
  };
  /** No two kinds have a body in common, so that nobody can put one together from the other. */
  const search = (kind: string, id: number) =>
    toolCall("search", { query: `${kind}-${id}`, limit: id, deep: [true, null] }, id);
  const sealed = (kind: string, id: number) =>
    toolCall("sealed", { query: `${kind}-${id}`, limit: id }, `m-${id}`);

  return Promise.all([
    kind("agent, ES256", reader, async (id) => ({ body: search("es256", id) })),
    kind("agent, Ed25519", scribe, async (id) => ({ body: search("ed25519", id) })),
    kind("agent, attested in A", reader, async (id) => ({
      body: sealed("a", id),
      wishes: attested(reader, "A"),
    })),
    kind("agent, attested in B", scribe, async (id) => ({
      body: sealed("b", id),
      wishes: attested(scribe, "B"),
    })),
    kind("agent, attested in A in the body", scribe, (id) => withMeta(scribe, "A", id)),
    kind("agent, attested in B in the body", reader, (id) => withMeta(reader, "B", id)),
    kind("agent, the other carriers", reader, async (id) => ({
      body: search("carriers", id),
      wishes: { mandateHeader: "act-mandate", ectHeader: "execution-context" },
    })),
    kind("agent, 2026-07-28", reader, async (id) => modern(id)),
    kind("agent, in a session", reader, async (id) => ({
      body: search("session", id),
      wishes: inSession(reader),
    })),
    kind("notification", reader, async (id) => ({
      body: rpc("notifications/progress", { progressToken: "p", progress: id }, null),
      wishes: inSession(reader),
    })),
    kind("posted response", reader, async (id) => ({
      body: `{"jsonrpc":"2.0","id":"s${id}","result":{"text":"yes"}}`,
      wishes: inSession(reader),
    })),
    kind("GET", reader, async (id) => ({
      body: null,
      wishes: { method: "GET", headers: { ...inSession(reader).headers, "last-event-id": `e-${id}` } },
    })),
    kind("DELETE", scribe, async (id) => ({
      body: null,
      wishes: { method: "DELETE", headers: { "mcp-param-mark": `${id}` } },
    })),
    kind("poc", courier, async (id) => ({ body: search("poc", id) })),
    kind("poc, in a session", courier, async (id) => ({
      body: search("poc-session", id),
      wishes: inSession(courier),
    })),
    kind("poc, attested in A", courier, async (id) => ({
      body: sealed("poc-a", id),
      wishes: attested(courier, "A"),
    })),
    kind("poc, attested in B in the body", courier, (id) => withMeta(courier, "B", id)),
  ]);
}

const modern = (id: number) => {
  const version = "2026-07-28";
  const _meta = {
    "io.modelcontextprotocol/protocolVersion": version,
    "io.modelcontextprotocol/clientInfo": { name: "test", version: "1" },
    "io.modelcontextprotocol/clientCapabilities": {},
  };
  return {
    body: rpc("tools/call", { name: "search", arguments: { query: "wax", region: "eu" }, _meta }, id),
    wishes: {
      headers: {
        "mcp-protocol-version": version,
        "mcp-method": "tools/call",
        "mcp-name": "search",
        "mcp-param-region": "eu",
      },
    },
  };
};
