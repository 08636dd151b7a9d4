/** Countersign in workerd, in front of a programmable origin, with agents that have the kit. All on loopback. */

import { exportJWK, generateKeyPair } from "jose";
import {
  type AttestationSigner,
  addEvidence,
  type EvidenceOptions,
  generateSigner,
  importAttestationSigner,
  type MandateGrant,
  mintMandate,
  type PublicJwk,
  type Run,
  SESSION_ACTIONS,
  type Signer,
  startRun,
} from "../../src/agent/index.ts";
import { type LocalOptions, type LocalRuntime, startLocal } from "../../src/cli/local/runtime.ts";
import { storedTenant } from "../../src/cli/local/tenants.ts";
import type { TenantDocument } from "../../src/tenant/schema/document.ts";
import type { RegisteredProfile } from "../../src/tenant/tenant.ts";
import { decisionOf } from "./messages.ts";
import { type Origin, type OriginPath, startOrigin } from "./origin.ts";
import { type Answer, exchange, toBytes, type Wire } from "./raw.ts";

export const ISSUER = "https://issuer.test";
export const TOOLS = ["search", "sealed", "write"];

/** Who can call. `sealed` is the tool that needs an attestation. */
export interface Caller {
  readonly name: string;
  readonly signer: Signer;
  readonly profile: RegisteredProfile;
  readonly attestor: AttestationSigner;
}

export interface AuditRow {
  readonly id: string;
  readonly kind: string;
  readonly verdict: string | null;
  readonly reason: string | null;
  readonly principal: string;
  readonly method: string | null;
  readonly tool: string | null;
  readonly status: number | null;
  readonly input_hash: string | null;
  readonly output_hash: string | null;
  readonly checks: string;
}

