/** A tool call with mandate, ECT and signature, as it stands at each stage. */

import {
  addEvidence,
  generateSigner,
  mintMandate,
  type PublicJwk,
  type Signer,
  startRun,
} from "../../src/agent/index.ts";
import { parseBearer, verifyBearer } from "../../src/evidence/bearer.ts";
import { parseCallerEvidence, verifyCaller } from "../../src/evidence/caller.ts";
import { readFacts } from "../../src/facts.ts";
import { readMessage } from "../../src/mcp/read.ts";
import { fail, type Result } from "../../src/result.ts";
import { bindCall } from "../../src/stages/bind-call.ts";
import { withBody } from "../../src/stages/prove-caller.ts";
import { compileTenant } from "../../src/tenant/compile.ts";
import type { Tenant } from "../../src/tenant/tenant.ts";
import { newTrail } from "../../src/trail.ts";

const GATEWAY = "https://gateway.example";
const ISSUER = "https://issuer.example";
const SUBJECT = "agent:reader";
/** Seconds. */
export const NOW = 1_790_000_000;
const BODY =
  '{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"search","arguments":{"query":"spring tides","page":3,"language":"en"}}}';

export type StagedCall = Awaited<ReturnType<typeof stageCall>>;

/** @returns what each stage takes, and what does it once more */
export async function stageCall() {
  const issuer = await generateSigner({ alg: "EdDSA", kid: "issuer-1" });
  const agent = await generateSigner({ alg: "ES256", kid: "agent" });
  const tenant = await tenantWith(issuer.publicJwk, agent.publicJwk);
  const headers = await signedHeaders(issuer.signer, agent.signer, tenant.publicUrl);
  // As any client sends it; `Request` has none.
  headers.set("content-length", String(BODY.length));
  const make = () => new Request(tenant.publicUrl, { method: "POST", headers, body: BODY });

  const trail = newTrail(NOW * 1000);
  trail.tenant = tenant;
  trail.endpoint = { kind: "mcp" };
  const facts = must(readFacts(make()));
  const head = {
    facts,
    tenant,
    target: tenant.publicUrl,
    keys: async () => fail("unknown" as const),
  } as const;
  const presented = must(parseBearer(facts.headers, tenant));
  const readBearer = async () => {
    const parsed = must(parseBearer(facts.headers, tenant));
    return must(await verifyBearer(parsed, tenant, head.keys, NOW));
  };
  const received = must(await readMessage(must(readFacts(make())), tenant.maxBodyBytes));
  const context = { ...(await withBody(trail, head, received.body)), now: NOW };
  const bearer = await readBearer();
  if (bearer.kind !== "mandate") throw new Error("the bearer must be a mandate");
  const prove = async () => must(await verifyCaller(bearer.mandate, parseCallerEvidence(facts), context));
  const caller = await prove();
  trail.mandate = bearer.mandate;
  trail.caller = caller;
  trail.method = "tools/call";
  trail.tool = "search";
  const bind = () => must(bindCall(trail, caller, received, context.bodySha256, tenant));
  const grants = bind();
  return {
    tenant,
    make,
    trail,
    facts,
    head,
    presented,
    readBearer,
    received,
    context,
    prove,
    caller,
    bind,
    grants,
  };
}

export function must<T, E>(result: Result<T, E>): T {
  if (!result.ok) throw new Error(String(result.error));
  return result.value;
}

async function tenantWith(issuer: PublicJwk, agent: PublicJwk): Promise<Tenant> {
  const document = {
    id: "bench",
    origin: { url: "https://origin.example/mcp" },
    issuers: [{ iss: ISSUER, keys: [issuer], agents: ["reader"], actions: ["mcp.search"] }],
    agents: [{ name: "reader", subjects: [SUBJECT], ectIssuers: [SUBJECT], keys: [{ jwk: agent }] }],
    policy: {
      tools: [{ name: "search", scope: "read" }],
      grants: [{ agents: ["reader"], scope: "read" }],
    },
  };
  return must(await compileTenant(JSON.stringify(document), GATEWAY));
}

async function signedHeaders(issuer: Signer, agent: Signer, url: string): Promise<Headers> {
  const mandate = await mintMandate({
    signer: issuer,
    iss: ISSUER,
    sub: SUBJECT,
    aud: url,
    purpose: "Find recent papers on tides",
    actions: ["mcp.search"],
    now: NOW,
  });
  const headers = {
    accept: "application/json, text/event-stream",
    "content-type": "application/json",
    "mcp-protocol-version": "2025-11-25",
  };
  const evidence = await addEvidence(
    { method: "POST", url, headers, body: BODY },
    { run: startRun(mandate), signer: agent, now: () => NOW },
  );
  return evidence.headers;
}
