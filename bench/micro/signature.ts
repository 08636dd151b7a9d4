/** What verifying a caller's HTTP signature costs beside the one operation nobody can do without. */

import {
  addEvidence,
  generateSigner,
  mintMandate,
  SESSION_ACTIONS,
  type Signer,
  startRun,
} from "../../src/agent/index.ts";
import { agentKeys } from "../../src/evidence/agent-key.ts";
import { signatureBase } from "../../src/evidence/http-signature/base.ts";
import { parseHttpSignature } from "../../src/evidence/http-signature/parse.ts";
import { verifyRegistered } from "../../src/evidence/http-signature/verify.ts";
import { algorithmOf } from "../../src/keys/algorithms.ts";
import { fail } from "../../src/result.ts";
import { compileTenant } from "../../src/tenant/compile.ts";
import type { Tenant } from "../../src/tenant/tenant.ts";
import { asynchronous, type Work } from "./measure.ts";

export const SIGNATURE_ALGORITHMS = ["ES256", "EdDSA"] as const;

const GATEWAY = "https://gateway.example";
const ISSUER = "https://issuer.example";
const SUBJECT = "agent:reader";
/** Seconds. */
const NOW = 1_790_000_000;
const BODY =
  '{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"search","arguments":{"query":"spring tides"}}}';

type Algorithm = (typeof SIGNATURE_ALGORITHMS)[number];

/**
 * `bare` verifies the signature over a signature base that is ready. `whole` starts from the headers as received: it
 * parses the two fields, finds the key, checks parameters and coverage, builds the base, and verifies. Profile `agent`.
 */
export async function signatureContest(alg: Algorithm): Promise<Record<"bare" | "whole", Work>> {
  const agent = await generateSigner({ alg, kid: "agent" });
  const tenant = await tenantWith(agent.publicJwk);
  const headers = await signedHeaders(agent.signer, tenant.publicUrl);
  const message = { kind: "request", method: "POST", targetUri: tenant.publicUrl, headers } as const;
  const context = {
    message,
    hasBody: true,
    policy: tenant.signature,
    forwardHeaders: tenant.origin.forwardHeaders,
    audiences: tenant.audiences,
    now: NOW,
  };
  const signatures = () => {
    const presented = parseHttpSignature(headers);
    if (presented.state !== "present") throw new Error("the request must be signed");
    return presented.value;
  };

  const reader = tenant.agents.bySubject.get(SUBJECT);
  const key = tenant.agents.keys.get("agent");
  const [signature] = signatures();
  if (reader === undefined || key === undefined || signature === undefined)
    throw new Error("nothing to verify");
  const base = signatureBase(message, signature);
  if (!base.ok) throw new Error(base.error);
  const { webCrypto } = algorithmOf(key.alg);
  const findKey = agentKeys(reader, tenant, async () => fail("unknown"));

  const bare = () => crypto.subtle.verify(webCrypto, key.key, signature.bytes, base.value);
  const whole = () => verifyRegistered(signatures(), findKey, context);
  if (!(await bare()) || !(await whole()).ok) throw new Error("the signature must verify");
  return { bare: asynchronous(bare), whole: asynchronous(whole) };
}

async function tenantWith(publicJwk: object): Promise<Tenant> {
  const issuer = await generateSigner({ alg: "EdDSA" });
  const document = {
    id: "bench",
    origin: { url: "https://origin.example/mcp" },
    issuers: [
      {
        iss: ISSUER,
        keys: [issuer.publicJwk],
        agents: ["reader"],
        actions: ["mcp.*"],
        maxLifetimeSeconds: 3600,
      },
    ],
    agents: [{ name: "reader", subjects: [SUBJECT], keys: [{ jwk: publicJwk }] }],
    ect: { algorithms: ["ES256", "EdDSA"] },
  };
  const tenant = await compileTenant(JSON.stringify(document), GATEWAY);
  if (!tenant.ok) throw new Error(JSON.stringify(tenant.error));
  return tenant.value;
}

/** A tool call as the kit signs it, with the headers that an MCP client of revision 2026-07-28 sends. */
async function signedHeaders(signer: Signer, url: string): Promise<ReadonlyMap<string, string>> {
  const issuer = await generateSigner({ alg: "EdDSA" });
  const mandate = await mintMandate({
    signer: issuer.signer,
    iss: ISSUER,
    sub: SUBJECT,
    aud: url,
    purpose: "Find recent papers on tides",
    actions: [...SESSION_ACTIONS, "mcp.search"],
    now: NOW,
  });
  const headers = {
    accept: "application/json, text/event-stream",
    "content-type": "application/json",
    "mcp-method": "tools/call",
    "mcp-name": "search",
    "mcp-protocol-version": "2026-07-28",
    "user-agent": "bench",
  };
  const evidence = await addEvidence(
    { method: "POST", url, headers, body: BODY },
    { run: startRun(mandate), signer, now: () => NOW },
  );
  return new Map(evidence.headers);
}
