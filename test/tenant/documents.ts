/** Tenant documents for tests, with keys made on the spot. */

import { exportJWK, generateKeyPair } from "jose";
import { toBase64url } from "../../src/encoding.ts";
import { compileTenant, type Fault } from "../../src/tenant/compile.ts";
import type { TenantDocument } from "../../src/tenant/schema/document.ts";
import type { Tenant } from "../../src/tenant/tenant.ts";

export const GATEWAY_URL = "https://gateway.example";

export type Jwk = Record<string, unknown>;

async function publicJwk(alg: "ES256" | "EdDSA" | "RS256", kid: string): Promise<Jwk> {
  const { publicKey } = await generateKeyPair(alg, { extractable: true });
  return { ...(await exportJWK(publicKey)), kid };
}

/** One key for each place of the documents below, so that none is there twice unless a test puts it there. */
export const jwks = {
  issuer: await publicJwk("EdDSA", "issuer-1"),
  secondIssuer: await publicJwk("ES256", "issuer-2"),
  reader: await publicJwk("ES256", "reader-1"),
  readerPoc: await publicJwk("ES256", "reader-poc"),
  writer: await publicJwk("EdDSA", "writer-1"),
  domain: await publicJwk("ES256", "domain-1"),
  attestation: await publicJwk("ES256", "attestation-1"),
  rsa: await publicJwk("RS256", "attestation-2"),
};

export const secret = (): string => toBase64url(crypto.getRandomValues(new Uint8Array(32)));

/** The least a tenant can have. */
export const minimal = (): TenantDocument => ({
  id: "acme",
  origin: { url: "https://origin.example/mcp" },
  issuers: [
    { iss: "https://issuer.example", keys: [jwks.issuer], agents: ["reader"], actions: ["mcp.search"] },
  ],
  agents: [{ name: "reader", subjects: ["agent:reader"], keys: [{ jwk: jwks.reader }] }],
  policy: {
    unsafeUnlistedTools: "read",
    tools: ["search", "a", "b", "c"].map((name) => ({ name, scope: "read" as const })),
  },
});

/** Every field, none with its default. */
export const full = (): TenantDocument => ({
  $schema: "https://example.com/schema.json",
  id: "acme",
  status: "suspended",
  publicUrl: "https://mcp.acme.example/mcp",
  origin: {
    url: "http://127.0.0.1:9000/mcp?shard=1",
    binding: "ORIGIN",
    timeoutSeconds: 90,
    forwardHeaders: ["x-team", "accept-language"],
    assertion: false,
    credentials: [{ header: "x-api-key", secret: "ORIGIN_ACME_KEY", prefix: "Key " }],
    unsafeForwardAuthorization: true,
  },
  audiences: ["mcp-server", "https://mcp.acme.example/mcp"],
  serverFingerprints: ["mcp://files.example"],
  allowedOrigins: ["https://app.example", "http://localhost:3000"],
  maxBodyBytes: 65536,
  issuers: [
    {
      iss: "https://issuer.example",
      keys: [jwks.issuer, jwks.secondIssuer],
      agents: ["reader"],
      actions: ["mcp.search", "mcp.session.*"],
      maxLifetimeSeconds: 600,
    },
    {
      iss: "https://other.example",
      keySources: [
        { type: "jwks", url: "https://other.example/jwks.json", binding: "KEYS" },
        { type: "did", did: "did:web:other.example" },
      ],
      agents: [],
      actions: [],
    },
  ],
  agents: [
    {
      name: "reader",
      status: "active",
      subjects: ["agent:reader", "reader"],
      ectIssuers: ["agent:reader"],
      attestations: [{ iss: "issuer://x", sub: "agent:reader" }],
      keys: [
        { jwk: jwks.reader, lane: 3 },
        { jwk: jwks.readerPoc, profile: "poc", lane: 3 },
      ],
    },
    {
      name: "writer",
      status: "suspended",
      subjects: ["agent:writer"],
      keys: [{ jwk: jwks.writer, profile: "agent", lane: 1 }],
    },
  ],
  trustDomains: [{ domain: "workloads.example", keys: [jwks.domain] }],
  attestationKeys: [
    { iss: "issuer://x", secretVersion: "v1", alg: "HS256", secret: secret() },
    { iss: "issuer://x", secretVersion: "v2", alg: "ES256", jwk: jwks.attestation },
    { iss: "issuer://y", secretVersion: "v1", alg: "RS256", jwk: jwks.rsa },
  ],
  evidence: [
    {
      methods: ["tools/call"],
      tools: ["summarize"],
      require: ["mandate", "signature", "ect", "attestation"],
    },
    { methods: ["ui/open"], require: ["mandate", "signature"] },
    { require: ["mandate", "signature", "ect"] },
  ],
  policy: { tools: [{ name: "summarize", scope: "read" }] },
  actions: { toolCall: "tool:{tool}", session: "session:{method}", extraMethods: ["ui/open"] },
  ect: { algorithms: ["EdDSA", "ES256"], maxAgeSeconds: 60 },
  attestation: { dialects: ["B"], metaKeys: ["com.example/attestation"], maxExpSeconds: 30 },
});

export const compile = (document: unknown) => compileTenant(JSON.stringify(document), GATEWAY_URL);

/** The tenant of a document without faults. */
export async function tenantOf(document: TenantDocument): Promise<Tenant> {
  const result = await compile(document);
  if (!result.ok) throw new Error(JSON.stringify(result.error));
  return result.value;
}

/** The faults of a document; empty where it has none. */
export async function faultsOf(document: unknown): Promise<readonly Fault[]> {
  const result = await compile(document);
  return result.ok ? [] : result.error;
}

/** A copy of the full document with one place changed: `set("agents.0.name", "x")`; undefined takes it out. */
export function change(place: string, value: unknown, document: TenantDocument = full()): TenantDocument {
  const copy = JSON.parse(JSON.stringify(document)) as TenantDocument;
  const steps = place.split(".");
  const last = steps.pop() ?? "";
  let here = copy as unknown as Record<string, unknown>;
  for (const step of steps) here = here[step] as Record<string, unknown>;
  if (value === undefined) delete here[last];
  else here[last] = value;
  return copy;
}
