/** The base documents of `vectors/tenants.json`. A case changes what it is about. */

import type { TenantDocument } from "../../src/tenant/schema/document.ts";
import type { Tenants } from "./format.ts";
import { type Jwk, key } from "./make/keys.ts";

export const ISSUER = "https://issuer.example";
export const OTHER_ISSUER = "https://other.example";
export const PLANNER = "https://planner.example";
export const BOBS_PLANNER = "https://bobs-planner.example";

const jwk = (name: string): Jwk => key(name).publicJwk;

const secret = (name: string): string => key(name).secret ?? "";

/**
 * Three agents: `ada` (with keys of every sort), `bob`, and `courier`, whose key has the profile poc. The tool `sealed`
 * needs an attestation; `ping` and `tools/list` need no ECT.
 */
const standard: TenantDocument = {
  id: "standard",
  origin: { url: "https://origin.example/mcp" },
  issuers: [
    {
      iss: ISSUER,
      keys: [jwk("issuer"), jwk("issuer-p256")],
      agents: ["ada", "bob", "courier"],
      actions: ["mcp.*"],
      maxLifetimeSeconds: 3600,
    },
    {
      iss: OTHER_ISSUER,
      keys: [jwk("other-issuer")],
      agents: ["bob"],
      actions: ["mcp.search", "mcp.session.*"],
      maxLifetimeSeconds: 900,
    },
  ],
  agents: [
    {
      name: "ada",
      subjects: ["agent:ada"],
      attestations: [{ iss: PLANNER, sub: "agent:ada" }],
      keys: [
        { jwk: jwk("ada") },
        { jwk: jwk("ada-second") },
        { jwk: jwk("ada-ed25519") },
        { jwk: jwk("ada-poc"), profile: "poc" },
      ],
    },
    {
      name: "bob",
      subjects: ["agent:bob"],
      ectIssuers: ["spiffe://example.com/bob"],
      attestations: [{ iss: BOBS_PLANNER, sub: "agent:bob" }],
      keys: [{ jwk: jwk("bob") }],
    },
    {
      name: "courier",
      subjects: ["agent:courier"],
      keys: [{ jwk: jwk("courier"), profile: "poc" }],
    },
  ],
  attestationKeys: [
    { iss: PLANNER, secretVersion: "v1", alg: "HS256", secret: secret("planner-hs256") },
    { iss: PLANNER, secretVersion: "v2", alg: "ES256", jwk: jwk("planner-es256") },
    { iss: PLANNER, secretVersion: "v3", alg: "RS256", jwk: jwk("planner-rs256") },
    { iss: BOBS_PLANNER, secretVersion: "v1", alg: "HS256", secret: secret("bob-planner") },
  ],
  policy: {
    unsafeUnlistedTools: "read",
    tools: [{ name: "sealed", scope: "read" }],
    grants: [{ agents: ["ada", "bob", "courier"], scope: "read" }],
  },
  evidence: [
    { methods: ["ping", "tools/list"], require: ["mandate", "signature"] },
    {
      methods: ["tools/call"],
      tools: ["sealed"],
      require: ["mandate", "signature", "ect", "attestation"],
    },
    { require: ["mandate", "signature", "ect"] },
  ],
};

export const TENANTS = { standard } satisfies Tenants;

export type TenantName = keyof typeof TENANTS;