/** What one request is made of, where it is not what an honest reader would send. */
export interface Wishes extends Partial<EvidenceOptions> {
  readonly caller?: Caller;
  readonly method?: string;
  /** In place of, or beside, those an MCP client sends. */
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Scene {
  /** `http://127.0.0.1:PORT` */
  readonly url: string;
  /** The one that runs: another after `restart`. */
  readonly runtime: LocalRuntime;
  readonly reader: Caller;
  readonly writer: Caller;
  /** Has a key of the profile poc. */
  readonly courier: Caller;
  /** Has an Ed25519 key, whose ECTs only a tenant with `EdDSA` among its `ect.algorithms` takes. */
  readonly scribe: Caller;
  /** The reader, with another key of its own: one of the profile poc. */
  readonly readerPoc: Caller;
  /** The URL that clients of a tenant use and sign. */
  endpoint(tenant: string): string;
  origin(tenant: string): OriginPath;
  mandate(tenant: string, wishes?: Partial<MandateGrant> & { caller?: Caller }): Promise<string>;
  /** A run under a fresh mandate. */
  run(tenant: string, wishes?: Partial<MandateGrant> & { caller?: Caller }): Promise<Run>;
  options(tenant: string, wishes?: Wishes): Promise<EvidenceOptions>;
  /** A request with all its evidence; a POST unless wished otherwise. */
  sign(tenant: string, body: string | Uint8Array | null, wishes?: Wishes): Promise<Wire>;
  /** Sends over a connection of its own. */
  send(wire: Wire): Promise<Answer>;
  /** Audit rows by id, once they are all in D1. */
  rows(ids: readonly string[]): Promise<ReadonlyMap<string, AuditRow>>;
  /** What the audit log says of an answer: the reason, or the verdict where there is none. */
  logged(answer: Pick<Answer, "headers">): Promise<string>;
  /** Stops in order, and starts again at the same URL, with what is in the `stateDir`; `between` finds nothing running. */
  restart(between?: () => Promise<void>): Promise<void>;
  close(): Promise<void>;
}

/** A tenant that differs in this from the ordinary one. */
export type Difference = Partial<Omit<TenantDocument, "origin">> & {
  readonly origin?: Partial<TenantDocument["origin"]>;
};

/** @param tenants by id */
export async function setScene(
  tenants: Readonly<Record<string, Difference>>,
  runtimeOptions: Omit<LocalOptions, "tenants" | "port"> = {},
): Promise<Scene> {
  const issuer = await generateSigner({ alg: "EdDSA", kid: "issuer-1" });
  const made = await Promise.all([
    makeCaller("reader", "agent"),
    makeCaller("writer", "agent"),
    makeCaller("courier", "poc"),
    makeCaller("scribe", "agent", "EdDSA"),
  ]);
  const [reader, writer, courier, scribe] = made.map(({ caller }) => caller) as [
    Caller,
    Caller,
    Caller,
    Caller,
  ];
  const second = await generateSigner({ alg: "ES256", kid: "reader-2" });
  const readerPoc: Caller = { ...reader, signer: second.signer, profile: "poc" };
  const origin = await startOrigin();
  const documents = Object.entries(tenants).map(([id, difference]) => {
    // An agent whose ECTs the tenant would not take is a fault in its document.
    const takesEdDsa = difference.ect?.algorithms?.includes("EdDSA") === true;
    const callers = made.filter(({ caller }) => caller !== scribe || takesEdDsa);
    return document(id, difference, issuer.publicJwk, callers, second.publicJwk, origin);
  });
  const start = async (port: number): Promise<LocalRuntime> => {
    const stored = documents.map((text) => storedTenant(JSON.stringify(text)));
    const started = await startLocal({ ...runtimeOptions, tenants: stored, port });
    if (!started.ok) throw new Error(started.error.problem);
    return started.value;
  };
  let runtime = await start(0);
  const { url } = runtime;

  const endpoint = (tenant: string) => tenants[tenant]?.publicUrl ?? `${url}/${tenant}/mcp`;
  const mandate: Scene["mandate"] = (tenant, { caller = reader, ...wishes } = {}) =>
    mintMandate({
      signer: issuer.signer,
      iss: ISSUER,
      sub: `agent:${caller.name}`,
      aud: endpoint(tenant),
      purpose: "test",
      actions: [...SESSION_ACTIONS, ...TOOLS.map((tool) => `mcp.${tool}`)],
      ...wishes,
    });
  const run: Scene["run"] = async (tenant, wishes) => startRun(await mandate(tenant, wishes));
  const options: Scene["options"] = async (
    tenant,
    { caller = reader, method: _m, headers: _h, ...wishes } = {},
  ) => ({
    run: wishes.run ?? (await run(tenant, { caller })),
    signer: caller.signer,
    profile: caller.profile,
    audience: endpoint(tenant),
    attestation: { signer: caller.attestor, intent: "test", when: (tool) => tool === "sealed" },
    ...wishes,
  });
  const rows: Scene["rows"] = async (ids) => {
    const wanted = JSON.stringify(ids);
    for (const deadline = Date.now() + 20_000; ; ) {
      const db = await runtime.d1();
      const { results } = await db
        .prepare("SELECT * FROM audit_records WHERE id IN (SELECT value FROM json_each(?))")
        .bind(wanted)
        .all<AuditRow>();
      if (results.length >= new Set(ids).size || Date.now() > deadline)
        return new Map(results.map((row) => [row.id, row]));
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  };
  return {
    url,
    get runtime() {
      return runtime;
    },
    reader,
    writer,
    courier,
    scribe,
    readerPoc,
    endpoint,
    origin: (tenant) => origin.path(tenant),
    mandate,
    run,
    options,
    async sign(tenant, body, wishes = {}) {
      const { method = "POST" } = wishes;
      const url = new URL(endpoint(tenant));
      const headers = { ...(method === "POST" ? POST_HEADERS : GET_HEADERS), ...wishes.headers };
      const made = await addEvidence({ method, url, headers, body }, await options(tenant, wishes));
      return {
        method,
        target: url.pathname,
        headers: [["Host", url.host], ...made.headers],
        body: typeof body === "string" ? Buffer.from(body) : (body ?? Buffer.alloc(0)),
      };
    },
    send: (wire) => exchange(url, toBytes(wire)),
    rows,
    async logged(answer) {
      const decision = decisionOf(answer);
      const row = (await rows([decision])).get(decision);
      return row === undefined ? "(not logged)" : (row.reason ?? row.verdict ?? "");
    },
    async restart(between = async () => {}) {
      await runtime.dispose();
      await between();
      runtime = await start(Number(new URL(url).port));
    },
    close: async () => {
      await runtime.dispose();
      await origin.close();
    },
  };
}

const POST_HEADERS = { "content-type": "application/json", accept: "application/json, text/event-stream" };
const GET_HEADERS = { accept: "text/event-stream" };

type MadeCaller = Awaited<ReturnType<typeof makeCaller>>;

async function makeCaller(name: string, profile: RegisteredProfile, alg: "ES256" | "EdDSA" = "ES256") {
  const { signer, publicJwk } = await generateSigner({ alg, kid: `${name}-1`, extractable: true });
  const planner = await generateKeyPair("ES256", { extractable: true });
  const attestor = await importAttestationSigner({
    iss: `issuer://planner-of-${name}`,
    sub: `agent:${name}`,
    secretVersion: "v1",
    alg: "ES256",
    jwk: await exportJWK(planner.privateKey),
  });
  const caller: Caller = { name, signer, profile, attestor };
  return { caller, jwk: publicJwk, plannerJwk: await exportJWK(planner.publicKey) };
}

function document(
  id: string,
  difference: Difference,
  issuerJwk: PublicJwk,
  callers: readonly MadeCaller[],
  second: PublicJwk,
  origin: Origin,
): TenantDocument {
  const policy: TenantDocument["policy"] = difference.policy ?? {
    unsafeUnlistedTools: "read",
    tools: [{ name: "sealed", scope: "read" }],
    grants: [{ agents: callers.map(({ caller }) => caller.name), scope: "read" }],
  };
  return {
    id,
    issuers: [
      {
        iss: ISSUER,
        keys: [{ ...issuerJwk }],
        agents: callers.map(({ caller }) => caller.name),
        actions: ["mcp.*"],
      },
    ],
    agents: callers.map(({ caller: { name, profile, attestor }, jwk }) => ({
      name,
      subjects: [`agent:${name}`],
      ectIssuers: [`agent:${name}`],
      attestations: [{ iss: attestor.iss, sub: attestor.sub }],
      keys: [
        { jwk: { ...jwk }, profile },
        ...(name === "reader" ? [{ jwk: { ...second }, profile: "poc" as const }] : []),
      ],
    })),
    attestationKeys: callers.map(({ caller: { attestor }, plannerJwk }) => ({
      iss: attestor.iss,
      secretVersion: attestor.secretVersion,
      alg: "ES256" as const,
      jwk: { ...plannerJwk },
    })),
    policy,
    evidence: [
      ...(isListed("sealed", policy)
        ? [
            {
              methods: ["tools/call"],
              tools: ["sealed"],
              require: ["mandate" as const, "signature" as const, "ect" as const, "attestation" as const],
            },
          ]
        : []),
      { require: ["mandate", "signature", "ect"] },
    ],
    ...difference,
    origin: { url: origin.path(id).url, ...difference.origin },
  };
}

/** Whether other sections may name a tool: those that a policy does not list are faults. */
const isListed = (tool: string, policy: TenantDocument["policy"]): boolean =>
  (policy?.tools ?? []).some(({ name }) => name === tool);
