import { brake } from "./brake.ts";
import { sha256 } from "./encoding.ts";
import { parseMandate } from "./evidence/act/parse.ts";
import { verifyAttested } from "./evidence/attested.ts";
import { checkPresence, parseCallerEvidence, verifyCaller } from "./evidence/caller.ts";
import { bindAction, bindStep } from "./evidence/ect/bind.ts";
import { type Facts, readFacts } from "./facts.ts";
import { decide } from "./ledger/client.ts";
import { checkOrigin } from "./mcp/cors.ts";
import { isModern } from "./mcp/mirrored-headers.ts";
import { idOf, methodOf, type Received, readMessage } from "./mcp/read.ts";
import { deriveAction } from "./policy/actions.ts";
import { authorize, checkCapability } from "./policy/authorize.ts";
import { requiredEvidence } from "./policy/required.ts";
import type { Reason } from "./reasons.ts";
import { fail, ok, type Result } from "./result.ts";
import { findTenant } from "./tenant/store.ts";
import type { Tenant } from "./tenant/tenant.ts";
import { attemptOf, factsOf, homeOf, type Trail } from "./trail.ts";

/** A request that may go on: a browser's preflight question, or a call that was admitted. */
export type Passage =
  | { kind: "preflight"; facts: Facts; tenant: Tenant }
  | { kind: "call"; facts: Facts; tenant: Tenant; received: Received };

/**
 * The order of the checks, and the only place that knows it: cheap before costly, pure before I/O, and what can
 * be used only once last. Each stage returns what the next needs, or the reason to refuse.
 */
export async function gate(request: Request, env: Env, trail: Trail): Promise<Result<Passage, Reason>> {
  // 0 facts
  trail.method = request.headers.get("mcp-method");
  const read = readFacts(request);
  if (!read.ok) return read;
  const facts = read.value;
  const braked = await brake(facts, env);
  if (!braked.ok) return braked;

  // 1 tenant
  const found = await findTenant(facts, env, trail.startedAt);
  if (!found.ok) return found;
  const tenant = found.value;
  trail.tenant = tenant;
  const origin = checkOrigin(facts.headers, tenant.allowedOrigins);
  if (!origin.ok) return origin;
  trail.corsOrigin = origin.value;
  if (facts.method === "OPTIONS") return ok({ kind: "preflight", facts, tenant });

  // 2 bearer: before a byte of the body is read
  const mandate = parseMandate(facts.headers);
  if (mandate.state === "absent") return fail("bearer.missing");
  if (mandate.state === "malformed") return fail(mandate.reason);

  // 3 message
  const message = await readMessage(facts, tenant.maxBodyBytes);
  if (!message.ok) {
    trail.id = message.error.id;
    trail.method = message.error.method ?? trail.method;
    return fail(message.error.reason);
  }
  const received = message.value;
  noteMessage(trail, received);
  const bodySha256 = await sha256(received.body);
  trail.bodySha256 = bodySha256;
  const now = Math.floor(Date.now() / 1000);

  // 4 evidence, 5 required
  const evidence = parseCallerEvidence(mandate.value, facts);
  const required = requiredEvidence(received.message, tenant.evidenceRules);
  if (!required.ok) return required;
  const present = checkPresence(evidence, required.value);
  if (!present.ok) return present;

  // 6 verify, 7 bind: the caller, then what it says about this call
  const verified = await verifyCaller(evidence, { tenant, facts, body: received.body, bodySha256, now });
  if (!verified.ok) return verified;
  const caller = verified.value;
  trail.caller = caller;
  trail.checks.push("mandate", `signature.${caller.key.profile}`);
  if (caller.ect !== null) {
    const step = bindStep(caller.ect, {
      bodySha256,
      hasBody: received.body.length > 0,
      mandate: caller.mandate,
    });
    if (!step.ok) return step;
    trail.step = caller.ect;
    trail.checks.push("ect");
  }
  const bound = bindCall(trail, received, tenant);
  if (!bound.ok) return bound;
  const needsAttestation = required.value.has("attestation");
  const agent = caller.key.agent;
  const attested = await verifyAttested({ tenant, facts, received, agent, required: needsAttestation, now });
  if (!attested.ok) return attested;
  trail.attested = attested.value;
  if (attested.value !== null) trail.checks.push(`attestation.${attested.value.dialect}`);

  // 8 policy
  const authorized = authorize(tenant, agent);
  if (!authorized.ok) return authorized;
  trail.checks.push("policy");

  // 9 admit
  const admitted = await admit(trail, tenant, env);
  return admitted.ok ? ok({ kind: "call", facts, tenant, received }) : admitted;
}

function noteMessage(trail: Trail, { message }: Received): void {
  trail.id = idOf(message);
  trail.method = methodOf(message);
  trail.tool = message.kind === "request" && message.tool !== null ? message.tool.name : null;
  trail.modern = isModern(message);
}

/** Binds ECT and mandate to the action of the message. GET, DELETE and responses have none: the bearer covers them. */
function bindCall(trail: Trail, { message }: Received, tenant: Tenant): Result<void, Reason> {
  if (trail.caller === null || (message.kind !== "request" && message.kind !== "notification"))
    return ok(undefined);
  const action = deriveAction(message.method, trail.tool, tenant.actions);
  if (!action.ok) return action;
  trail.action = action.value;
  const named = trail.step === null ? ok(undefined) : bindAction(trail.step, action.value);
  if (!named.ok) return named;
  const capable = checkCapability(trail.caller.mandate, action.value);
  if (capable.ok) trail.checks.push("capability");
  return capable;
}

/** The last step before forwarding: claims what can be used once and writes the decision, in one transaction. */
async function admit(trail: Trail, tenant: Tenant, env: Env): Promise<Result<void, Reason>> {
  const home = homeOf(trail) ?? "";
  const ruled = await decide(env, home, attemptOf(trail, factsOf(trail, tenant, null), null));
  if (!ruled.ok) return ruled;
  trail.ruling = ruled.value;
  return ruled.value.verdict === "admitted" ? ok(undefined) : fail(ruled.value.reason ?? "internal.error");
}
