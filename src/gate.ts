import { attemptOf, factsOf, homeOf } from "./attempt.ts";
import { brake } from "./brake.ts";
import { sha256 } from "./encoding.ts";
import { bindCapability } from "./evidence/act/bind.ts";
import { parseMandate } from "./evidence/act/parse.ts";
import { verifyMandate } from "./evidence/act/verify.ts";
import { ATTESTATION_HEADER, verifyAttested } from "./evidence/attested.ts";
import { type Caller, checkPresence, covers, parseCallerEvidence, verifyCaller } from "./evidence/caller.ts";
import { bindAction, bindStep } from "./evidence/ect/bind.ts";
import { type Facts, readFacts } from "./facts.ts";
import { decide } from "./ledger/client.ts";
import { checkOrigin } from "./mcp/cors.ts";
import { isModern } from "./mcp/mirrored-headers.ts";
import { idOf, methodOf, type Received, readMessage } from "./mcp/read.ts";
import { deriveAction } from "./policy/actions.ts";
import { authorize } from "./policy/authorize.ts";
import { requiredEvidence } from "./policy/required.ts";
import type { Reason } from "./reasons.ts";
import { fail, ok, type Result } from "./result.ts";
import { findTenant } from "./tenant/store.ts";
import type { Tenant } from "./tenant/tenant.ts";
import type { Trail } from "./trail.ts";

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
  trail.claimedMethod = request.headers.get("mcp-method");
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
  const browser = checkOrigin(facts.headers, tenant.allowedOrigins);
  if (!browser.ok) return browser;
  trail.corsOrigin = browser.value;
  if (facts.method === "OPTIONS") return ok({ kind: "preflight", facts, tenant });

  // 2 bearer: before a byte of the body is read, so that strangers cannot make us hold bodies
  const bearer = parseMandate(facts.headers);
  if (bearer.state === "absent") return fail("bearer.missing");
  if (bearer.state === "malformed") return fail(bearer.reason);
  const mandate = await verifyMandate(bearer.value, tenant, seconds());
  if (!mandate.ok) return mandate;
  trail.mandate = mandate.value;
  trail.checks.push("mandate");

  // 3 message
  const message = await readMessage(facts, tenant.maxBodyBytes);
  if (!message.ok) {
    trail.id = message.error.id;
    trail.method = message.error.method;
    return fail(message.error.reason);
  }
  const received = message.value;
  noteMessage(trail, received, facts);
  const bodySha256 = await sha256(received.body);
  trail.bodySha256 = bodySha256;
  const now = seconds();

  // 4 evidence, 5 required
  const evidence = parseCallerEvidence(facts);
  const required = requiredEvidence(received.message, tenant.evidenceRules);
  if (!required.ok) return required;
  const present = checkPresence(evidence, required.value);
  if (!present.ok) return present;

  // 6 verify, 7 bind: the caller, then what it says about this call
  const context = { tenant, facts, body: received.body, bodySha256, now };
  const verified = await verifyCaller(mandate.value, evidence, context);
  if (!verified.ok) return verified;
  const caller = verified.value;
  trail.caller = caller;
  trail.checks.push(`signature.${caller.key.profile}`);
  const bound = bindCall(trail, caller, received, bodySha256, tenant);
  if (!bound.ok) return bound;
  const needsAttestation = required.value.has("attestation");
  const agent = caller.key.agent;
  const attested = await verifyAttested({ tenant, facts, received, agent, required: needsAttestation, now });
  if (!attested.ok) {
    // A header that the signature does not cover may be anybody's: it must not use up the caller's ECT.
    if (facts.headers.has(ATTESTATION_HEADER) && !covers(caller, ATTESTATION_HEADER)) trail.step = null;
    return attested;
  }
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

/** The clock, read anew after the body: its sender decides how long that takes. */
const seconds = (): number => Math.floor(Date.now() / 1000);

function noteMessage(trail: Trail, { message }: Received, facts: Facts): void {
  trail.id = idOf(message);
  trail.method = methodOf(message) ?? facts.method;
  trail.tool = message.kind === "request" && message.tool !== null ? message.tool.name : null;
  trail.modern = isModern(message);
}

/** Binds the ECT to body and mandate, and both to the action of the message. */
function bindCall(
  trail: Trail,
  { ect, mandate }: Caller,
  { message, body }: Received,
  bodySha256: Uint8Array,
  tenant: Tenant,
): Result<void, Reason> {
  if (message.kind !== "request" && message.kind !== "notification") {
    // GET, DELETE and responses have no action: an ECT there could claim any, and the run would show it as done.
    return ect === null ? ok(undefined) : fail("ect.misplaced");
  }
  if (ect !== null) {
    const step = bindStep(ect, { bodySha256, hasBody: body.length > 0, mandate });
    if (!step.ok) return step;
    trail.step = ect;
    trail.checks.push("ect");
  }
  const action = deriveAction(message.method, trail.tool, tenant.actions);
  if (!action.ok) return action;
  trail.action = action.value;
  const named = ect === null ? ok(undefined) : bindAction(ect, action.value);
  if (!named.ok) return named;
  const capable = bindCapability(mandate, action.value);
  if (capable.ok) trail.checks.push("capability");
  return capable;
}

/** The last step before forwarding: claims what can be used once and writes the decision, in one transaction. */
async function admit(trail: Trail, tenant: Tenant, env: Env): Promise<Result<void, Reason>> {
  const ruled = await decide(env, homeOf(trail, tenant), attemptOf(trail, factsOf(trail, tenant), null));
  if (!ruled.ok) return ruled;
  trail.ruling = ruled.value;
  return ruled.value.verdict === "admitted" ? ok(undefined) : fail(ruled.value.reason ?? "internal.error");
}
