/** Countersign in workerd in front of an MCP server, and before it a hop that signs for a client that cannot. */

import { generateSigner, mintMandate, SESSION_ACTIONS, startRun } from "../../src/agent/index.ts";
import { startLocal } from "../../src/cli/local/runtime.ts";
import { storedTenant } from "../../src/cli/local/tenants.ts";
import type { TenantDocument } from "../../src/tenant/schema/document.ts";
import { type HopRoute, startSigningHop } from "../support/signing-hop.ts";

export interface Gateway {
  /** What a client is pointed at: the hop. */
  readonly url: string;
  close(): Promise<void>;
}

const ISSUER = "https://issuer.test";
const AGENT = "suite";

/** @param tools names of the server's tools: the mandate grants them, and all session methods */
export async function startGateway(originUrl: string, tools: readonly string[]): Promise<Gateway> {
  const issuer = await generateSigner({ alg: "EdDSA", kid: "issuer-1" });
  const agent = await generateSigner({ alg: "ES256", kid: "suite-1" });
  const route = Promise.withResolvers<HopRoute>();
  const hop = await startSigningHop(() => route.promise);
  const tenant: TenantDocument = {
    id: "conformance",
    origin: { url: originUrl },
    // The suite says where it means to be, as a browser would (dns-rebinding-protection).
    allowedOrigins: [hop.origin],
    issuers: [{ iss: ISSUER, keys: [{ ...issuer.publicJwk }], agents: [AGENT], actions: ["mcp.*"] }],
    agents: [
      {
        name: AGENT,
        subjects: [`agent:${AGENT}`],
        keys: [{ jwk: { ...agent.publicJwk }, profile: "agent" }],
      },
    ],
    policy: { unsafeUnlistedTools: "read", grants: [{ agents: [AGENT], scope: "read" }] },
    evidence: [{ require: ["mandate", "signature", "ect"] }],
  };
  const started = await startLocal({ tenants: [storedTenant(JSON.stringify(tenant))] });
  if (!started.ok) throw new Error(started.error.problem);
  const runtime = started.value;

  const endpoint = `${runtime.url}/${tenant.id}/mcp`;
  const mandate = await mintMandate({
    signer: issuer.signer,
    iss: ISSUER,
    sub: `agent:${AGENT}`,
    aud: endpoint,
    purpose: "conformance",
    actions: [...SESSION_ACTIONS, ...tools.map((tool) => `mcp.${tool}`)],
  });
  route.resolve({ endpoint, evidence: { run: startRun(mandate), signer: agent.signer } });
  return {
    url: `${hop.origin}/${tenant.id}/mcp`,
    close: async () => {
      await hop.close();
      await runtime.dispose();
    },
  };
}
