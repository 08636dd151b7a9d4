/** A tenant that knows an issuer and an agent, requests made with the kit, and the checks of the gate on them. */

import {
  addEvidence,
  type EvidenceOptions,
  type FetchFunction,
  generateSigner,
  type MandateGrant,
  mintMandate,
  type OutgoingRequest,
  SESSION_ACTIONS,
  startRun,
} from "../../src/agent/index.ts";
import { sha256, toBase64url } from "../../src/encoding.ts";
import { bindCapability, permitCall } from "../../src/evidence/act/bind.ts";
import { parseMandate } from "../../src/evidence/act/parse.ts";
import { verifyMandate } from "../../src/evidence/act/verify.ts";
import { type Attested, bindAttested, verifyAttested } from "../../src/evidence/attested.ts";
import {
  type AgentCaller,
  checkPresence,
  parseCallerEvidence,
  verifyCaller,
} from "../../src/evidence/caller.ts";
import { bindAction, bindStep } from "../../src/evidence/ect/bind.ts";
import { readFacts } from "../../src/facts.ts";
import { readMessage } from "../../src/mcp/read.ts";
import { deriveAction } from "../../src/policy/actions.ts";
import { requiredEvidence } from "../../src/policy/required.ts";
import type { Reason } from "../../src/reasons.ts";
import { fail, ok, type Result } from "../../src/result.ts";
import { compileTenant } from "../../src/tenant/compile.ts";
import type { TenantDocument } from "../../src/tenant/schema/document.ts";
import type { Tenant } from "../../src/tenant/tenant.ts";
import { noRemoteKeys } from "../support/agents.ts";

export const NOW = 1_767_225_600;
export const URL_OF_TENANT = "https://gateway.example/acme/mcp";
export const ISS = "https://issuer.example";
export const SUB = "agent:researcher";
export const PLANNER = "https://planner.example";

/** Key pairs, made once: each test file has its own. */
export const issuer = await generateSigner({ alg: "EdDSA", kid: "issuer-1" });
export const p256 = await generateSigner({ alg: "ES256" });
export const ed25519 = await generateSigner({ alg: "EdDSA", kid: "agent-ed25519" });
export const poc = await generateSigner({ alg: "ES256", kid: "agent-poc" });
export const stranger = await generateSigner({ alg: "ES256", kid: p256.signer.kid });

export const secret = crypto.getRandomValues(new Uint8Array(32));
export const hmacKey = {
  iss: PLANNER,
  secretVersion: "v1",
  alg: "HS256",
  secret: toBase64url(secret),
} as const;

/** The issuer of the mandates here, allowed to grant these actions. */
export const issuersFor = (actions: string[]): TenantDocument["issuers"] => [
  { iss: ISS, keys: [{ ...issuer.publicJwk }], agents: ["researcher"], actions },
];

export async function tenantOf(changes: Partial<TenantDocument> = {}): Promise<Tenant> {
  const document: TenantDocument = {
    id: "acme",
    origin: { url: "https://origin.example/mcp" },
    policy: { unsafeUnlistedTools: "read", grants: [{ agents: ["researcher"], scope: "read" }] },
    issuers: issuersFor(["mcp.search", "mcp.fetch", "mcp.session.*"]),
    agents: [
      {
        name: "researcher",
        subjects: [SUB],
        ectIssuers: [SUB, "spiffe://example/researcher"],
        attestations: [{ iss: PLANNER, sub: SUB }],
        keys: [
          { jwk: { ...p256.publicJwk } },
          { jwk: { ...ed25519.publicJwk } },
          { jwk: { ...poc.publicJwk }, profile: "poc" },
        ],
      },
    ],
    attestationKeys: [hmacKey],
    ect: { algorithms: ["ES256", "EdDSA"] },
    ...changes,
  };
  const compiled = await compileTenant(JSON.stringify(document), "https://gateway.example");
  if (!compiled.ok) throw new Error(JSON.stringify(compiled.error));
  return compiled.value;
}

export const tenant = await tenantOf();

export const mandateFor = (changes: Partial<MandateGrant> = {}): Promise<string> =>
  mintMandate({
    signer: issuer.signer,
    iss: ISS,
    sub: SUB,
    aud: URL_OF_TENANT,
    purpose: "Find recent papers on tides",
    actions: [...SESSION_ACTIONS, "mcp.search"],
    now: NOW,
    ...changes,
  });

export const mandate = await mandateFor();

/** Options of an agent with a new run, at the fixed time. */
export const agent = (changes: Partial<EvidenceOptions> = {}): EvidenceOptions => ({
  run: startRun(mandate),
  signer: p256.signer,
  now: () => NOW,
  ...changes,
});

export const rpc = (method: string, params?: unknown, id: number | null = 1): string =>
  JSON.stringify({
    jsonrpc: "2.0",
    ...(id !== null && { id }),
    method,
    ...(params !== undefined && { params }),
  });

