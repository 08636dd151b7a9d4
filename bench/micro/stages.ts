/** What each stage of the gate costs, for a tool call with mandate, ECT and signature whose mandate has been seen before. */

import {
  addEvidence,
  generateSigner,
  mintMandate,
  type PublicJwk,
  type Signer,
  startRun,
} from "../../src/agent/index.ts";
import { attemptOf, factsOf } from "../../src/attempt.ts";
import { parseBearer, verifyBearer } from "../../src/evidence/bearer.ts";
import { parseCallerEvidence, verifyCaller } from "../../src/evidence/caller.ts";
import { verifyEct } from "../../src/evidence/ect/verify.ts";
import { readFacts } from "../../src/facts.ts";
import { readMessage } from "../../src/mcp/read.ts";
import { fail, type Result } from "../../src/result.ts";
import { bindCall } from "../../src/stages/bind-call.ts";
import { permit } from "../../src/stages/permit.ts";
import { withBody } from "../../src/stages/prove-caller.ts";
import { compileTenant } from "../../src/tenant/compile.ts";
import type { Tenant } from "../../src/tenant/tenant.ts";
import { newTrail } from "../../src/trail.ts";
import { asynchronous, sync, type Work } from "./measure.ts";

const GATEWAY = "https://gateway.example";
const ISSUER = "https://issuer.example";
const SUBJECT = "agent:reader";
/** Seconds. */
const NOW = 1_790_000_000;
const BODY =
  '{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"search","arguments":{"query":"spring tides","page":3,"language":"en"}}}';

export const STAGES = [
  "a request, made",
  "the same, and its facts",
  "the same, and its message",
  "bearer",
  "digest of the body",
  "evidence",
  "of that, the ECT",
  "bind",
  "policy",
  "attempt",
] as const;

export async function stagesContest(): Promise<Readonly<Record<(typeof STAGES)[number], Work>>> {
  const issuer = await generateSigner({ alg: "EdDSA", kid: "issuer-1" });
  const agent = await generateSigner({ alg: "ES256", kid: "agent" });
  const tenant = await tenantWith(issuer.publicJwk, agent.publicJwk);
  const headers = await signedHeaders(issuer.signer, agent.signer, tenant.publicUrl);
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
  const readBearer = async () => {
    const parsed = must(parseBearer(facts.headers, tenant));
    return must(await verifyBearer(parsed, tenant, head.keys, NOW));
  };
  const received = must(await readMessage(readFactsOf(make()), tenant.maxBodyBytes));
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
  const { signature } = caller;
  if (signature === null) throw new Error("the call must be signed");
  const { key } = signature;

  return {
    "a request, made": sync(make),
    "the same, and its facts": sync(() => readFacts(make())),
    "the same, and its message": asynchronous(async () =>
      readMessage(readFactsOf(make()), tenant.maxBodyBytes),
    ),
    bearer: asynchronous(readBearer),
    "digest of the body": asynchronous(() => withBody(trail, head, received.body)),
    evidence: asynchronous(prove),
    "of that, the ECT": asynchronous(async () => {
      const { ect } = parseCallerEvidence(facts);
      if (ect.state !== "present") throw new Error("the call must have an ECT");
      const findKey = async () => ({ ok: true, value: key }) as const;
      return must(await verifyEct(ect.value, { tenant, findKey, signature, now: NOW }));
    }),
    bind: sync(() => forget(trail, bind)),
    policy: sync(() => forget(trail, () => must(permit(trail, received.message, grants, tenant, NOW)))),
    attempt: sync(() => attemptOf(trail, factsOf(trail, tenant), null)),
  };
}

/** What a check notes is not kept, or the notes would grow from time to time. */
function forget<T>(trail: { readonly checks: string[] }, work: () => T): T {
  trail.checks.length = 0;
  return work();
}

const readFactsOf = (request: Request) => must(readFacts(request));

function must<T, E>(result: Result<T, E>): T {
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
