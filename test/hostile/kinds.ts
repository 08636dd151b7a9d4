/** Valid calls of every kind and profile, at tenants of every sort: what the mutants are made from. */

import {
  delegateMandate,
  generateSigner,
  mintRecord,
  SESSION_ACTIONS,
  type SignatureProfile,
  startRun,
} from "../../src/agent/index.ts";
import { signJwt } from "../../src/agent/signer.ts";
import { signAttestation } from "../../src/evidence/attestation/sign.ts";
import type { TenantDocument } from "../../src/tenant/schema/document.ts";
import type { AttestationDialect } from "../../src/tenant/tenant.ts";
import { type Caller, type Scene, setScene, type Wishes } from "../socket/harness.ts";
import { beginSession, headerOf, resign, rpc, toolCall, withHeader } from "../socket/messages.ts";
import type { Wire } from "../socket/raw.ts";

/** One kind of call. Each one made is fresh: it can be admitted once. */
export interface Kind {
  readonly name: string;
  readonly tenant: string;
  readonly profile: SignatureProfile;
  readonly make: () => Promise<Wire>;
}

/** A scene with every kind of call in it. */
export interface Stage {
  readonly scene: Scene;
  readonly tenants: readonly string[];
  readonly kinds: readonly Kind[];
}

export async function setStage(options: Parameters<typeof setScene>[1] = {}): Promise<Stage> {
  const ect = { algorithms: ["ES256" as const, "EdDSA" as const] };
  const workloads = await makeWorkloads();
  const tenants = {
    acme: { ect },
    quiet: { ect },
    // Takes what is off unless it is asked for.
    loose: { ect: { ...ect, unsafeUnsigned: true }, act: { delegation: { maxDepth: 1 } } },
    six: workloads.tenant("wimse-06"),
    seven: workloads.tenant("wimse-07"),
  };
  const scene = await setScene(tenants, options);
  const kinds = [...(await registered(scene)), ...(await loose(scene)), ...(await workloads.kinds(scene))];
  return { scene, tenants: Object.keys(tenants), kinds };
}

type Made = { readonly body: string | null; readonly wishes?: Wishes };

/** Calls under one mandate for all of a kind, as an agent would. */
async function kindOf(
  scene: Scene,
  named: { readonly name: string; readonly tenant?: string; readonly caller: Caller },
  make: (id: number) => Promise<Made>,
): Promise<Kind> {
  const { name, tenant = "acme", caller } = named;
  const run = await scene.run(tenant, { caller });
  let made = 0;
  return {
    name,
    tenant,
    profile: caller.profile,
    async make() {
      made += 1;
      const { body, wishes } = await make(made);
      return scene.sign(tenant, body, { run, caller, ...wishes });
    },
  };
}

/** No two kinds have a body in common, so that nobody can put one together from the other. */
const search = (kind: string, id: number): string =>
  toolCall("search", { query: `${kind}-${id}`, limit: id, deep: [true, null] }, id);

// -- registered keys ----------------------------------------------------------------------------------------

async function registered(scene: Scene): Promise<readonly Kind[]> {
  const { reader, scribe, courier } = scene;
  const tenant = "acme";
  const kind = (name: string, caller: Caller, make: (id: number) => Promise<Made>) =>
    kindOf(scene, { name, caller }, make);
  const sessions = new Map<Caller, string>();
  for (const caller of [reader, courier]) {
    sessions.set(caller, await beginSession(scene, tenant, `s-${caller.name}`, { caller }));
  }
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

// -- what a tenant asks for ---------------------------------------------------------------------------------

/** ECTs of level 1, mandates that were handed on, records. */
async function loose(scene: Scene): Promise<readonly Kind[]> {
  const { reader, writer, scribe } = scene;
  const tenant = "loose";
  const unsigned = await kindOf(scene, { name: "ECT of level 1", tenant, caller: reader }, async (id) => ({
    body: search("level-1", id),
  }));
  const grant = { caller: writer, maxDepth: 1 };
  const token = await delegateMandate({
    parent: await scene.mandate(tenant, grant),
    signer: writer.signer,
    sub: `agent:${reader.name}`,
    purpose: "test",
    actions: [...SESSION_ACTIONS, "mcp.search"],
  });
  return [
    {
      ...unsigned,
      async make() {
        const wire = await unsigned.make();
        const claims = headerOf(wire, "wimse-ect").split(".")[1] ?? "";
        return resign(scene, tenant, withHeader(wire, "wimse-ect", claims), { caller: reader });
      },
    },
    await kindOf(scene, { name: "a mandate handed on", tenant, caller: reader }, async (id) => ({
      body: search("delegated", id),
      wishes: { run: startRun(token) },
    })),
    await kindOf(scene, { name: "a record", tenant, caller: scribe }, async (id) => {
      const run = await scene.run(tenant, { caller: scribe });
      const record = await mintRecord({
        mandate: run.mandate.token,
        signer: scribe.signer,
        execAct: "mcp.search",
      });
      return { body: search("record", id), wishes: { run, headers: { "act-record": record } } };
    }),
  ];
}

// -- workloads ----------------------------------------------------------------------------------------------

const SUBJECT = "wimse://example.test/reader";

async function makeWorkloads() {
  const authority = await generateSigner({ alg: "ES256", kid: "authority-1" });
  const own = await generateSigner({ alg: "ES256" });
  const others = await Promise.all(
    ["writer", "courier"].map(async (name) => ({ name, ...(await generateSigner({ alg: "ES256" })) })),
  );
  const wit = await signJwt(authority.signer, "wit+jwt", {
    sub: SUBJECT,
    exp: Math.floor(Date.now() / 1000) + 3600,
    cnf: { jwk: own.publicJwk },
  });
  const agents = (revision: "wimse-06" | "wimse-07"): TenantDocument["agents"] => [
    { name: "reader", subjects: ["agent:reader"], workload: { subjects: [SUBJECT], revision } },
    ...others.map(({ name, publicJwk }) => ({
      name,
      subjects: [`agent:${name}`],
      keys: [{ jwk: { ...publicJwk } }],
    })),
  ];
  return {
    tenant: (revision: "wimse-06" | "wimse-07") => ({
      agents: agents(revision),
      trustDomains: [{ domain: "example.test", keys: [{ ...authority.publicJwk }] }],
    }),
    kinds: (scene: Scene): Promise<readonly Kind[]> => {
      const caller = { ...scene.reader, signer: own.signer };
      const kind = async (
        name: string,
        tenant: string,
        profile: SignatureProfile,
        make: (id: number) => Made,
      ): Promise<Kind> => ({
        ...(await kindOf(scene, { name, tenant, caller }, async (id) => {
          const { body, wishes } = make(id);
          return { body, wishes: { profile, wit, ...wishes } };
        })),
        profile,
      });
      const get = (id: number): Made => ({
        body: null,
        wishes: { method: "GET", headers: { "last-event-id": `e-${id}` } },
      });
      return Promise.all([
        kind("WIMSE 06", "six", "wimse-06", (id) => ({ body: search("six", id) })),
        kind("WIMSE 07", "seven", "wimse-07", (id) => ({ body: search("seven", id) })),
        kind("WIMSE 07, GET", "seven", "wimse-07", get),
      ]);
    },
  };
}
