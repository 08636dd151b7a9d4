/** Who calls whom in the benchmark: plain data, so that each process has the same. */

import { exportJWK, generateKeyPair, type JWK } from "jose";
import { HOST } from "../../src/cli/local/port.ts";

/** Each has a ledger of its own. */
const AGENTS = 8;

/** What a call carries: a mandate, an ECT and a signature; or an attestation too. Each is a tenant and a tool. */
export const PROFILES = ["full", "attested"] as const;

export type Profile = (typeof PROFILES)[number];

export interface KeyPair {
  readonly privateJwk: JWK;
  readonly publicJwk: JWK;
}

export interface BenchAgent extends KeyPair {
  readonly name: string;
}

export interface World {
  /** Of Countersign, and the `Host` of every request, whoever it is sent to. */
  readonly port: number;
  readonly originUrl: string;
  /** Ed25519. */
  readonly issuer: KeyPair;
  /** P-256, as that of the planner that attests the calls of all. */
  readonly agents: readonly BenchAgent[];
  readonly planner: KeyPair;
}

export const ISSUER = "https://issuer.bench.example";
export const PLANNER = "issuer://planner.bench.example";

/** What callers sign as the target, and what their evidence is for. */
export const audienceOf = ({ port }: Pick<World, "port">, tenant: string): string =>
  `http://${HOST}:${port}/${tenant}/mcp`;

export async function makeWorld(port: number, originUrl: string, agents = AGENTS): Promise<World> {
  const names = Array.from({ length: agents }, (_, i) => `agent-${i}`);
  return {
    port,
    originUrl,
    issuer: await makeKeys("EdDSA", "issuer-1"),
    agents: await Promise.all(names.map(async (name) => ({ name, ...(await makeKeys("ES256", name)) }))),
    planner: await makeKeys("ES256", "planner-1"),
  };
}

async function makeKeys(alg: "EdDSA" | "ES256", kid: string): Promise<KeyPair> {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
  const named = async (key: CryptoKey) => ({ ...(await exportJWK(key)), kid, alg });
  return { privateJwk: await named(privateKey), publicJwk: await named(publicKey) };
}

/** The tenant document of a profile: nothing but what it needs is set. */
export function tenantDocument({ originUrl, issuer, agents, planner }: World, profile: Profile): string {
  const attested = profile === "attested";
  return JSON.stringify({
    id: profile,
    origin: { url: originUrl },
    issuers: [
      {
        iss: ISSUER,
        keys: [issuer.publicJwk],
        agents: agents.map(({ name }) => name),
        actions: ["mcp.search"],
      },
    ],
    agents: agents.map(({ name, publicJwk }) => ({
      name,
      subjects: [`agent:${name}`],
      ectIssuers: [`agent:${name}`],
      keys: [{ jwk: publicJwk, profile: "agent" }],
      ...(attested && { attestations: [{ iss: PLANNER, sub: `agent:${name}` }] }),
    })),
    ...(attested && {
      attestationKeys: [{ iss: PLANNER, secretVersion: "v1", alg: "ES256", jwk: planner.publicJwk }],
    }),
    policy: {
      tools: [{ name: "search", scope: "read" }],
      grants: [{ agents: agents.map(({ name }) => name), scope: "read" }],
    },
    evidence: [
      attested
        ? { methods: ["tools/call"], require: ["mandate", "signature", "ect", "attestation"] }
        : { require: ["mandate", "signature", "ect"] },
    ],
  });
}