export const SEARCH = rpc("tools/call", { name: "search", arguments: { q: "tides", limit: 3 } });

export const post = (body: string | Uint8Array): OutgoingRequest => ({
  method: "POST",
  url: URL_OF_TENANT,
  headers: { "content-type": "application/json", accept: "application/json, text/event-stream" },
  body,
});

export const toRequest = ({ method, url, body }: OutgoingRequest, headers: Headers): Request =>
  new Request(url, { method, headers, body: body == null ? null : new Uint8Array(bytes(body)) });

const bytes = (body: string | Uint8Array) =>
  typeof body === "string" ? new TextEncoder().encode(body) : body;

export interface Verified {
  readonly caller: AgentCaller;
  readonly attested: Attested | null;
}

/** The stages of the gate from 2 to 7, without a ledger. */
export async function judge(
  request: Request,
  { by = tenant, now = NOW }: { by?: Tenant; now?: number } = {},
): Promise<Result<Verified, Reason>> {
  const read = readFacts(request);
  if (!read.ok) return read;
  const facts = read.value;
  const bearer = parseMandate(facts.headers);
  if (bearer.state !== "present") return fail(bearer.state === "absent" ? "bearer.missing" : bearer.reason);
  const message = await readMessage(facts, by.maxBodyBytes);
  if (!message.ok) return fail(message.error.reason);
  const received = message.value;
  const bodySha256 = await sha256(received.body);
  const mandate = await verifyMandate(bearer.value, by, noRemoteKeys, now);
  if (!mandate.ok) return mandate;
  const evidence = parseCallerEvidence(facts);
  const required = requiredEvidence(received.message, by.evidenceRules, mandate.value.agent);
  if (!required.ok) return required;
  const presence = checkPresence(evidence, required.value);
  if (!presence.ok) return presence;
  const context = {
    tenant: by,
    facts,
    target: by.publicUrl,
    body: received.body,
    bodySha256,
    keys: noRemoteKeys,
    now,
  };
  const verified = await verifyCaller(mandate.value, evidence, context);
  if (!verified.ok) return verified;
  const caller = verified.value;
  const bound = bindCall(caller, received.message, bodySha256, by);
  if (!bound.ok) return bound;
  const shown = await verifyAttested({
    tenant: by,
    facts,
    received,
    agent: caller.agent,
    required: required.value.has("attestation"),
    now,
  });
  if (!shown.ok) return shown;
  if (shown.value === null) return ok({ caller, attested: null });
  const attested = await bindAttested(shown.value, { tenant: by, received });
  return attested.ok ? ok({ caller, attested: attested.value }) : attested;
}

function bindCall(
  { ect, mandate }: AgentCaller,
  message: Parameters<typeof requiredEvidence>[0],
  bodySha256: Uint8Array,
  by: Tenant,
): Result<void, Reason> {
  const step = ect === null ? ok(undefined) : bindStep(ect, { bodySha256, hasBody: true, mandate });
  if (!step.ok || (message.kind !== "request" && message.kind !== "notification")) return step;
  const tool = message.kind === "request" ? (message.tool?.name ?? null) : null;
  const action = deriveAction(message.method, tool, by.actions);
  if (!action.ok) return action;
  const named = ect === null ? ok(undefined) : bindAction(ect, action.value);
  if (!named.ok) return named;
  const grants = bindCapability(mandate, action.value);
  if (!grants.ok) return grants;
  const args = message.kind === "request" && message.tool !== null ? message.tool.arguments : null;
  const permitted = permitCall(grants.value, args);
  return permitted.ok ? ok(undefined) : permitted;
}

/** Adds evidence and judges what would be sent. */
export async function pass(
  outgoing: OutgoingRequest,
  options: EvidenceOptions,
  by?: Parameters<typeof judge>[1],
) {
  const { headers } = await addEvidence(outgoing, options);
  return judge(toRequest(outgoing, headers), by);
}

/** "ok" or the reason code. */
export const outcome = (result: Result<unknown, Reason>): string => (result.ok ? "ok" : result.error);

/** What was verified; fails the test with the reason otherwise. */
export function verified(result: Result<Verified, Reason>): Verified {
  if (!result.ok) throw new Error(result.error);
  return result.value;
}

/** Stands for the network: keeps what it was given and answers with what it is told. */
export function fakeNetwork(answer: (request: Request) => Response = () => recorded()) {
  const sent: { request: Request; input: string | URL | Request; init: RequestInit | undefined }[] = [];
  const fetch: FetchFunction = async (input, init) => {
    const request = new Request(input, init);
    sent.push({ request, input, init });
    return answer(request);
  };
  return { sent, fetch };
}

export const recorded = (value: string | null = "recorded"): Response =>
  new Response("{}", { headers: value === null ? {} : { "countersign-ect": value } });
